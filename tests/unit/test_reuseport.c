#include "unit.h"

#include <errno.h>
#include <netinet/ip.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/reuseport.h"
#include "net/udp.h"
#include "net_fixture.h"

#define CLIENTS 240
#define BUFFER_BYTES (1 << 20)

/* Computed apart, from the header's formula. */
START_TEST(known_values)
{
	static const struct {
		uint32_t ip;
		uint16_t port;
		uint16_t of_2, of_3, of_5, of_256;
	} known[] = {
		{ 0x7f000001, 1, 1, 0, 0, 131 },
		{ 0x7f000001, 3478, 0, 1, 3, 150 },
		{ 0xc0000201, 40000, 0, 1, 2, 254 },
		{ 0xcb00710a, 65535, 0, 1, 0, 140 },
		{ 0xffffffff, 49152, 1, 2, 4, 155 },
		{ 0x00000000, 0, 0, 0, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		struct addr a = addr_ipv4(known[i].ip, known[i].port);

		ck_assert_uint_eq(reuseport_worker_of(&a, 1), 0);
		ck_assert_uint_eq(reuseport_worker_of(&a, 2), known[i].of_2);
		ck_assert_uint_eq(reuseport_worker_of(&a, 3), known[i].of_3);
		ck_assert_uint_eq(reuseport_worker_of(&a, 5), known[i].of_5);
		ck_assert_uint_eq(reuseport_worker_of(&a, 256),
				  known[i].of_256);
	}
}
END_TEST

START_TEST(spreads_evenly)
{
	unsigned got[5] = { 0 };

	/* One address behind a NAT; neighbouring ports. */
	for (unsigned port = 20000; port < 21000; port++) {
		struct addr a = addr_ipv4(0xc6336401, (uint16_t)port);

		got[reuseport_worker_of(&a, 5)]++;
	}
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_uint_ge(got[i], 150);
		ck_assert_uint_le(got[i], 250);
	}
}
END_TEST

/* A client sends one byte: does it arrive at the socket it should? */
static void check_client(int client, const struct addr *server, int *fds,
			 uint16_t workers, unsigned *got)
{
	struct addr local = net_local(client), from;
	uint16_t worker = reuseport_worker_of(&local, workers);
	uint8_t byte = 1;

	net_send(client, server, &byte, 1);
	for (uint16_t i = 0; i < workers; i++)
		ck_assert_msg(net_is_empty(fds[i]) == (i != worker),
			      "port %u: socket %u of %u", local.port, i,
			      workers);
	net_receive(fds[worker], &byte, 1, &from, NULL);
	ck_assert(addr_equal(&from, &local));
	got[worker]++;
}

static void check_group(uint16_t workers)
{
	struct addr any = addr_ipv4(LOOPBACK, 0), server;
	unsigned got[5] = { 0 };
	int fds[5];

	ck_assert_int_eq(udp_open_listeners(&any, workers, BUFFER_BYTES, fds),
			 0);
	ck_assert_int_eq(udp_local(fds[0], &server), 0);
	for (uint32_t i = 0; i < CLIENTS; i++) {
		int client = net_socket(LOOPBACK + i % 3);

		check_client(client, &server, fds, workers, got);
		close(client);
	}
	for (uint16_t i = 0; i < workers; i++) {
		ck_assert_uint_gt(got[i], 0);
		close(fds[i]);
	}
}

START_TEST(kernel_agrees)
{
	check_group(2);
	check_group(3);
	check_group(5);
}
END_TEST

START_TEST(kernel_agrees_behind_ip_options)
{
	static const uint8_t options[] = { IPOPT_NOP, IPOPT_NOP, IPOPT_NOP,
					   IPOPT_NOP };
	struct addr any = addr_ipv4(LOOPBACK, 0), server;
	unsigned got[5] = { 0 };
	int fds[5];

	ck_assert_int_eq(udp_open_listeners(&any, 5, BUFFER_BYTES, fds), 0);
	ck_assert_int_eq(udp_local(fds[0], &server), 0);
	for (uint32_t i = 0; i < 50; i++) {
		int client = net_socket(LOOPBACK);

		ck_assert_int_eq(setsockopt(client, IPPROTO_IP, IP_OPTIONS,
					    options, sizeof(options)),
				 0);
		check_client(client, &server, fds, 5, got);
		close(client);
	}
	for (uint16_t i = 0; i < 5; i++)
		close(fds[i]);
}
END_TEST

START_TEST(needs_a_group)
{
	int fd = net_socket(LOOPBACK);

	ck_assert_int_eq(reuseport_attach(fd, 2), -EINVAL);
	close(fd);
	ck_assert_int_eq(reuseport_attach(-1, 2), -EBADF);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reuseport");
	TCase *c = tcase_create("reuseport");

	tcase_add_test(c, known_values);
	tcase_add_test(c, spreads_evenly);
	tcase_add_test(c, kernel_agrees);
	tcase_add_test(c, kernel_agrees_behind_ip_options);
	tcase_add_test(c, needs_a_group);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
