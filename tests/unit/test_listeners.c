/* link: -Wl,--wrap=udp_open_listeners,--wrap=worker_set_listener */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"
#include "worker/listeners.h"

#define WORKERS 3

/* Sockets are files here, and workers are numbers. */
static struct {
	unsigned opened;
	int error; /* of every further one, if not 0 */
	struct addr last;
} udp;

static struct {
	unsigned given;
	unsigned taken;
	uint16_t index; /* of the last one */
	struct turn_listener listener;
	bool serving[WORKERS][TURN_LISTENERS_MAX];
} handed;

int __wrap_udp_open_listeners(const struct addr *local, uint16_t count,
			      int buffer_bytes, int *fds);
void __wrap_worker_set_listener(struct worker *w, uint16_t index,
				const struct turn_listener *listener, int fd);

int __wrap_udp_open_listeners(const struct addr *local, uint16_t count,
			      int buffer_bytes, int *fds)
{
	ck_assert_uint_eq(count, WORKERS);
	ck_assert_int_eq(buffer_bytes, 12345);
	if (udp.error)
		return udp.error;
	for (uint16_t i = 0; i < count; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	udp.opened++;
	udp.last = *local;
	return 0;
}

void __wrap_worker_set_listener(struct worker *w, uint16_t index,
				const struct turn_listener *listener, int fd)
{
	uintptr_t number = (uintptr_t)w - 1;

	ck_assert_uint_lt(number, WORKERS);
	ck_assert(listener->in_use == (fd >= 0));
	ck_assert(handed.serving[number][index] != listener->in_use);
	handed.serving[number][index] = listener->in_use;
	if (fd >= 0) {
		ck_assert_int_eq(close(fd), 0);
		handed.given++;
	} else {
		handed.taken++;
	}
	handed.index = index;
	handed.listener = *listener;
}

static struct worker *workers[WORKERS];
static struct conf conf;
static struct listeners listeners;
static struct ifaddr_list machine;
static struct listeners_failure failure;

static struct addr ip(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static void set_machine(const char *const *ips)
{
	machine.count = 0;
	machine.full = false;
	for (; *ips; ips++)
		machine.items[machine.count++].ip = ip(*ips);
}

#define MACHINE(...) set_machine((const char *const[]){ __VA_ARGS__, NULL })

static void listen_at(const char *address, uint16_t port, uint8_t realm)
{
	struct addr a = ip(address);

	conf.listeners[conf.listener_count++] = (struct conf_listener){
		.address = addr_with_port(&a, port),
		.realm = realm,
	};
}

static void setup(void)
{
	memset(&udp, 0, sizeof(udp));
	memset(&handed, 0, sizeof(handed));
	memset(&conf, 0, sizeof(conf));
	conf.turn.worker_count = WORKERS;
	conf.listener_buffer_bytes = 12345;
	for (uintptr_t i = 0; i < WORKERS; i++)
		workers[i] = (struct worker *)(i + 1);
	listeners_init(&listeners, &conf);
}

static void teardown(void)
{
	listeners_fini(&listeners);
}

static bool follow(void)
{
	bool changed = listeners_follow(&listeners, &machine, &failure);

	ck_assert_int_eq(failure.error, 0);
	return changed;
}

static void follow_and_hand_over(void)
{
	follow();
	listeners_hand_over(&listeners, workers);
}

static unsigned serving(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		/* All workers or none. */
		for (unsigned w = 1; w < WORKERS; w++)
			ck_assert(handed.serving[w][i] == handed.serving[0][i]);
		count += handed.serving[0][i];
	}
	ck_assert_uint_eq(count, listeners_count(&listeners));
	return count;
}

START_TEST(a_listener_is_opened_once)
{
	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("192.0.2.1", 3478, 1);
	ck_assert(follow());
	ck_assert_uint_eq(udp.opened, 1);
	ck_assert_uint_eq(handed.given, 0);
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(handed.given, WORKERS);
	ck_assert_uint_eq(handed.listener.realm, 1);
	ck_assert_uint_eq(handed.listener.local.port, 3478);
	ck_assert_uint_eq(serving(), 1);

	ck_assert(!follow());
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(udp.opened, 1);
	ck_assert_uint_eq(handed.given, WORKERS);
}
END_TEST

START_TEST(everywhere_is_each_ipv4_address)
{
	MACHINE("127.0.0.1", "192.0.2.1", "2001:db8::1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	listen_at("0.0.0.0", 3479, 0);
	follow_and_hand_over();
	ck_assert_uint_eq(serving(), 4);
	ck_assert_uint_eq(udp.opened, 4);
}
END_TEST

START_TEST(addresses_come_and_go)
{
	struct addr two = ip("192.0.2.2");

	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow_and_hand_over();

	MACHINE("127.0.0.1", "192.0.2.1", "192.0.2.2");
	ck_assert(follow());
	ck_assert(addr_same_ip(&udp.last, &two));
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(serving(), 3);

	MACHINE("192.0.2.2");
	ck_assert(follow());
	ck_assert_uint_eq(handed.taken, 0);
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(handed.taken, 2 * WORKERS);
	ck_assert_uint_eq(serving(), 1);
}
END_TEST

/* One that is named stays: its sockets work again when the address is back. */
START_TEST(a_named_address_stays)
{
	MACHINE("192.0.2.1");
	listen_at("192.0.2.1", 3478, 0);
	follow_and_hand_over();
	MACHINE("192.0.2.2");
	ck_assert(!follow());
	ck_assert_uint_eq(serving(), 1);
}
END_TEST

/* Allocations may still name the place of an address that went. */
START_TEST(places_are_not_reused_while_others_are_left)
{
	uint16_t first;
	char text[32];

	MACHINE("10.0.0.1");
	listen_at("0.0.0.0", 3478, 0);
	follow_and_hand_over();
	first = handed.index;
	for (unsigned i = 2; i <= TURN_LISTENERS_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		MACHINE(text);
		follow_and_hand_over();
		ck_assert_uint_eq(serving(), 1);
		ck_assert_uint_ne(handed.listener.in_use ? handed.index : 999,
				  first);
	}
	/* The same address: the same place. */
	MACHINE("10.0.0.1");
	follow_and_hand_over();
	ck_assert(handed.serving[0][first]);
	/* All have been used: the one that is free longest. */
	MACHINE("10.9.9.9");
	follow_and_hand_over();
	ck_assert(!handed.serving[0][first]);
	ck_assert_uint_eq(serving(), 1);
}
END_TEST

START_TEST(what_cannot_be_opened_is_told)
{
	struct addr wanted = ip("127.0.0.1");

	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	udp.error = -EADDRINUSE;
	ck_assert(!listeners_follow(&listeners, &machine, &failure));
	ck_assert_int_eq(failure.error, -EADDRINUSE);
	ck_assert(addr_same_ip(&failure.address, &wanted));
	ck_assert_uint_eq(failure.address.port, 3478);
	ck_assert_uint_eq(listeners_count(&listeners), 0);
	/* The next change of addresses is another chance. */
	udp.error = 0;
	follow_and_hand_over();
	ck_assert_uint_eq(serving(), 2);
}
END_TEST

START_TEST(more_than_there_are_places)
{
	listen_at("0.0.0.0", 1, 0);
	listen_at("0.0.0.0", 2, 0);
	machine.count = 0;
	for (unsigned i = 0; i < 200; i++)
		machine.items[machine.count++].ip =
			addr_ipv4(0x0a000001 + i, 0);
	ck_assert(listeners_follow(&listeners, &machine, &failure));
	ck_assert_int_eq(failure.error, -ENOSPC);
	ck_assert_uint_eq(listeners_count(&listeners), TURN_LISTENERS_MAX);
}
END_TEST

START_TEST(what_was_not_handed_over_is_closed)
{
	int before = open("/dev/null", O_RDONLY);
	int after;

	close(before);
	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow();
	listeners_fini(&listeners);
	after = open("/dev/null", O_RDONLY);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(the_policy_has_own_addresses_and_sockets)
{
	static struct peer_policy p;
	struct addr own = ip("192.0.2.1");

	MACHINE("2001:db8::1", "127.0.0.1", "192.0.2.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow();
	p.own_ip_count = 77;
	p.own_socket_count = 88;
	ck_assert(listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_ip_count, 3);
	ck_assert_uint_eq(p.own_ips[0].family, ADDR_IPV4);
	ck_assert_uint_eq(p.own_ips[2].family, ADDR_IPV6);
	ck_assert_uint_eq(p.own_ips[1].port, 0);
	ck_assert_uint_eq(p.own_socket_count, 2);
	ck_assert(addr_same_ip(&p.own_sockets[1], &own));
	ck_assert_uint_eq(p.own_sockets[1].port, 3478);

	/* Those that are gone are not in it, before workers know or after. */
	listeners_hand_over(&listeners, workers);
	MACHINE("127.0.0.1");
	follow();
	ck_assert(listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_socket_count, 1);
	ck_assert_uint_eq(p.own_ip_count, 1);
}
END_TEST

START_TEST(more_addresses_than_a_policy_holds)
{
	static struct peer_policy p;

	machine.count = 0;
	for (unsigned i = 0; i < PEER_POLICY_OWN_MAX; i++)
		machine.items[machine.count++].ip =
			addr_ipv4(0x0a000001 + i, 0);
	ck_assert(listeners_policy(&listeners, &machine, &p));
	machine.full = true;
	ck_assert(!listeners_policy(&listeners, &machine, &p));
	machine.full = false;
	machine.items[machine.count++].ip = ip("2001:db8::1");
	ck_assert(!listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_ip_count, PEER_POLICY_OWN_MAX);
}
END_TEST

START_TEST(a_listener_is_found_by_address)
{
	struct addr one = ip("192.0.2.1"), other = ip("198.51.100.1");

	ck_assert_ptr_null(listeners_at(&listeners, &one));
	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow_and_hand_over();
	ck_assert(addr_same_ip(&listeners_at(&listeners, &one)->local, &one));
	ck_assert_ptr_nonnull(listeners_at(&listeners, &other));
}
END_TEST

static Suite *listeners_suite(void)
{
	Suite *s = suite_create("listeners");
	TCase *t = tcase_create("places");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_listener_is_opened_once);
	tcase_add_test(t, everywhere_is_each_ipv4_address);
	tcase_add_test(t, addresses_come_and_go);
	tcase_add_test(t, a_named_address_stays);
	tcase_add_test(t, places_are_not_reused_while_others_are_left);
	tcase_add_test(t, what_cannot_be_opened_is_told);
	tcase_add_test(t, more_than_there_are_places);
	tcase_add_test(t, what_was_not_handed_over_is_closed);
	tcase_add_test(t, the_policy_has_own_addresses_and_sockets);
	tcase_add_test(t, more_addresses_than_a_policy_holds);
	tcase_add_test(t, a_listener_is_found_by_address);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(listeners_suite)
