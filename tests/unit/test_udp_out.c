/* link: -Wl,--wrap=sendmsg,--wrap=sendmmsg,--wrap=setsockopt */
#include "unit.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/udp.h"
#include "net/udp_in.h"
#include "net/udp_out.h"
#include "net_fixture.h"

#define BUFFER_BYTES (4 << 20)

ssize_t __real_sendmsg(int fd, const struct msghdr *h, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *h, int flags);
int __real_sendmmsg(int fd, struct mmsghdr *h, unsigned n, int flags);
int __wrap_sendmmsg(int fd, struct mmsghdr *h, unsigned n, int flags);
int __real_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len);

/* What the batch did, in order: a letter for each message that was sent. */
static char trace[4096];
static unsigned calls; /* of sendmsg and sendmmsg */
/* Messages refused, counted from now: with `refuse_errno`, `refuse` of them
 * after `refuse_after` others; only segmented ones if so said. */
static unsigned refuse, refuse_after;
static int refuse_errno;
static bool refuse_segmented_only;

static uint16_t segment_of(const struct msghdr *h)
{
	struct msghdr copy = *h;
	struct cmsghdr *c;
	uint16_t size = 0;

	for (c = CMSG_FIRSTHDR(&copy); c; c = CMSG_NXTHDR(&copy, c))
		if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_SEGMENT)
			memcpy(&size, CMSG_DATA(c), sizeof(size));
	return size;
}

static void note(char letter)
{
	size_t len = strlen(trace);

	if (len + 1 < sizeof(trace))
		trace[len] = letter;
}

static bool refused(const struct msghdr *h)
{
	if (refuse_segmented_only && !segment_of(h))
		return false;
	if (refuse_after > 0) {
		refuse_after--;
		return false;
	}
	if (refuse == 0)
		return false;
	refuse--;
	return true;
}

/* s: one datagram; g: a segmented send; x: refused. */
static ssize_t send_one(int fd, const struct msghdr *h)
{
	ssize_t n;

	if (refused(h)) {
		note('x');
		errno = refuse_errno;
		return -1;
	}
	note(segment_of(h) ? 'g' : 's');
	n = __real_sendmsg(fd, h, 0);
	ck_assert_int_ge(n, 0);
	return n;
}

ssize_t __wrap_sendmsg(int fd, const struct msghdr *h, int flags)
{
	ck_assert_int_eq(flags, 0);
	calls++;
	return send_one(fd, h);
}

int __wrap_sendmmsg(int fd, struct mmsghdr *h, unsigned n, int flags)
{
	ck_assert_int_eq(flags, 0);
	calls++;
	for (unsigned i = 0; i < n; i++) {
		ssize_t sent = send_one(fd, &h[i].msg_hdr);

		if (sent < 0)
			return i > 0 ? (int)i : -1;
		h[i].msg_len = (unsigned)sent;
	}
	return (int)n;
}

/* D: DF on; d: DF off. */
int __wrap_setsockopt(int fd, int level, int name, const void *value,
		      socklen_t len)
{
	int what;

	if (level == IPPROTO_IP && name == IP_MTU_DISCOVER && trace[0] != '#') {
		memcpy(&what, value, sizeof(what));
		note(what == IP_PMTUDISC_PROBE  ? 'D'
		     : what == IP_PMTUDISC_OMIT ? 'd'
						: '?');
	}
	return __real_setsockopt(fd, level, name, value, len);
}

static struct udp_out out;
static int fd, peer, other_peer;
static struct addr peer_addr, other_addr, local;
static uint8_t data[DATAGRAM_MAX_BYTES];

static void begin_trace(void)
{
	memset(trace, 0, sizeof(trace));
	calls = 0;
}

static void setup(void)
{
	struct addr any = addr_ipv4(LOOPBACK, 0);

	trace[0] = '#';
	fd = udp_open_relay(&any, BUFFER_BYTES);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(udp_local(fd, &local), 0);
	peer = net_socket(LOOPBACK);
	other_peer = net_socket(LOOPBACK);
	peer_addr = net_local(peer);
	other_addr = net_local(other_peer);
	udp_out_init(&out);
	net_fill(data, sizeof(data), 7);
	refuse = refuse_after = 0;
	refuse_segmented_only = false;
	begin_trace();
}

static void teardown(void)
{
	close(fd);
	close(peer);
	close(other_peer);
}

/* A verdict that sends `len` bytes as they are. */
static struct verdict plain(const struct addr *to, uint32_t flow, size_t len)
{
	return (struct verdict){
		.kind = VERDICT_TO_PEER,
		.to = *to,
		.flow = flow,
		.payload_bytes = (uint16_t)len,
	};
}

