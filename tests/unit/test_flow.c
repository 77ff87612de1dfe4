/* link: -Wl,--wrap=mmap,--wrap=munmap */
#include "core_fixture.h"

#include <errno.h>
#include <sys/mman.h>

void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);

static int until_failure = -1; /* mappings that still succeed; -1: all */
static int mapped;

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (until_failure == 0) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	if (until_failure > 0)
		until_failure--;
	mapped++;
	return __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_munmap(void *at, size_t len)
{
	mapped--;
	return __real_munmap(at, len);
}

/* ------------------------------------------------------------------------------ */

/*
 * alice at `client` has the channel 0x4000 to `peer`, and no permission for
 * `stranger`.
 */
static struct core c, beside;
static struct core_request q;
static struct addr client, peer, stranger;
static struct ref relay;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
	peer = core_peer(1, 6000);
	stranger = core_peer(2, 6000);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	relay = c.last_relay;
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static const char *from_client(const void *data, size_t len)
{
	return core_from_client(&c, &client, 0, bytes_of(data, len));
}

static const char *from_peer(const char *payload)
{
	return core_from_peer(&c, relay, &peer, bytes_str(payload));
}

static struct counters_relayed relayed(void)
{
	struct counters_relayed sum = { 0 };

	counters_add_realms(turn_counters(c.server), &sum);
	return sum;
}

/* --- ChannelData from the client: RFC 8656 section 12.6 ------------------------- */

START_TEST(channel_data_goes_to_its_peer)
{
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "media"),
			 "to_peer");
	ck_assert(bytes_equal(core_made(&c), bytes_str("media")));
	ck_assert(addr_equal(&c.verdict.to, &peer));
	ck_assert_uint_eq(c.verdict.allocation.index, relay.index);
	ck_assert_uint_eq(c.verdict.allocation.generation, relay.generation);
	ck_assert_uint_eq(c.verdict.skip_bytes, 4);
	ck_assert_uint_eq(c.verdict.prepend_bytes, 0);
	ck_assert_uint_eq(c.verdict.pad_bytes, 0);
}
END_TEST

/* "If the Length field is 0 ... the UDP datagram is still formed and sent". */
START_TEST(channel_data_may_be_empty)
{
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, ""), "to_peer");
	ck_assert_uint_eq(c.verdict.payload_bytes, 0);
}
END_TEST

/* Section 12.5: padding over UDP "is not required but MAY be included". */
START_TEST(padding_is_not_relayed)
{
	ck_assert_str_eq(from_client("\x40\0\0\1x\0\0\0", 8), "to_peer");
	ck_assert(bytes_equal(core_made(&c), bytes_str("x")));
	ck_assert_str_eq(from_client("\x40\0\0\0any bytes at all", 20),
			 "to_peer");
	ck_assert_uint_eq(core_made(&c).len, 0);
}
END_TEST

/* "too short to contain the claimed length ... silently discarded" */
START_TEST(a_length_that_lies_is_dropped)
{
	ck_assert_str_eq(from_client("\x40\0\0\2x", 5), "bad_channel_data");
	ck_assert_str_eq(from_client("\x40\0\xff\xffx", 5), "bad_channel_data");
	ck_assert_str_eq(from_client("\x40\0\0\1", 4), "bad_channel_data");
	ck_assert_str_eq(from_client("\x40\0\0", 3), "bad_channel_data");
	ck_assert_str_eq(from_client("\x40", 1), "bad_channel_data");
	ck_assert_uint_eq(core_dropped(&c, DROP_BAD_CHANNEL_DATA), 5);
}
END_TEST

START_TEST(channels_that_are_not_bound_are_dropped)
{
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4001, "x"),
			 "no_channel");
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4fff, "x"),
			 "no_channel");
}
END_TEST

/* 0x5000 to 0xffff are reserved; 0x0400 to 0x3fff are other protocols. */
START_TEST(reserved_numbers_are_dropped)
{
	static const uint16_t numbers[] = { 0x5000, 0x7fff, 0x8000, 0xffff,
					    0x3fff, 0x1000, 0x1400, 0x0400 };

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ck_assert_str_eq(
			core_channel_data(&c, &client, numbers[i], "x"),
			"not_stun");
	ck_assert_str_eq(from_client("", 0), "not_stun");
}
END_TEST

/* Section 5: the 5-tuple identifies the allocation, or nothing does. */
START_TEST(another_5_tuple_has_no_channel)
{
	struct addr other = core_client(1, 5001);

	ck_assert_str_eq(core_channel_data(&c, &other, 0x4000, "x"),
			 "no_allocation");
	other = core_client(2, 5000);
	ck_assert_str_eq(core_channel_data(&c, &other, 0x4000, "x"),
			 "no_allocation");
	ck_assert_str_eq(
		core_from_client(&c, &client, 1, bytes_of("\x40\0\0\0", 4)),
		"no_allocation");
	ck_assert_uint_eq(core_dropped(&c, DROP_NO_ALLOCATION), 3);
}
END_TEST

START_TEST(the_largest_channel_data_passes)
{
	size_t len = DATAGRAM_MAX_BYTES;

	channel_data_header(c.judged_bytes, 0x4000, (uint16_t)(len - 4));
	ck_assert_str_eq(from_client(c.judged_bytes, len), "to_peer");
	ck_assert_uint_eq(core_made(&c).len, len - 4);
}
END_TEST

/* Whoever sent last is remembered; that is a hint and no more. */
START_TEST(clients_take_turns)
{
	struct addr second = core_client(2, 5000), other = core_peer(3, 3);

	ck_assert_uint_eq(core_allocate(&c, &second, 1), 0);
	ck_assert_uint_eq(core_bind(&c, &second, 2, 0x4000, &other), 0);
	for (unsigned i = 0; i < 4; i++) {
		core_channel_data(&c, &client, 0x4000, "x");
		ck_assert(addr_equal(&c.verdict.to, &peer));
		core_channel_data(&c, &second, 0x4000, "x");
		ck_assert(addr_equal(&c.verdict.to, &other));
	}
	/* The one remembered ends, and its record is another's. */
	ck_assert_uint_eq(core_refresh(&c, &second, 3, 0), 0);
	ck_assert_str_eq(core_channel_data(&c, &second, 0x4000, "x"),
			 "no_allocation");
	core_channel_data(&c, &client, 0x4000, "x");
	ck_assert(addr_equal(&c.verdict.to, &peer));
}
END_TEST

/* --- Send indications: RFC 8656 section 11.2 ---------------------------------------- */

static void add_peer(const struct addr *to)
{
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, to);
}

static void add_data(const char *payload)
{
	stun_add(&q.builder, STUN_ATTR_DATA, bytes_str(payload));
}

START_TEST(a_send_goes_to_the_peer_it_names)
{
	struct addr to = core_peer(1, 9999);

	ck_assert_str_eq(core_indicate(&c, &client, &to, "media"), "to_peer");
	ck_assert(bytes_equal(core_made(&c), bytes_str("media")));
	ck_assert(addr_equal(&c.verdict.to, &to));
	ck_assert_uint_eq(c.verdict.allocation.index, relay.index);
	ck_assert(!c.verdict.dont_fragment);
}
END_TEST

/* "the DATA attribute is allowed to contain zero bytes of data" */
START_TEST(a_send_may_be_empty)
{
	ck_assert_str_eq(core_indicate(&c, &client, &peer, ""), "to_peer");
	ck_assert_uint_eq(core_made(&c).len, 0);
}
END_TEST

/* turnutils_uclient puts DATA first. */
START_TEST(attributes_come_in_any_order)
{
	core_begin_send(&q, &client);
	add_data("12345");
	stun_add(&q.builder, STUN_ATTR_SOFTWARE, bytes_str("a client"));
	add_peer(&peer);
	ck_assert_str_eq(core_send_indication(&c, &q), "to_peer");
	ck_assert(bytes_equal(core_made(&c), bytes_str("12345")));
	ck_assert(addr_equal(&c.verdict.to, &peer));
}
END_TEST

START_TEST(the_first_of_two_attributes_counts)
{
	core_begin_send(&q, &client);
	add_peer(&peer);
	add_data("first");
	add_data("second");
	add_peer(&stranger);
	ck_assert_str_eq(core_send_indication(&c, &q), "to_peer");
	ck_assert(bytes_equal(core_made(&c), bytes_str("first")));
}
END_TEST

/* "If one of these attributes is missing or invalid, ... discarded". */
START_TEST(both_attributes_are_required)
{
	core_begin_send(&q, &client);
	ck_assert_str_eq(core_send_indication(&c, &q), "bad_indication");
	core_begin_send(&q, &client);
	add_peer(&peer);
	ck_assert_str_eq(core_send_indication(&c, &q), "bad_indication");
	core_begin_send(&q, &client);
	add_data("x");
	ck_assert_str_eq(core_send_indication(&c, &q), "bad_indication");
	core_begin_send(&q, &client);
	add_data("x");
	stun_add_u32(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, 1);
	ck_assert_str_eq(core_send_indication(&c, &q), "bad_indication");
}
END_TEST

START_TEST(unknown_required_attributes_are_dropped)
{
	core_begin_send(&q, &client);
	add_peer(&peer);
	add_data("x");
	stun_add_flag(&q.builder, 0x7fff);
	ck_assert_str_eq(core_send_indication(&c, &q), "unknown_attribute");
	core_begin_send(&q, &client);
	add_peer(&peer);
	add_data("x");
	stun_add_flag(&q.builder, 0x8fff);
	ck_assert_str_eq(core_send_indication(&c, &q), "to_peer");
}
END_TEST

/* Decisions: an IPv6 peer on an IPv4 relay, in Send: dropped. */
START_TEST(ipv6_peers_are_dropped)
{
	uint8_t ip[16] = { 0x26, 0x07, [15] = 1 };
	struct addr to = addr_ipv6(ip, 1);

	ck_assert_str_eq(core_indicate(&c, &client, &to, "x"), "peer_family");
	/* Spelt as IPv6, a permitted peer is none. */
	memset(ip, 0, sizeof(ip));
	ip[10] = ip[11] = 0xff;
	memcpy(ip + 12, peer.ip, 4);
	to = addr_ipv6(ip, 6000);
	ck_assert_str_eq(core_indicate(&c, &client, &to, "x"), "peer_family");
}
END_TEST

START_TEST(without_permission_a_send_is_dropped)
{
	ck_assert_str_eq(core_indicate(&c, &client, &stranger, "x"),
			 "no_permission");
	ck_assert_uint_eq(core_dropped(&c, DROP_NO_PERMISSION), 1);
}
END_TEST

START_TEST(a_send_from_another_5_tuple_is_dropped)
{
	client.port++;
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"),
			 "no_allocation");
}
END_TEST

START_TEST(a_broken_send_is_dropped)
{
	size_t len;

	core_begin_send(&q, &client);
	add_peer(&peer);
	add_data("x");
	stun_add_fingerprint(&q.builder);
	len = stun_finish(&q.builder);
	ck_assert_str_eq(from_client(q.bytes, len), "to_peer");
	q.bytes[len - 1] ^= 1;
	ck_assert_str_eq(from_client(q.bytes, len), "bad_fingerprint");
	ck_assert_str_eq(from_client(q.bytes, len - 1), "malformed");
	q.bytes[4] ^= 1;
	ck_assert_str_eq(from_client(q.bytes, len), "malformed");
}
END_TEST

/* Sections 11.2 and 14: DF is set on what leaves, and only then. */
START_TEST(dont_fragment_is_passed_on)
{
	core_begin_send(&q, &client);
	add_peer(&peer);
	stun_add_flag(&q.builder, STUN_ATTR_DONT_FRAGMENT);
	add_data("x");
	ck_assert_str_eq(core_send_indication(&c, &q), "to_peer");
	ck_assert(c.verdict.dont_fragment);
	core_channel_data(&c, &client, 0x4000, "x");
	ck_assert(!c.verdict.dont_fragment);
	from_peer("x");
	ck_assert(!c.verdict.dont_fragment);
}
END_TEST

/* A permission is for an address; ports have rules of their own. */
START_TEST(ports_that_are_denied_are_dropped)
{
	peer.port = 0;
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "peer_denied");
	ck_assert_uint_eq(core_permit(&c, &client, 3, &c.config.relay), 0);
	peer = addr_with_port(&c.config.relay, 22);
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "peer_denied");
	peer = addr_with_port(&c.config.relay_advertise, CORE_PORT_MAX + 1);
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "peer_denied");
	ck_assert_uint_eq(core_dropped(&c, DROP_PEER_DENIED), 3);
}
END_TEST

/* Section 12.5: a Send may be used even if a channel is bound. */
START_TEST(a_send_and_channel_data_to_one_peer_are_one_flow)
{
	struct addr other_port = core_peer(1, 6001);
	uint32_t flow;

	core_channel_data(&c, &client, 0x4000, "x");
	flow = c.verdict.flow;
	core_indicate(&c, &client, &peer, "x");
	ck_assert_uint_eq(c.verdict.flow, flow);
	core_indicate(&c, &client, &other_port, "x");
	ck_assert_uint_ne(c.verdict.flow, flow);
	from_peer("x");
	ck_assert_uint_ne(c.verdict.flow, flow);
	flow = c.verdict.flow;
	core_from_peer(&c, relay, &other_port, bytes_str("x"));
	ck_assert_uint_eq(c.verdict.flow, flow); /* to the same client */
}
END_TEST

/* --- everything else from a client ----------------------------------------------------- */

START_TEST(messages_are_for_the_control_side)
{
	core_begin(&q, STUN_BINDING, &client, 1);
	ck_assert_str_eq(from_client(q.bytes, stun_finish(&q.builder)),
			 "control");
	/* Form is judged there. */
	ck_assert_str_eq(from_client("\0", 1), "control");
	ck_assert_str_eq(from_client("\3\xff", 2), "control");
	/* A Send indication's type alone makes no Send indication. */
	ck_assert_str_eq(from_client("\0\x16", 2), "control");
}
END_TEST

/* RFC 7983: DTLS, ZRTP and RTP are not ours. */
START_TEST(other_protocols_are_dropped)
{
	for (unsigned first = 0; first < 256; first++) {
		uint8_t data[32] = { (uint8_t)first };

		from_client(data, sizeof(data));
		if (first <= 3)
			ck_assert_int_eq(c.verdict.kind, VERDICT_CONTROL);
		else if (first >= 64 && first <= 79)
			ck_assert_int_ne(c.verdict.drop, DROP_NOT_STUN);
		else
			ck_assert_int_eq(c.verdict.drop, DROP_NOT_STUN);
	}
	ck_assert_uint_eq(core_dropped(&c, DROP_NOT_STUN), 256 - 4 - 16);
}
END_TEST

/* --- from the peer: RFC 8656 sections 11.3 and 12.7 ---------------------------------------- */