static void add(const struct addr *to, uint32_t flow, size_t len)
{
	struct verdict v = plain(to, flow, len);

	udp_out_add(&out, fd, &v, bytes_of(data, len));
}

static void flush(void)
{
	udp_out_flush(&out);
	ck_assert(udp_out_is_empty(&out));
}

/* The next datagram at a socket is the first `len` bytes of `data`. */
static void expect(int at, size_t len)
{
	static uint8_t got[DATAGRAM_MAX_BYTES];
	struct addr from;

	ck_assert_uint_eq(net_receive(at, got, sizeof(got), &from, NULL), len);
	ck_assert(addr_equal(&from, &local));
	ck_assert(!memcmp(got, data, len));
}

static void expect_nothing_more(void)
{
	ck_assert(net_is_empty(peer));
	ck_assert(net_is_empty(other_peer));
	ck_assert_uint_eq(out.lost_buffer_full, 0);
	ck_assert_uint_eq(out.lost_error, 0);
}

START_TEST(nothing_to_send)
{
	flush();
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(one_datagram)
{
	add(&peer_addr, 1, 100);
	ck_assert(!udp_out_is_empty(&out));
	flush();
	ck_assert_str_eq(trace, "s");
	expect(peer, 100);
	expect_nothing_more();
}
END_TEST

START_TEST(what_a_verdict_makes_of_it)
{
	struct verdict v = plain(&peer_addr, 1, 5);
	uint8_t got[64];

	v.skip_bytes = 3;
	v.prepend_bytes = 4;
	memcpy(v.prepend, "HEAD", 4);
	v.pad_bytes = 3;
	udp_out_add(&out, fd, &v, bytes_of("abcdefghij", 10));
	/* The verdict's bytes are copied, the payload is not. */
	memset(v.prepend, 'x', sizeof(v.prepend));
	v.prepend_bytes = 36;
	v.pad_bytes = 0;
	udp_out_add(&out, fd, &v, bytes_of("abcdefghij", 10));
	flush();
	ck_assert_uint_eq(net_receive(peer, got, sizeof(got), NULL, NULL), 12);
	ck_assert(!memcmp(got, "HEADdefgh\0\0\0", 12));
	ck_assert_uint_eq(net_receive(peer, got, sizeof(got), NULL, NULL), 41);
	ck_assert(!memcmp(got + 36, "defgh", 5));
	expect_nothing_more();
}
END_TEST

START_TEST(interleaved_flows_are_grouped)
{
	for (unsigned i = 0; i < 10; i++) {
		add(&peer_addr, 1, 200);
		add(&other_addr, 2, 300);
		add(&peer_addr, 3, 100);
	}
	flush();
	/* One call, three segmented sends. */
	ck_assert_uint_eq(calls, 1);
	ck_assert_str_eq(trace, "ggg");
	for (unsigned i = 0; i < 10; i++)
		expect(peer, 200);
	for (unsigned i = 0; i < 10; i++) {
		expect(other_peer, 300);
		expect(peer, 100);
	}
	expect_nothing_more();
}
END_TEST

START_TEST(a_smaller_one_ends_a_group)
{
	static const size_t sizes[] = { 100, 100, 40, 100, 100, 200, 200, 200 };

	for (size_t i = 0; i < 8; i++)
		add(&peer_addr, 1, sizes[i]);
	flush();
	ck_assert_str_eq(trace, "ggg");
	for (size_t i = 0; i < 8; i++)
		expect(peer, sizes[i]);
	expect_nothing_more();
}
END_TEST

START_TEST(an_empty_one_is_not_lost)
{
	static const size_t sizes[] = { 0, 0, 10, 0, 10, 10 };

	for (size_t i = 0; i < 6; i++)
		add(&peer_addr, 1, sizes[i]);
	flush();
	ck_assert_str_eq(trace, "ssssg");
	for (size_t i = 0; i < 6; i++)
		expect(peer, sizes[i]);
	expect_nothing_more();
}
END_TEST

START_TEST(groups_have_limits)
{
	/* 64 segments. */
	for (unsigned i = 0; i < 65; i++)
		add(&peer_addr, 1, 10);
	flush();
	ck_assert_str_eq(trace, "gs");
	for (unsigned i = 0; i < 65; i++)
		expect(peer, 10);

	/* 65,507 bytes: 54 of 1,200. */
	begin_trace();
	for (unsigned i = 0; i < 60; i++)
		add(&peer_addr, 1, 1200);
	flush();
	ck_assert_str_eq(trace, "gg");
	for (unsigned i = 0; i < 60; i++)
		expect(peer, 1200);

	/* Two of the largest. */
	begin_trace();
	add(&peer_addr, 1, DATAGRAM_MAX_BYTES);
	add(&peer_addr, 1, DATAGRAM_MAX_BYTES);
	flush();
	ck_assert_str_eq(trace, "ss");
	expect(peer, DATAGRAM_MAX_BYTES);
	expect(peer, DATAGRAM_MAX_BYTES);
	expect_nothing_more();
}
END_TEST

START_TEST(only_what_is_alike_is_grouped)
{
	struct verdict v = plain(&peer_addr, 1, 50);
	int second = net_socket(LOOPBACK);

	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	v.tos = 0xb8;
	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	v.tos = 0;
	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	v.to = other_addr;
	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	udp_out_add(&out, second, &v, bytes_of(data, 50));
	flush();
	ck_assert_str_eq(trace, "sssss");
	ck_assert_uint_eq(calls, 2);
	for (unsigned i = 0; i < 3; i++)
		expect(peer, 50);
	close(second);
}
END_TEST

START_TEST(tos_is_set)
{
	static const uint8_t values[] = { 0, 1, 3, 0xb8, 0xff, 0 };
	struct verdict v = plain(&peer_addr, 1, 50);
	uint8_t got[64];
	int tos;

	for (size_t i = 0; i < sizeof(values); i++) {
		v.tos = values[i];
		udp_out_add(&out, fd, &v, bytes_of(data, 50));
		udp_out_add(&out, fd, &v, bytes_of(data, 50));
	}
	flush();
	ck_assert_str_eq(trace, "gggggg");
	for (size_t i = 0; i < 2 * sizeof(values); i++) {
		net_receive(peer, got, sizeof(got), NULL, &tos);
		ck_assert_int_eq(tos, values[i / 2]);
	}
	expect_nothing_more();
}
END_TEST

START_TEST(df_is_on_only_where_it_is_asked_for)
{
	struct verdict v = plain(&peer_addr, 1, 50);
	int how;
	socklen_t len = sizeof(how);

	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	v.dont_fragment = true;
	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	v.flow = 2;
	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	v.dont_fragment = false;
	v.flow = 1;
	udp_out_add(&out, fd, &v, bytes_of(data, 50));
	flush();
	ck_assert_str_eq(trace, "sDgsds");
	ck_assert_int_eq(
		getsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &how, &len), 0);
	ck_assert_int_eq(how, IP_PMTUDISC_OMIT);
	for (unsigned i = 0; i < 5; i++)
		expect(peer, 50);
	expect_nothing_more();
}
END_TEST