START_TEST(a_bound_peer_is_heard_on_its_channel)
{
	ck_assert_str_eq(from_peer("media"), "to_client");
	ck_assert(bytes_equal(core_made(&c), bytes_of("\x40\0\0\5media", 9)));
	ck_assert(addr_equal(&c.verdict.to, &client));
	ck_assert_uint_eq(c.verdict.listener, 0);
	/* No padding over UDP. */
	ck_assert_uint_eq(c.verdict.pad_bytes, 0);
	ck_assert_str_eq(from_peer(""), "to_client");
	ck_assert(bytes_equal(core_made(&c), bytes_of("\x40\0\0\0", 4)));
}
END_TEST

/* The bytes of a Data indication, the transaction id as it is. */
static void expect_data_indication(const struct addr *from,
				   struct bytes payload)
{
	uint8_t expected[256] = { 0x00, 0x17 };
	size_t padded = (payload.len + 3) & ~(size_t)3, len = 36 + padded;
	struct bytes made = core_made(&c);

	wire_put_u16(expected + 2, (uint16_t)(len - 20));
	wire_put_u32(expected + 4, 0x2112a442);
	memcpy(expected + 8, made.data + 8, 12);
	wire_put_u32(expected + 20, 0x00120008); /* XOR-PEER-ADDRESS */
	wire_put_u16(expected + 24, 1);
	wire_put_u16(expected + 26, from->port ^ 0x2112);
	wire_put_u32(expected + 28, addr_ipv4_value(from) ^ 0x2112a442);
	wire_put_u16(expected + 32, 0x0013); /* DATA */
	wire_put_u16(expected + 34, (uint16_t)payload.len);
	memcpy(expected + 36, payload.data, payload.len);
	ck_assert_uint_eq(made.len, len);
	ck_assert_mem_eq(made.data, expected, len);
}

START_TEST(an_unbound_peer_is_heard_by_data_indication)
{
	static const char text[] = "0123456789";
	struct addr from = core_peer(1, 54321);

	for (size_t len = 0; len < sizeof(text); len++) {
		struct bytes payload = bytes_of(text, len);

		ck_assert_str_eq(core_from_peer(&c, relay, &from, payload),
				 "to_client");
		expect_data_indication(&from, payload);
		ck_assert_uint_eq(c.verdict.pad_bytes, -len & 3);
		ck_assert(addr_equal(&c.verdict.to, &client));
	}
}
END_TEST

/* Unpredictable and never the same twice. */
START_TEST(each_data_indication_has_its_own_transaction_id)
{
	struct addr from = core_peer(1, 54321);
	uint8_t ids[64][12];

	for (unsigned i = 0; i < 64; i++) {
		core_from_peer(&c, relay, &from, bytes_str("x"));
		memcpy(ids[i], c.verdict.prepend + 8, 12);
		for (unsigned j = 0; j < i; j++)
			ck_assert_mem_ne(ids[i], ids[j], 12);
	}
}
END_TEST

START_TEST(the_answer_leaves_from_the_allocations_listener)
{
	core_begin_allocate(&q, &client, 1);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	core_begin(&q, STUN_CREATE_PERMISSION, &client, 2);
	q.listener = 1;
	add_peer(&peer);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("x")),
		"to_client");
	ck_assert_uint_eq(c.verdict.listener, 1);
}
END_TEST

START_TEST(without_permission_a_peer_is_not_heard)
{
	ck_assert_str_eq(core_from_peer(&c, relay, &stranger, bytes_str("x")),
			 "no_permission");
}
END_TEST

/* What a peer sends is never parsed. */
START_TEST(stun_from_a_peer_is_payload)
{
	core_begin(&q, STUN_REFRESH, &client, 9);
	stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, 0);
	core_sign(&c, &q, &core_alice);
	ck_assert_str_eq(
		core_from_peer(&c, relay, &peer,
			       bytes_of(q.bytes, stun_finish(&q.builder))),
		"to_client");
	ck_assert_str_eq(
		core_from_peer(&c, relay, &peer, bytes_of("\x40\0\0\1x", 5)),
		"to_client");
	ck_assert_uint_eq(core_made(&c).len, 9);
}
END_TEST

/* With its header a datagram has at most 65,507 bytes. */
START_TEST(what_does_not_fit_with_its_header_is_dropped)
{
	static const struct {
		uint16_t port;
		size_t len;
		const char *fate;
	} table[] = {
		{ 6000, 65503, "to_client" }, { 6000, 65504, "too_large" },
		{ 6000, 65507, "too_large" }, { 6001, 65468, "to_client" },
		{ 6001, 65469, "too_large" }, { 6001, 65471, "too_large" },
		{ 6001, 65507, "too_large" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		peer.port = table[i].port;
		ck_assert_str_eq(
			core_from_peer(&c, relay, &peer,
				       bytes_of(c.judged_bytes, table[i].len)),
			table[i].fate);
	}
	ck_assert_uint_eq(core_dropped(&c, DROP_TOO_LARGE), 5);
	ck_assert_uint_eq(relayed().to_client_packets, 2);
}
END_TEST

START_TEST(a_socket_that_is_nobodys_is_dropped)
{
	relay.generation++;
	ck_assert_str_eq(from_peer("x"), "no_allocation");
	relay = (struct ref){ 4711, 1 };
	ck_assert_str_eq(from_peer("x"), "no_allocation");
	relay = (struct ref){ 0, 0 };
	ck_assert_str_eq(from_peer("x"), "no_allocation");
}
END_TEST

/* RFC 8656 section 14: DSCP and ECN are copied, both directions. */
START_TEST(tos_is_copied)
{
	core_channel_data(&c, &client, 0x4000, "x");
	ck_assert_uint_eq(c.verdict.tos, 0xb8);
	core_indicate(&c, &client, &peer, "x");
	ck_assert_uint_eq(c.verdict.tos, 0xb8);
	from_peer("x");
	ck_assert_uint_eq(c.verdict.tos, 0x2a);
	peer.port++;
	from_peer("x");
	ck_assert_uint_eq(c.verdict.tos, 0x2a);
}
END_TEST

START_TEST(packets_and_bytes_are_counted)
{
	const struct counters *n = turn_counters(c.server);

	core_channel_data(&c, &client, 0x4000, "123");
	core_indicate(&c, &client, &peer, "12345");
	core_indicate(&c, &client, &stranger, "dropped");
	from_peer("1234567");
	ck_assert_uint_eq(relayed().to_peer_packets, 2);
	ck_assert_uint_eq(relayed().to_peer_bytes, 8);
	ck_assert_uint_eq(relayed().to_client_packets, 1);
	ck_assert_uint_eq(relayed().to_client_bytes, 7);
	ck_assert_uint_eq(counter_get(&n->hairpin_packets), 0);
}
END_TEST

/* --- the limit that comes with a self-test's credentials --------------------------------------- */

START_TEST(packets_of_both_directions_count_against_the_limit)
{
	struct addr second = core_client(2, 5000);
	struct ref its_relay;

	c.user.grant.packets_max = 3;
	ck_assert_uint_eq(core_allocate(&c, &second, 1), 0);
	its_relay = c.last_relay;
	ck_assert_uint_eq(core_bind(&c, &second, 2, 0x4000, &peer), 0);
	core_indicate(&c, &second, &stranger, "dropped: not counted");
	ck_assert_str_eq(core_channel_data(&c, &second, 0x4000, "1"),
			 "to_peer");
	ck_assert_str_eq(core_from_peer(&c, its_relay, &peer, bytes_str("2")),
			 "to_client");
	ck_assert_str_eq(core_indicate(&c, &second, &peer, "3"), "to_peer");
	ck_assert_str_eq(core_channel_data(&c, &second, 0x4000, "4"),
			 "packet_limit");
	ck_assert_str_eq(core_indicate(&c, &second, &peer, "4"),
			 "packet_limit");
	ck_assert_str_eq(core_from_peer(&c, its_relay, &peer, bytes_str("4")),
			 "packet_limit");
	/* The allocation that was there before has none. */
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "4"),
			 "to_peer");
}
END_TEST

/* --- rules that change under what lives -------------------------------------------------------------- */

static struct peer_policy rules;

static void set_rules(void)
{
	rules.generation++;
	turn_set_peers(c.server, &rules);
}

static void deny(const char *text)
{
	ck_assert(peer_rule_parse(text, &rules.deny[rules.deny_count]));
	rules.deny_count++;
}

START_TEST(a_new_rule_stops_the_very_next_packet)
{
	rules = c.config.peers;
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	deny("8.8.8.0/24");
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_permission");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"),
			 "no_permission");
	ck_assert_str_eq(from_peer("x"), "no_permission");
	ck_assert_uint_eq(core_permit(&c, &client, 3, &peer), 403);
	/* Taken back, it all goes on: nothing was removed. */
	rules.deny_count = 0;
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	ck_assert_str_eq(from_peer("x"), "to_client");
}
END_TEST

START_TEST(a_rule_for_others_stops_nothing)
{
	rules = c.config.peers;
	deny("8.8.8.128/25");
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	ck_assert_str_eq(from_peer("x"), "to_client");
}
END_TEST

/* A listener of ours where a channel leads: that port alone is closed. */
START_TEST(an_own_socket_closes_its_port_alone)
{
	struct addr other_port = core_peer(1, 6001);

	rules = c.config.peers;
	rules.own_sockets[rules.own_socket_count++] = peer;
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "peer_denied");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "peer_denied");
	ck_assert_str_eq(core_indicate(&c, &client, &other_port, "x"),
			 "to_peer");
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &peer), 403);
}
END_TEST

/* A permission is for all ports; each packet is judged by its own. */
START_TEST(a_port_rule_closes_its_ports_alone)
{
	struct addr below = core_peer(1, 5999), above = core_peer(1, 6002);
	struct addr last = core_peer(1, 6001);

	rules = c.config.peers;
	deny("8.8.8.1 ports 6000-6001");
	set_rules();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &peer), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "peer_denied");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "peer_denied");
	ck_assert_str_eq(core_indicate(&c, &client, &below, "x"), "to_peer");
	ck_assert_str_eq(core_indicate(&c, &client, &last, "x"), "peer_denied");
	ck_assert_str_eq(core_indicate(&c, &client, &above, "x"), "to_peer");
	ck_assert_str_eq(core_indicate(&c, &client, &above, "x"), "to_peer");
	/* The same port again, under rules without it. */
	rules.deny_count = 0;
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "peer_denied");
	set_rules();
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	/* And under others, with it, and with another one. */
	deny("8.8.8.0/24 port 6000");
	set_rules();
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "peer_denied");
	rules.deny_count = 0;
	deny("8.8.8.0/24 port 6001");
	set_rules();
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	ck_assert_str_eq(from_peer("x"), "to_client");
}
END_TEST

START_TEST(port_0_is_no_port_to_send_to)
{
	struct addr none = core_peer(1, 0);

	ck_assert_str_eq(core_indicate(&c, &client, &none, "x"), "peer_denied");
	rules = c.config.peers;
	deny("8.8.8.1 port 7");
	set_rules();
	ck_assert_str_eq(core_indicate(&c, &client, &none, "x"), "peer_denied");
}
END_TEST

/* A rule is for the realms that it names. */
START_TEST(a_rule_of_another_realm_stops_nothing)
{
	rules = c.config.peers;
	deny("8.8.8.1");
	rules.deny[0].realms = 2;
	rules.realms[1].preset = PEER_PRESET_ACS;
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	ck_assert_uint_eq(core_permit(&c, &client, 3, &peer), 0);
	rules.deny[0].realms = 1;
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_permission");
	ck_assert_uint_eq(core_permit(&c, &client, 3, &peer), 403);
}
END_TEST

/* A session of the second realm, through the second listener. */
START_TEST(a_session_is_judged_by_its_own_realm)
{
	struct addr second = core_client(2, 5000);
	struct bytes x = bytes_str("x");

	core_begin_allocate(&q, &second, 3);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	core_begin(&q, STUN_CREATE_PERMISSION, &second, 4);
	q.listener = 1;
	stun_add_xor_addr(&q.builder, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	rules = c.config.peers;
	deny("8.8.8.1");
	rules.deny[0].realms = 1;
	set_rules();
	ck_assert_str_eq(core_from_peer(&c, c.last_relay, &peer, x),
			 "to_client");
	ck_assert_str_eq(core_from_peer(&c, relay, &peer, x), "no_permission");
	rules.deny[0].realms = 2;
	set_rules();
	ck_assert_str_eq(core_from_peer(&c, c.last_relay, &peer, x),
			 "no_permission");
	ck_assert_str_eq(core_from_peer(&c, relay, &peer, x), "to_client");
}
END_TEST

START_TEST(refreshed_under_new_rules_a_channel_is_judged_by_them)
{
	rules = c.config.peers;
	set_rules();
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &peer), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	rules.own_sockets[rules.own_socket_count++] = peer;
	set_rules();
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "peer_denied");
}
END_TEST

/* --- hairpin: decisions, "Own addresses" ------------------------------------------------------------------ */

/* A second client, of the same server; what it is relayed at. */
static struct addr second, its_bound, its_told, our_bound, our_told;
static struct ref its_relay;

static void set_up_second(void)
{
	const struct allocation *a;

	second = core_client(2, 5000);
	ck_assert_uint_eq(core_allocate(&c, &second, 1), 0);
	its_relay = c.last_relay;
	its_told = core_relayed(&c);
	its_bound = addr_with_port(&c.config.relay, its_told.port);
	a = pool_at(&c.server->flows.allocations, relay.index);
	our_bound = addr_with_port(&c.config.relay, a->relay_port);
	our_told = addr_with_port(&c.config.relay_advertise, a->relay_port);
}

/* Delivers what the last verdict says; returns what becomes of it. */
static const char *deliver(struct core *to)
{
	static uint8_t carried[DATAGRAM_MAX_BYTES];
	struct verdict v = c.verdict;
	struct bytes payload = core_made(&c);
	struct datagram in = {
		.data = bytes_of(carried, payload.len),
		.source = v.from,
		.tos = v.tos,
	};

	ck_assert_int_eq(v.kind, VERDICT_HAIRPIN);
	memcpy(carried, payload.data, payload.len);
	memset(&to->verdict, 0xa5, sizeof(to->verdict));
	turn_from_hairpin(to->server, &to->now, v.allocation, &in,
			  &to->verdict);
	to->judged = in.data;
	return to->verdict.kind == VERDICT_TO_CLIENT
		       ? "to_client"
		       : drop_reason_name(to->verdict.drop);
}