#define FLOWS 40

/* Each flow's datagrams carry its number and a count. */
static size_t stamp(uint8_t *at, uint16_t flow, uint16_t number, size_t len)
{
	memset(at, flow & 0xff, len);
	memcpy(at, &flow, 2);
	memcpy(at + 2, &number, 2);
	return len;
}

static void check_order(int at, unsigned total, uint16_t *next)
{
	uint8_t got[4096], expected[4096];
	uint16_t flow;

	for (unsigned i = 0; i < total; i++) {
		size_t len = net_receive(at, got, sizeof(got), NULL, NULL);

		memcpy(&flow, got, 2);
		ck_assert_uint_lt(flow, FLOWS);
		stamp(expected, flow, next[flow]++, len);
		ck_assert_mem_eq(got, expected, len);
	}
}

/*
 * Mixed sizes and flows, some of them coalesced by the kernel on their way in,
 * relayed in batches: each flow arrives in order, whole.
 */
START_TEST(flows_keep_their_order_over_coalesced_input)
{
	static const size_t sizes[] = { 4, 160, 160, 160, 1200, 1372, 3000 };
	static uint8_t burst[60000];
	static struct udp_in in;
	uint16_t sent[FLOWS] = { 0 }, next[FLOWS] = { 0 };
	struct udp_in_message m;
	struct bytes view;
	uint64_t seed = 1;
	unsigned total = 0;

	ck_assert_int_eq(udp_in_init(&in), 0);
	while (total < 3000) {
		uint16_t flow = (uint16_t)(unit_random(&seed) % FLOWS);
		size_t size = sizes[unit_random(&seed) % 7];
		unsigned count = (unsigned)(unit_random(&seed) % 19 + 1);
		size_t len = 0;
		unsigned seen = 0;

		for (unsigned i = 0; i < count; i++)
			len += stamp(burst + len, flow, sent[flow]++, size);
		net_send_segments(peer, &local, burst, len, (uint16_t)size);
		total += count;
		/* Several bursts a batch. */
		if (unit_random(&seed) % 4)
			continue;
		while (udp_in_read(&in, fd, 64) > 0)
			;
		for (unsigned i = 0; i < in.used; i++) {
			udp_in_open(&in, i, &m);
			while (udp_in_next(&m, &view)) {
				struct verdict v;

				memcpy(&flow, view.data, 2);
				v = plain(&other_addr, flow * 0x10001u,
					  view.len);
				udp_out_add(&out, fd, &v, view);
				seen++;
			}
		}
		flush();
		udp_in_clear(&in);
		check_order(other_peer, seen, next);
	}
	ck_assert_ptr_nonnull(strchr(trace, 'g'));
	expect_nothing_more();
	udp_in_fini(&in);
}
END_TEST