START_TEST(a_relayed_address_of_ours_is_reached_inside)
{
	set_up_second();
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4001, &its_bound), 0);
	ck_assert_uint_eq(core_permit(&c, &second, 3, &our_bound), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4001, "media"),
			 "hairpin");
	ck_assert_uint_eq(c.verdict.worker, 0);
	ck_assert_uint_eq(c.verdict.allocation.index, its_relay.index);
	ck_assert_uint_eq(c.verdict.allocation.generation,
			  its_relay.generation);
	ck_assert(addr_equal(&c.verdict.from, &our_bound));
	ck_assert_uint_eq(
		counter_get(&turn_counters(c.server)->hairpin_packets), 1);
	ck_assert_str_eq(deliver(&c), "to_client");
	ck_assert(addr_equal(&c.verdict.to, &second));
	ck_assert_uint_eq(c.verdict.tos, 0xb8);
	expect_data_indication(&our_bound, bytes_str("media"));
}
END_TEST

/* Either side by either form: bound or advertised, channel or Send. */
START_TEST(both_forms_reach_the_same_allocation)
{
	set_up_second();
	for (unsigned i = 0; i < 4; i++) {
		const struct addr *names = i & 1 ? &its_told : &its_bound;
		const struct addr *permits = i & 2 ? &our_told : &our_bound;

		ck_assert_uint_eq(core_permit(&c, &client, 3, names), 0);
		ck_assert_uint_eq(core_permit(&c, &second, 3, permits), 0);
		ck_assert_str_eq(core_indicate(&c, &client, names, "x"),
				 "hairpin");
		ck_assert(addr_equal(&c.verdict.from, &our_bound));
		ck_assert_str_eq(deliver(&c), "to_client");
		core_wait(&c, 310000); /* both permissions are gone */
		ck_assert_uint_eq(core_refresh(&c, &client, 4, 3600), 0);
		ck_assert_uint_eq(core_refresh(&c, &second, 4, 3600), 0);
	}
}
END_TEST

/* "the form that the receiver named; the advertised one if it named both" */
START_TEST(the_receiver_is_shown_the_form_it_named)
{
	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_bound), 0);
	ck_assert_uint_eq(core_permit(&c, &second, 3, &our_bound), 0);
	core_indicate(&c, &client, &its_bound, "x");
	ck_assert_str_eq(deliver(&c), "to_client");
	expect_data_indication(&our_bound, bytes_str("x"));
	ck_assert_uint_eq(core_permit(&c, &second, 4, &our_told), 0);
	core_indicate(&c, &client, &its_bound, "x");
	ck_assert_str_eq(deliver(&c), "to_client");
	expect_data_indication(&our_told, bytes_str("x"));
	ck_assert_uint_eq(core_permit(&c, &second, 5, &our_bound), 0);
	core_indicate(&c, &client, &its_told, "x");
	ck_assert_str_eq(deliver(&c), "to_client");
	expect_data_indication(&our_told, bytes_str("x"));
}
END_TEST

/* The advertised address may be taken away while a permission names it. */
START_TEST(without_an_advertised_address_the_bound_one_is_shown)
{
	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_bound), 0);
	ck_assert_uint_eq(core_permit(&c, &second, 3, &our_told), 0);
	rules = c.config.peers;
	rules.relay_ips[1] = (struct addr){ .family = ADDR_NONE };
	rules.relay_ip_count = 1;
	set_rules();
	core_indicate(&c, &client, &its_bound, "x");
	ck_assert_str_eq(deliver(&c), "to_client");
	expect_data_indication(&our_bound, bytes_str("x"));
}
END_TEST

/* Each keeps its place, so the receiver goes on seeing what it named. */
START_TEST(a_formerly_advertised_address_is_shown_to_who_named_it)
{
	struct addr now;

	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_bound), 0);
	ck_assert_uint_eq(core_permit(&c, &second, 3, &our_told), 0);
	rules = c.config.peers;
	rules.relay_ips[rules.relay_ip_count++] = addr_ipv4(0x08080404, 0);
	set_rules();
	core_indicate(&c, &client, &its_bound, "x");
	ck_assert_str_eq(deliver(&c), "to_client");
	expect_data_indication(&our_told, bytes_str("x"));
	now = addr_with_port(&rules.relay_ips[2], our_told.port);
	ck_assert_uint_eq(core_permit(&c, &second, 4, &now), 0);
	core_indicate(&c, &client, &its_bound, "x");
	ck_assert_str_eq(deliver(&c), "to_client");
	expect_data_indication(&now, bytes_str("x"));
	/* It may go while others, behind it, stay. */
	rules.relay_ips[1] = (struct addr){ .family = ADDR_NONE };
	set_rules();
	core_indicate(&c, &client, &its_bound, "x");
	ck_assert_str_eq(deliver(&c), "to_client");
	expect_data_indication(&now, bytes_str("x"));
}
END_TEST

START_TEST(a_channel_to_a_relayed_address_works_both_ways)
{
	set_up_second();
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4001, &its_told), 0);
	ck_assert_uint_eq(core_bind(&c, &second, 3, 0x4002, &our_told), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4001, "ping"),
			 "hairpin");
	ck_assert_str_eq(deliver(&c), "to_client");
	ck_assert(bytes_equal(core_made(&c), bytes_of("\x40\x02\0\4ping", 8)));
	ck_assert_str_eq(core_channel_data(&c, &second, 0x4002, "pong"),
			 "hairpin");
	ck_assert_str_eq(deliver(&c), "to_client");
	ck_assert(bytes_equal(core_made(&c), bytes_of("\x40\x01\0\4pong", 8)));
	ck_assert(addr_equal(&c.verdict.to, &client));
}
END_TEST

/* "delivered only to a living allocation that itself holds a permission" */
START_TEST(the_receiver_must_permit_the_sender)
{
	set_up_second();
	/* A permission for somebody else is none for the sender. */
	ck_assert_uint_eq(core_permit(&c, &second, 3, &peer), 0);
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_bound), 0);
	ck_assert_str_eq(core_indicate(&c, &client, &its_bound, "x"),
			 "hairpin");
	ck_assert_str_eq(deliver(&c), "no_permission");
}
END_TEST

START_TEST(the_sender_must_permit_the_receiver)
{
	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &second, 3, &our_bound), 0);
	ck_assert_str_eq(core_indicate(&c, &client, &its_bound, "x"),
			 "no_permission");
}
END_TEST

/* A port of the range that is nobody's never leads to the kernel. */
START_TEST(a_free_port_of_the_range_is_nobody)
{
	struct addr nobody;

	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_bound), 0);
	for (uint16_t port = CORE_PORT_MIN; port <= CORE_PORT_MAX; port++) {
		if (port == its_bound.port || port == our_bound.port)
			continue;
		nobody = addr_with_port(&c.config.relay, port);
		ck_assert_str_eq(core_indicate(&c, &client, &nobody, "x"),
				 "hairpin_no_peer");
		nobody = addr_with_port(&c.config.relay_advertise, port);
		ck_assert_str_eq(core_indicate(&c, &client, &nobody, "x"),
				 "hairpin_no_peer");
	}
	/* Dropped packets are not the client's. */
	ck_assert_uint_eq(relayed().to_peer_packets, 0);
}
END_TEST

START_TEST(an_allocation_that_opens_or_ended_is_nobody)
{
	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_bound), 0);
	ck_assert_uint_eq(core_refresh(&c, &second, 3, 0), 0);
	ck_assert_str_eq(core_indicate(&c, &client, &its_bound, "x"),
			 "hairpin_no_peer");
	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &second, 4), 1);
	its_bound.port = c.last_port;
	ck_assert_str_eq(core_indicate(&c, &client, &its_bound, "x"),
			 "hairpin_no_peer");
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_str_eq(core_indicate(&c, &client, &its_bound, "x"),
			 "hairpin");
	/* It ends between the two judgements. */
	ck_assert_uint_eq(core_refresh(&c, &second, 5, 0), 0);
	ck_assert_str_eq(deliver(&c), "no_allocation");
}
END_TEST

START_TEST(one_may_send_to_oneself)
{
	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &our_told), 0);
	ck_assert_str_eq(core_indicate(&c, &client, &our_told, "x"), "hairpin");
	ck_assert_str_eq(deliver(&c), "to_client");
	ck_assert(addr_equal(&c.verdict.to, &client));
	expect_data_indication(&our_told, bytes_str("x"));
}
END_TEST

/* The verdict names the worker that the other allocation belongs to. */
START_TEST(the_receiver_may_be_on_another_worker)
{
	set_up_second();
	core_start_worker(&beside, 1, &c);
	client.port = 7000;
	ck_assert_uint_eq(core_allocate(&beside, &client, 1), 0);
	its_told = core_relayed(&beside);
	client.port = 5000;
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_told), 0);
	ck_assert_str_eq(core_indicate(&c, &client, &its_told, "x"), "hairpin");
	ck_assert_uint_eq(c.verdict.worker, 1);
	ck_assert_str_eq(deliver(&beside), "no_permission");
	client.port = 7000;
	ck_assert_uint_eq(core_permit(&beside, &client, 2, &our_told), 0);
	ck_assert_str_eq(deliver(&beside), "to_client");
	ck_assert(addr_equal(&beside.verdict.to, &client));
	core_teardown_worker(&beside);
}
END_TEST

/* Rules apply to the receiver's permission too. */
START_TEST(hairpins_stop_with_the_limit_of_packets)
{
	set_up_second();
	ck_assert_uint_eq(core_refresh(&c, &second, 2, 0), 0);
	c.user.grant.packets_max = 1;
	ck_assert_uint_eq(core_allocate(&c, &second, 3), 0);
	its_bound.port = c.last_port;
	ck_assert_uint_eq(core_permit(&c, &client, 3, &its_bound), 0);
	ck_assert_uint_eq(core_permit(&c, &second, 4, &our_bound), 0);
	core_indicate(&c, &client, &its_bound, "1");
	ck_assert_str_eq(deliver(&c), "to_client");
	core_indicate(&c, &client, &its_bound, "2");
	ck_assert_str_eq(deliver(&c), "packet_limit");
}
END_TEST

/* --- bandwidth: rates.h --------------------------------------------------------- */

/* Payload that makes a datagram of 1,000 bytes. */
static const char *kilobyte(void)
{
	static char payload[1000 - RATES_HEADER_BYTES + 1];

	memset(payload, 'k', sizeof(payload) - 1);
	return payload;
}

/* Starts anew with what c.config says now. */
static void set_up_again(void)
{
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	relay = c.last_relay;
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
}

/* How many kilobytes pass, and what stops them. */
static unsigned send_all(const char *expected)
{
	unsigned count = 0;
	const char *fate;

	while (!strcmp(
		fate = core_channel_data(&c, &client, 0x4000, kilobyte()),
		"to_peer"))
		count++;
	ck_assert_str_eq(fate, expected);
	return count;
}

static unsigned hear_all(const char *expected)
{
	unsigned count = 0;
	const char *fate;

	while (!strcmp(fate = from_peer(kilobyte()), "to_client"))
		count++;
	ck_assert_str_eq(fate, expected);
	return count;
}

START_TEST(an_allocation_has_its_bandwidth_each_way)
{
	c.config.limits.rates.allocation = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	ck_assert_uint_eq(send_all("allocation_rate"), 100);
	ck_assert_uint_eq(hear_all("allocation_rate"), 100);
	core_pass(&c, 50);
	ck_assert_uint_eq(send_all("allocation_rate"), 5);
	ck_assert_uint_eq(hear_all("allocation_rate"), 5);
	ck_assert_uint_eq(core_dropped(&c, DROP_RATE_ALLOCATION), 4);
	/* What is dropped is not relayed. */
	ck_assert_uint_eq(relayed().to_peer_packets, 105);
	ck_assert_uint_eq(relayed().to_client_packets, 105);
}
END_TEST

START_TEST(a_realm_may_have_its_own_rate)
{
	c.config.limits.rates.allocation = 100000;
	c.config.limits.rates.burst_s = 1;
	c.config.realms[0].allocation_rate = 200000;
	set_up_again();
	ck_assert_uint_eq(send_all("allocation_rate"), 200);
}
END_TEST

/* Send indications and channels draw on one account. */
START_TEST(indications_count_like_channel_data)
{
	c.config.limits.rates.allocation = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	for (unsigned i = 0; i < 50; i++)
		ck_assert_str_eq(core_indicate(&c, &client, &peer, kilobyte()),
				 "to_peer");
	ck_assert_uint_eq(send_all("allocation_rate"), 50);
	ck_assert_str_eq(core_indicate(&c, &client, &peer, kilobyte()),
			 "allocation_rate");
}
END_TEST

START_TEST(a_users_allocations_share_its_bandwidth)
{
	c.config.limits.rates.user = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	client.port = 5001;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	for (unsigned i = 0; i < 40; i++)
		ck_assert_str_eq(
			core_channel_data(&c, &client, 0x4000, kilobyte()),
			"to_peer");
	client.port = 5000;
	ck_assert_uint_eq(send_all("user_rate"), 60);
	client.port = 5001;
	ck_assert_uint_eq(send_all("user_rate"), 0);
}
END_TEST

START_TEST(a_users_workers_share_its_bandwidth)
{
	unsigned count;

	c.config.limits.rates.user = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	core_start_worker(&beside, 1, &c);
	ck_assert_uint_eq(core_allocate(&beside, &client, 1), 0);
	ck_assert_uint_eq(core_bind(&beside, &client, 2, 0x4000, &peer), 0);
	for (unsigned i = 0; i < 40; i++)
		ck_assert_str_eq(
			core_channel_data(&beside, &client, 0x4000, kilobyte()),
			"to_peer");
	count = send_all("user_rate");
	ck_assert_uint_ge(count, 59); /* the other worker holds a slice */
	ck_assert_uint_le(count, 60);
	core_teardown_worker(&beside);
}
END_TEST

/* To end an allocation and begin another one is no way to a new burst. */
START_TEST(a_user_that_returns_has_no_new_burst)
{
	c.config.limits.rates.user = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	ck_assert_uint_eq(send_all("user_rate"), 100);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 4), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 5, 0x4000, &peer), 0);
	ck_assert_uint_eq(send_all("user_rate"), 0);
}
END_TEST

START_TEST(a_user_may_have_its_own_rate)
{
	c.config.limits.rates.user = 100000;
	c.config.limits.rates.burst_s = 1;
	c.user.grant.rate_bytes_per_s = 200000;
	set_up_again();
	ck_assert_uint_eq(send_all("user_rate"), 200);
	/* Alone, too. */
	c.config.limits.rates.user = 0;
	set_up_again();
	ck_assert_uint_eq(send_all("user_rate"), 200);
}
END_TEST

START_TEST(the_process_has_its_bandwidth)
{
	c.config.limits.rates.total = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	ck_assert_uint_eq(send_all("total_rate"), 100);
	ck_assert_uint_eq(hear_all("total_rate"), 100);
}
END_TEST