/*
 * Flows that share a bucket take turns in it; what that costs is grouping, not
 * order.
 */
START_TEST(flows_that_share_a_bucket)
{
	enum { flows = 300 };
	uint32_t names[flows], name;
	uint16_t next[flows] = { 0 };
	uint8_t got[64];
	uint64_t seed = 3;
	unsigned groups;

	for (unsigned i = 0; i < flows; i++)
		names[i] = (uint32_t)unit_random(&seed);
	for (uint16_t round = 0; round < 3; round++) {
		for (uint16_t i = 0; i < flows; i++) {
			struct verdict v = plain(&peer_addr, names[i], 0);

			v.prepend_bytes =
				(uint8_t)stamp(v.prepend, i, round, 8);
			udp_out_add(&out, fd, &v, bytes_of(NULL, 0));
		}
	}
	groups = out.group_count;
	flush();
	ck_assert_uint_gt(groups, flows);
	ck_assert_uint_lt(groups, 2 * flows);
	for (unsigned i = 0; i < 3 * flows; i++) {
		net_receive(peer, got, sizeof(got), NULL, NULL);
		memcpy(&name, got, sizeof(name));
		ck_assert_uint_eq(name >> 16, next[name & 0xffff]++);
	}
	expect_nothing_more();
}
END_TEST

START_TEST(a_full_batch_is_sent)
{
	for (unsigned i = 0; i < UDP_OUT_DATAGRAMS; i++)
		add(&peer_addr, i, 8);
	ck_assert_uint_eq(calls, 0);
	add(&peer_addr, 1, 8);
	ck_assert_uint_eq(calls, UDP_OUT_DATAGRAMS / UDP_OUT_CALL_GROUPS);
	flush();
	for (unsigned i = 0; i < UDP_OUT_DATAGRAMS + 1; i++)
		expect(peer, 8);
	expect_nothing_more();
}
END_TEST

START_TEST(copies_are_kept)
{
	uint8_t message[1000];
	unsigned sent = 0;

	net_fill(message, sizeof(message), 7); /* as `data` */
	for (; sent < 3 * UDP_OUT_COPY_BYTES / sizeof(message); sent++) {
		udp_out_copy(&out, fd, &peer_addr,
			     bytes_of(message, sizeof(message)));
		memset(message, 0, sizeof(message));
		net_fill(message, sizeof(message), 7);
	}
	memset(message, 0, sizeof(message));
	ck_assert_uint_eq(calls, 3);
	flush();
	ck_assert_ptr_null(strchr(trace, 'g'));
	while (sent-- > 0)
		expect(peer, sizeof(message));
	expect_nothing_more();
}
END_TEST

START_TEST(copies_keep_their_place)
{
	add(&peer_addr, 0, 100);
	udp_out_copy(&out, fd, &peer_addr, bytes_of(data, 100));
	add(&peer_addr, 0, 50);
	udp_out_copy(&out, fd, &peer_addr, bytes_of(data, 0));
	flush();
	ck_assert_uint_eq(calls, 1);
	expect(peer, 100);
	expect(peer, 50);
	expect(peer, 100);
	expect(peer, 0);
	expect_nothing_more();
}
END_TEST

static void add_two_groups(void)
{
	for (unsigned i = 0; i < 4; i++) {
		add(&peer_addr, 1, 300);
		add(&other_addr, 2, 200);
	}
}

static void expect_two_groups(void)
{
	for (unsigned i = 0; i < 4; i++) {
		expect(peer, 300);
		expect(other_peer, 200);
	}
	expect_nothing_more();
}