/* Between two allocations of ours it is sent once and heard once. */
START_TEST(a_hairpin_counts_at_both_ends)
{
	c.config.limits.rates.allocation = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	set_up_second();
	ck_assert_uint_eq(core_permit(&c, &second, 2, &our_bound), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4001, &its_bound), 0);
	for (unsigned i = 0; i < 100; i++) {
		ck_assert_str_eq(
			core_channel_data(&c, &client, 0x4001, kilobyte()),
			"hairpin");
		ck_assert_str_eq(deliver(&c), "to_client");
	}
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4001, kilobyte()),
			 "allocation_rate");
	ck_assert_str_eq(core_from_peer(&c, its_relay, &our_bound,
					bytes_str(kilobyte())),
			 "allocation_rate");
}
END_TEST

/* A packet that goes nowhere is not counted. */
START_TEST(what_is_dropped_for_another_reason_costs_nothing)
{
	struct addr nobody = addr_with_port(&c.config.relay, CORE_PORT_MAX);

	c.config.limits.rates.allocation = 100000;
	c.config.limits.rates.burst_s = 1;
	set_up_again();
	if (c.last_port == CORE_PORT_MAX)
		nobody.port = CORE_PORT_MIN;
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4001, &nobody), 0);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_str_eq(
			core_channel_data(&c, &client, 0x4001, kilobyte()),
			"hairpin_no_peer");
	ck_assert_uint_eq(send_all("allocation_rate"), 100);
}
END_TEST

START_TEST(the_limit_of_packets_comes_before_the_rates)
{
	c.config.limits.rates.allocation = 100000;
	c.config.limits.rates.burst_s = 1;
	c.user.grant.packets_max = 3;
	set_up_again();
	ck_assert_uint_eq(send_all("packet_limit"), 3);
}
END_TEST

/* --- new peers ---------------------------------------------------------------------- */

/* Sends to the n-th of many peers that are all permitted. */
static const char *send_to(unsigned n)
{
	struct addr many = core_peer(9, (uint16_t)(1000 + n));

	return core_indicate(&c, &client, &many, "x");
}

static void set_up_peers(unsigned burst, unsigned per_s)
{
	struct addr many = core_peer(9, 0);

	c.config.limits.peers = (struct bucket_rate){ per_s, burst };
	set_up_again();
	ck_assert_uint_eq(core_permit(&c, &client, 3, &many), 0);
}

/* Decisions: "64 distinct peers per allocation, refilled 10/s". The channel
 * of the fixture is one of them. */
START_TEST(new_peers_are_limited)
{
	unsigned n = 0;

	set_up_peers(64, 10);
	for (; n < 63; n++)
		ck_assert_str_eq(send_to(n), "to_peer");
	ck_assert_str_eq(send_to(n), "peer_limit");
	ck_assert_uint_eq(core_dropped(&c, DROP_PEER_LIMIT), 1);
	/* Those that it sends to already are none. */
	for (unsigned i = 0; i < n; i++)
		ck_assert_str_eq(send_to(i), "to_peer");
	/* A second brings ten. */
	core_pass(&c, 1000);
	for (unsigned i = 0; i < 10; i++)
		ck_assert_str_eq(send_to(n++), "to_peer");
	ck_assert_str_eq(send_to(n), "peer_limit");
}
END_TEST

START_TEST(without_a_limit_there_may_be_any_number_of_peers)
{
	set_up_peers(0, 10);
	for (unsigned n = 0; n < 5000; n++)
		ck_assert_str_eq(send_to(n), "to_peer");
}
END_TEST

/* Also one whose answers came first, and one bound under its other form. */
START_TEST(a_peer_with_a_channel_is_no_new_one)
{
	set_up_peers(1, 1);
	ck_assert_str_eq(send_to(0), "peer_limit");
	for (unsigned i = 0; i < 10; i++) {
		ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"),
				 "to_peer");
		ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
				 "to_peer");
	}
}
END_TEST

START_TEST(a_peer_is_new_to_each_allocation)
{
	struct addr many = core_peer(9, 0);

	set_up_peers(3, 1);
	ck_assert_str_eq(send_to(0), "to_peer");
	ck_assert_str_eq(send_to(1), "to_peer");
	ck_assert_str_eq(send_to(2), "peer_limit");
	client.port = 5001;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &many), 0);
	for (unsigned n = 0; n < 3; n++)
		ck_assert_str_eq(send_to(n), "to_peer");
	ck_assert_str_eq(send_to(3), "peer_limit");
	/* Also where one had the same place in the table before. */
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 4), 0);
	ck_assert_uint_eq(core_permit(&c, &client, 5, &many), 0);
	for (unsigned n = 3; n < 6; n++)
		ck_assert_str_eq(send_to(n), "to_peer");
	ck_assert_str_eq(send_to(0), "peer_limit");
}
END_TEST

/* What does not leave costs no peer, and a refused peer is not remembered. */
START_TEST(only_a_peer_that_is_sent_to_counts)
{
	struct addr port_0 = core_peer(9, 0);

	set_up_peers(2, 1);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_str_eq(core_indicate(&c, &client, &stranger, "x"),
				 "no_permission");
		ck_assert_str_eq(core_indicate(&c, &client, &port_0, "x"),
				 "peer_denied");
	}
	ck_assert_str_eq(send_to(0), "to_peer");
	ck_assert_str_eq(send_to(1), "peer_limit");
	ck_assert_str_eq(send_to(1), "peer_limit");
	core_pass(&c, 1000);
	ck_assert_str_eq(send_to(2), "to_peer");
	ck_assert_str_eq(send_to(1), "peer_limit");
}
END_TEST

/* A peer that was not sent to for long is a new flow to a NAT as well. */
START_TEST(a_peer_is_forgotten_in_time)
{
	struct addr many = core_peer(9, 0);

	set_up_peers(2, 0);
	ck_assert_str_eq(send_to(0), "to_peer");
	core_pass(&c, 200000);
	ck_assert_uint_eq(core_permit(&c, &client, 4, &many), 0);
	ck_assert_str_eq(send_to(0), "to_peer");
	core_pass(&c, 250000);
	ck_assert_str_eq(send_to(0), "to_peer");
	ck_assert_uint_eq(core_refresh(&c, &client, 5, 600), 0);
	ck_assert_uint_eq(core_permit(&c, &client, 6, &many), 0);
	core_pass(&c, 299000);
	ck_assert_uint_eq(core_permit(&c, &client, 7, &many), 0);
	core_pass(&c, 2000);
	ck_assert_str_eq(send_to(0), "peer_limit");
}
END_TEST

/* --- what the log is to be told ------------------------------------------------------ */

/* Each reason once a minute, with room for a few allocations at a time. */
START_TEST(a_limit_is_noticed_once_an_interval)
{
	struct flow_table *t = &c.server->flows;
	struct flow_notice notice;

	ck_assert(!flow_next_notice(t, &notice));
	flow_notice(t, &c.now, relay.index, DROP_RATE_USER);
	flow_notice(t, &c.now, relay.index, DROP_PEER_LIMIT);
	flow_notice(t, &c.now, relay.index, DROP_RATE_USER);
	ck_assert_uint_eq(t->notice_count, 2);
	ck_assert(flow_next_notice(t, &notice));
	ck_assert_int_eq(notice.reason, DROP_RATE_USER);
	ck_assert_uint_eq(notice.allocation.index, relay.index);
	ck_assert_uint_eq(notice.allocation.generation, relay.generation);
	ck_assert_uint_eq(notice.since_ms, c.now.mono_ms);
	ck_assert(flow_next_notice(t, &notice));
	ck_assert_int_eq(notice.reason, DROP_PEER_LIMIT);
	ck_assert(!flow_next_notice(t, &notice));
	core_pass(&c, 59000);
	flow_notice(t, &c.now, relay.index, DROP_RATE_USER);
	ck_assert(!flow_next_notice(t, &notice));
	core_pass(&c, 1000);
	flow_notice(t, &c.now, relay.index, DROP_RATE_USER);
	ck_assert(flow_next_notice(t, &notice));
}
END_TEST

/* What finds no room is noticed when there is some again. */
START_TEST(notices_are_bounded)
{
	struct flow_table *t = &c.server->flows;
	struct flow_notice notice;
	uint32_t last = POOL_NONE;

	for (unsigned i = 0; i <= FLOW_NOTICES_MAX; i++) {
		client.port = (uint16_t)(6000 + i);
		ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
		last = c.last_relay.index;
		flow_notice(t, &c.now, last, DROP_RATE_TOTAL);
	}
	ck_assert_uint_eq(t->notice_count, FLOW_NOTICES_MAX);
	ck_assert(flow_next_notice(t, &notice));
	flow_notice(t, &c.now, last, DROP_RATE_TOTAL);
	ck_assert_uint_eq(t->notices[FLOW_NOTICES_MAX - 1].allocation.index,
			  last);
}
END_TEST

/* --- the table itself ------------------------------------------------------------------------------------------ */

START_TEST(out_of_memory_holds_nothing)
{
	static const struct hash_key key = { 1, 2 };
	struct counters *n = turn_counters(c.server);
	struct flow_table t;

	for (int i = 0; i < 8; i++) {
		int before = mapped, after, err;

		until_failure = i;
		err = flow_init(&t, 4, 2, 2, &key, n, NULL, &c.config.peers);
		until_failure = -1;
		after = mapped;
		ck_assert_int_eq(err, -ENOMEM);
		ck_assert_int_eq(after, before);
	}
	until_failure = 8;
	ck_assert_int_eq(flow_init(&t, 4, 2, 2, &key, n, NULL, &c.config.peers),
			 0);
	until_failure = -1;
	flow_fini(&t);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("flow");
	TCase *t = tcase_create("flow");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, channel_data_goes_to_its_peer);
	tcase_add_test(t, channel_data_may_be_empty);
	tcase_add_test(t, padding_is_not_relayed);
	tcase_add_test(t, a_length_that_lies_is_dropped);
	tcase_add_test(t, channels_that_are_not_bound_are_dropped);
	tcase_add_test(t, reserved_numbers_are_dropped);
	tcase_add_test(t, another_5_tuple_has_no_channel);
	tcase_add_test(t, the_largest_channel_data_passes);
	tcase_add_test(t, clients_take_turns);
	tcase_add_test(t, a_send_goes_to_the_peer_it_names);
	tcase_add_test(t, a_send_may_be_empty);
	tcase_add_test(t, attributes_come_in_any_order);
	tcase_add_test(t, the_first_of_two_attributes_counts);
	tcase_add_test(t, both_attributes_are_required);
	tcase_add_test(t, unknown_required_attributes_are_dropped);
	tcase_add_test(t, ipv6_peers_are_dropped);
	tcase_add_test(t, without_permission_a_send_is_dropped);
	tcase_add_test(t, a_send_from_another_5_tuple_is_dropped);
	tcase_add_test(t, a_broken_send_is_dropped);
	tcase_add_test(t, dont_fragment_is_passed_on);
	tcase_add_test(t, ports_that_are_denied_are_dropped);
	tcase_add_test(t, a_send_and_channel_data_to_one_peer_are_one_flow);
	tcase_add_test(t, messages_are_for_the_control_side);
	tcase_add_test(t, other_protocols_are_dropped);
	tcase_add_test(t, a_bound_peer_is_heard_on_its_channel);
	tcase_add_test(t, an_unbound_peer_is_heard_by_data_indication);
	tcase_add_test(t, each_data_indication_has_its_own_transaction_id);
	tcase_add_test(t, the_answer_leaves_from_the_allocations_listener);
	tcase_add_test(t, without_permission_a_peer_is_not_heard);
	tcase_add_test(t, stun_from_a_peer_is_payload);
	tcase_add_test(t, what_does_not_fit_with_its_header_is_dropped);
	tcase_add_test(t, a_socket_that_is_nobodys_is_dropped);
	tcase_add_test(t, tos_is_copied);
	tcase_add_test(t, packets_and_bytes_are_counted);
	tcase_add_test(t, packets_of_both_directions_count_against_the_limit);
	tcase_add_test(t, a_new_rule_stops_the_very_next_packet);
	tcase_add_test(t, a_rule_for_others_stops_nothing);
	tcase_add_test(t, an_own_socket_closes_its_port_alone);
	tcase_add_test(t, a_port_rule_closes_its_ports_alone);
	tcase_add_test(t, port_0_is_no_port_to_send_to);
	tcase_add_test(t, a_rule_of_another_realm_stops_nothing);
	tcase_add_test(t, a_session_is_judged_by_its_own_realm);
	tcase_add_test(t,
		       refreshed_under_new_rules_a_channel_is_judged_by_them);
	tcase_add_test(t, a_relayed_address_of_ours_is_reached_inside);
	tcase_add_test(t, both_forms_reach_the_same_allocation);
	tcase_add_test(t, the_receiver_is_shown_the_form_it_named);
	tcase_add_test(t, without_an_advertised_address_the_bound_one_is_shown);
	tcase_add_test(t,
		       a_formerly_advertised_address_is_shown_to_who_named_it);
	tcase_add_test(t, a_channel_to_a_relayed_address_works_both_ways);
	tcase_add_test(t, the_receiver_must_permit_the_sender);
	tcase_add_test(t, the_sender_must_permit_the_receiver);
	tcase_add_test(t, a_free_port_of_the_range_is_nobody);
	tcase_add_test(t, an_allocation_that_opens_or_ended_is_nobody);
	tcase_add_test(t, one_may_send_to_oneself);
	tcase_add_test(t, the_receiver_may_be_on_another_worker);
	tcase_add_test(t, hairpins_stop_with_the_limit_of_packets);
	tcase_add_test(t, an_allocation_has_its_bandwidth_each_way);
	tcase_add_test(t, a_realm_may_have_its_own_rate);
	tcase_add_test(t, indications_count_like_channel_data);
	tcase_add_test(t, a_users_allocations_share_its_bandwidth);
	tcase_add_test(t, a_users_workers_share_its_bandwidth);
	tcase_add_test(t, a_user_that_returns_has_no_new_burst);
	tcase_add_test(t, a_user_may_have_its_own_rate);
	tcase_add_test(t, the_process_has_its_bandwidth);
	tcase_add_test(t, a_hairpin_counts_at_both_ends);
	tcase_add_test(t, what_is_dropped_for_another_reason_costs_nothing);
	tcase_add_test(t, the_limit_of_packets_comes_before_the_rates);
	tcase_add_test(t, new_peers_are_limited);
	tcase_add_test(t, without_a_limit_there_may_be_any_number_of_peers);
	tcase_add_test(t, a_peer_with_a_channel_is_no_new_one);
	tcase_add_test(t, a_peer_is_new_to_each_allocation);
	tcase_add_test(t, only_a_peer_that_is_sent_to_counts);
	tcase_add_test(t, a_peer_is_forgotten_in_time);
	tcase_add_test(t, a_limit_is_noticed_once_an_interval);
	tcase_add_test(t, notices_are_bounded);
	tcase_add_test(t, out_of_memory_holds_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