START_TEST(a_device_without_segmentation)
{
	refuse_segmented_only = true;
	refuse_errno = EIO;
	refuse = 1;
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "xssssg");
	expect_two_groups();

	/* From now on it is not even tried... */
	begin_trace();
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "ssssssss");
	ck_assert_uint_eq(calls, 1);
	expect_two_groups();

	/* ...for a while. */
	for (unsigned i = 0; i < 5000; i++) {
		add(&peer_addr, 1, 1);
		flush();
		expect(peer, 1);
	}
	begin_trace();
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "gg");
	expect_two_groups();
}
END_TEST

START_TEST(a_size_that_does_not_fit_the_mtu)
{
	refuse_segmented_only = true;
	refuse_errno = EMSGSIZE;
	refuse = 1;
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "xssssg");
	expect_two_groups();

	/* Smaller segments are still good. */
	begin_trace();
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "sgsss");
	expect_two_groups();
}
END_TEST

START_TEST(an_error_that_is_not_about_segments)
{
	refuse_errno = EINVAL;
	refuse = 5; /* the group and each of its datagrams */
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "xxxxxg");
	ck_assert_uint_eq(out.lost_error, 4);
	out.lost_error = 0;
	for (unsigned i = 0; i < 4; i++)
		expect(other_peer, 200);

	begin_trace();
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "gg");
	expect_two_groups();
}
END_TEST

START_TEST(a_full_buffer_loses_and_goes_on)
{
	static const int errors[] = { EAGAIN, ENOBUFS };

	for (unsigned i = 0; i < 2; i++) {
		begin_trace();
		refuse_errno = errors[i];
		/* Once behind another, then as the first of a call. */
		refuse = 2;
		refuse_after = 1;
		add_two_groups();
		add(&peer_addr, 3, 77);
		flush();
		ck_assert_str_eq(trace, "gxxs");
		ck_assert_uint_eq(out.lost_buffer_full, 4);
		ck_assert_uint_eq(out.lost_error, 0);
		out.lost_buffer_full = 0;
		for (unsigned j = 0; j < 4; j++)
			expect(peer, 300);
		expect(peer, 77);
		expect_nothing_more();
	}
}
END_TEST

START_TEST(an_icmp_error_costs_nothing)
{
	refuse_errno = ECONNREFUSED;
	refuse = 1;
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "xgg");
	expect_two_groups();
}
END_TEST

START_TEST(an_error_that_stays_is_counted)
{
	refuse_errno = EPERM; /* a firewall */
	refuse = 2;
	add_two_groups();
	flush();
	ck_assert_str_eq(trace, "xxg");
	ck_assert_uint_eq(out.lost_error, 4);
	ck_assert_uint_eq(out.lost_buffer_full, 0);
}
END_TEST

struct too_long {
	struct verdict v;
	struct bytes datagram;
};

static void add_too_long(void *arg)
{
	struct too_long *t = arg;

	udp_out_add(&out, fd, &t->v, t->datagram);
}

START_TEST(a_verdict_beyond_the_datagram)
{
	struct too_long t = { .v = plain(&peer_addr, 1, 10) };

	t.v.skip_bytes = 1;
	t.datagram = bytes_of(data, 10);
	ck_assert(unit_aborts(add_too_long, &t));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("udp_out");
	TCase *c = tcase_create("udp_out");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, nothing_to_send);
	tcase_add_test(c, one_datagram);
	tcase_add_test(c, what_a_verdict_makes_of_it);
	tcase_add_test(c, interleaved_flows_are_grouped);
	tcase_add_test(c, a_smaller_one_ends_a_group);
	tcase_add_test(c, an_empty_one_is_not_lost);
	tcase_add_test(c, groups_have_limits);
	tcase_add_test(c, only_what_is_alike_is_grouped);
	tcase_add_test(c, tos_is_set);
	tcase_add_test(c, df_is_on_only_where_it_is_asked_for);
	tcase_add_test(c, flows_keep_their_order_over_coalesced_input);
	tcase_add_test(c, flows_that_share_a_bucket);
	tcase_add_test(c, a_full_batch_is_sent);
	tcase_add_test(c, copies_are_kept);
	tcase_add_test(c, copies_keep_their_place);
	tcase_add_test(c, a_device_without_segmentation);
	tcase_add_test(c, a_size_that_does_not_fit_the_mtu);
	tcase_add_test(c, an_error_that_is_not_about_segments);
	tcase_add_test(c, a_full_buffer_loses_and_goes_on);
	tcase_add_test(c, an_icmp_error_costs_nothing);
	tcase_add_test(c, an_error_that_stays_is_counted);
	tcase_add_test(c, a_verdict_beyond_the_datagram);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
