/* link: -Wl,--wrap=calloc,--wrap=free,--wrap=mmap,--wrap=munmap,--wrap=madvise */
#include "core_fixture.h"

#include <errno.h>
#include <sys/mman.h>

/* --- memory that runs out ----------------------------------------------------- */

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void __real_free(void *block);
void __wrap_free(void *block);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_munmap(void *at, size_t len);
int __wrap_munmap(void *at, size_t len);
int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);

static int until_failure = -1; /* requests that still succeed; -1: all */
static int requests;           /* for memory, so far */
static int held;               /* blocks and mappings not given back */

static bool runs_out(void)
{
	requests++;
	if (until_failure < 0)
		return false;
	return until_failure-- == 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	if (runs_out())
		return NULL;
	held++;
	return __real_calloc(count, size);
}

void __wrap_free(void *block)
{
	held -= block != NULL;
	__real_free(block);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (runs_out()) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	held++;
	return __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_munmap(void *at, size_t len)
{
	held--;
	return __real_munmap(at, len);
}

int __wrap_madvise(void *at, size_t len, int advice)
{
	if (runs_out()) {
		errno = EAGAIN;
		return -1;
	}
	return __real_madvise(at, len, advice);
}

/* --------------------------------------------------------------------------------- */

static struct core c;
static struct core_request q;
static struct addr client, peer;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
	peer = core_peer(1, 6000);
}

static void tear_down(void)
{
	core_teardown(&c);
}

/* From nothing to media and back to nothing: the story of one allocation. */
START_TEST(a_whole_session)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_relayed(&c).port, c.last_port);
	ck_assert(core_replied_with(&c, STUN_ATTR_XOR_MAPPED_ADDRESS));
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);

	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "media"),
			 "to_peer");
	ck_assert(addr_equal(&c.verdict.to, &peer));
	ck_assert(bytes_equal(core_made(&c), bytes_str("media")));

	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("media")),
		"to_client");
	ck_assert(addr_equal(&c.verdict.to, &client));
	ck_assert(bytes_equal(core_made(&c),
			      bytes_of("\x40\x00\x00\x05media", 9)));

	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	ck_assert_uint_eq(c.relays_closed, 1);
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("media")),
		"no_allocation");
	ck_assert_uint_eq(core_refresh(&c, &client, 4, 0), 437);
	core_expect_empty(&c);
}
END_TEST

/* --- the order of the checks ---------------------------------------------------------- */

/*
 * Decisions, "Authentication": syntax and FINGERPRINT (drop), then those of
 * RFC 8489 section 9.2.4 in its order, 420, 437, 441, the method's own.
 */
enum cause {
	BAD_FINGERPRINT,
	NO_INTEGRITY,
	NO_NONCE,
	BID_DOWN,
	OTHER_REALM,
	UNKNOWN_USER,
	WRONG_PASSWORD,
	STALE_NONCE,
	UNKNOWN_ATTRIBUTE,
	MISMATCH, /* Allocate: there is an allocation; others: there is none */
	OTHER_USER,
	BAD_ARGUMENT,
	CAUSES,
};

static const struct {
	uint16_t code;
	const char *attrs; /* of the answer */
} answers[CAUSES + 1] = {
	[BAD_FINGERPRINT] = { 1, NULL },
	[NO_INTEGRITY] = { 401, "ERROR-CODE REALM NONCE PASSWORD-ALGORITHMS" },
	[NO_NONCE] = { 400, "ERROR-CODE" },
	[BID_DOWN] = { 400, "ERROR-CODE" },
	[OTHER_REALM] = { 401, "ERROR-CODE REALM NONCE PASSWORD-ALGORITHMS" },
	[UNKNOWN_USER] = { 401, "ERROR-CODE REALM NONCE PASSWORD-ALGORITHMS" },
	[WRONG_PASSWORD] = { 401,
			     "ERROR-CODE REALM NONCE PASSWORD-ALGORITHMS" },
	[STALE_NONCE] = { 438, "ERROR-CODE REALM NONCE PASSWORD-ALGORITHMS" },
	[UNKNOWN_ATTRIBUTE] = { 420, "ERROR-CODE UNKNOWN-ATTRIBUTES "
				     "MESSAGE-INTEGRITY" },
	[MISMATCH] = { 437, "ERROR-CODE MESSAGE-INTEGRITY" },
	[OTHER_USER] = { 441, "ERROR-CODE MESSAGE-INTEGRITY" },
	[BAD_ARGUMENT] = { 400, "ERROR-CODE MESSAGE-INTEGRITY" },
	[CAUSES] = { 0, NULL },
};

static bool has(unsigned causes, enum cause cause)
{
	return causes >> cause & 1;
}

/* What the method is about, right or wrong. */
static void add_arguments(enum stun_method method, bool wrong)
{
	struct stun_builder *b = &q.builder;

	switch (method) {
	case STUN_ALLOCATE:
		if (!wrong)
			stun_add_u8_rffu(b, STUN_ATTR_REQUESTED_TRANSPORT, 17);
		return;
	case STUN_REFRESH:
		if (wrong)
			stun_add_u64(b, STUN_ATTR_LIFETIME, 600);
		return;
	case STUN_CHANNEL_BIND:
		stun_add_u32(b, STUN_ATTR_CHANNEL_NUMBER,
			     wrong ? 0x50000000 : 0x40000000);
		stun_add_xor_addr(b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
		return;
	default:
		if (!wrong)
			stun_add_xor_addr(b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
		return;
	}
}

/* A second client, who has no allocation. */
static const struct addr other = { ADDR_IPV4, 0, 5000, { 192, 0, 2, 2 } };

/* A request with all these causes to refuse it. */
static void ask(enum stun_method method, unsigned causes)
{
	struct core_user user = core_alice;
	struct core_signing how = { .user = &user };
	size_t len;

	if (has(causes, OTHER_USER))
		user = core_bob;
	if (has(causes, UNKNOWN_USER))
		user = core_nobody;
	if (has(causes, WRONG_PASSWORD))
		user.password = "guess";
	if (has(causes, NO_INTEGRITY))
		how.omit |= CORE_NO_INTEGRITY;
	if (has(causes, NO_NONCE))
		how.omit |= CORE_NO_NONCE;
	if (has(causes, BID_DOWN))
		how.choice = bytes_of("\0\1\0\0", 4); /* without the list */
	if (has(causes, OTHER_REALM))
		how.claim_realm = CORE_OTHER_REALM;
	if (has(causes, STALE_NONCE))
		how.nonce_age_s = 601;

	core_begin(&q, method,
		   has(causes, MISMATCH) == (method == STUN_ALLOCATE) ? &client
								      : &other,
		   77);
	add_arguments(method, has(causes, BAD_ARGUMENT));
	if (has(causes, UNKNOWN_ATTRIBUTE))
		stun_add_flag(&q.builder, 0x7fff);
	core_sign_as(&c, &q, &how);
	stun_add_fingerprint(&q.builder);
	len = stun_finish(&q.builder);
	if (has(causes, BAD_FINGERPRINT))
		q.bytes[len - 1] ^= 1;
	core_send_bytes(&c, &q.client, 0, bytes_of(q.bytes, len));
}

/* Not pairs alone: each set of causes is answered as its first one. */
static void expect_order(enum stun_method method)
{
	c.config.realms[0].offer_sha256 = true;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	for (unsigned causes = 1u << CAUSES; causes-- > 0;) {
		unsigned first = 0;
		const char *attrs;
		char expected[128];

		if (method == STUN_ALLOCATE && has(causes, OTHER_USER))
			continue; /* no reason to refuse a new allocation */
		while (first < CAUSES && !has(causes, (enum cause)first))
			first++;
		core_forgive(&c);
		ask(method, causes);
		ck_assert_msg(core_code(&c) == answers[first].code,
			      "causes %03x: %u, not %u", causes, core_code(&c),
			      answers[first].code);
		attrs = answers[first].attrs;
		if (!attrs)
			continue;
		snprintf(expected, sizeof(expected), "%s FINGERPRINT", attrs);
		ck_assert_msg(!strcmp(core_reply_attrs(&c), expected),
			      "causes %03x: %s", causes, core_reply_attrs(&c));
	}
	if (method == STUN_ALLOCATE)
		core_refresh(&c, &other, 78, 0);
	/* Nothing else came of all that. */
	ck_assert_uint_eq(counter_get(&turn_counters(c.server)->allocations),
			  1);
}

START_TEST(order_of_checks_of_allocate)
{
	expect_order(STUN_ALLOCATE);
}
END_TEST

START_TEST(order_of_checks_of_refresh)
{
	expect_order(STUN_REFRESH);
}
END_TEST

START_TEST(order_of_checks_of_create_permission)
{
	expect_order(STUN_CREATE_PERMISSION);
}
END_TEST

START_TEST(order_of_checks_of_channel_bind)
{
	expect_order(STUN_CHANNEL_BIND);
}
END_TEST

/* --- what is never answered ------------------------------------------------------------- */

static void expect_bad_source(const struct addr *source)
{
	uint64_t before = core_dropped(&c, DROP_BAD_SOURCE);

	core_begin(&q, STUN_BINDING, source, 1);
	ck_assert_uint_eq(core_send(&c, &q), 0);
	core_begin(&q, STUN_ALLOCATE, source, 1);
	ck_assert_uint_eq(core_send(&c, &q), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_BAD_SOURCE), before + 2);
}

/* Decisions, "Answers". */
START_TEST(sources_that_nobody_has_are_not_answered)
{
	static const uint32_t ips[] = { 0x00000000, 0xe0000001, 0xefffffff,
					0xffffffff };
	uint8_t multicast[16] = { 0xff, 0x02, [15] = 1 };
	struct addr source;

	for (size_t i = 0; i < sizeof(ips) / sizeof(ips[0]); i++) {
		source = addr_ipv4(ips[i], 1234);
		expect_bad_source(&source);
	}
	source = core_client(1, 0);
	expect_bad_source(&source);
	source = addr_ipv6(multicast, 1234);
	expect_bad_source(&source);
	memset(multicast, 0, sizeof(multicast));
	source = addr_ipv6(multicast, 1234);
	expect_bad_source(&source);
}
END_TEST

/* Each spelling that IPv6 has for them. */
START_TEST(what_leads_to_nobody_is_not_answered)
{
	static const uint8_t ipv6[][16] = {
		{ [10] = 0xff, 0xff, 0xe0, 0, 0, 1 }, /* ::ffff:224.0.0.1 */
		{ [10] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
		{ 0x20, 0x02, 0xe0, 0, 0, 1, [15] = 1 }, /* 6to4 */
		{ 0, 0x64, 0xff, 0x9b, [12] = 0xff, 0xff, 0xff, 0xff },
	};

	for (size_t i = 0; i < sizeof(ipv6) / sizeof(ipv6[0]); i++) {
		struct addr source = addr_ipv6(ipv6[i], 1234);

		expect_bad_source(&source);
	}
}
END_TEST

/* Two servers would answer each other for ever. */
START_TEST(our_own_sockets_are_not_answered)
{
	struct addr source = c.config.listeners[0].local;

	expect_bad_source(&source);
	expect_bad_source(&c.config.listeners[1].local);
	/* Another port of the same address may be a client. */
	source.port = 40000;
	core_begin(&q, STUN_BINDING, &source, 1);
	ck_assert_uint_eq(core_send(&c, &q), 1);
}
END_TEST

/* A listener at the relay address has the advertised form, too: a cloud's NAT
 * brings what it sent there back from it. */
START_TEST(our_own_sockets_are_not_answered_in_any_form)
{
	uint8_t mapped[16] = { [10] = 0xff, 0xff };
	struct addr source = c.config.relay;

	source.port = 3478;
	c.config.listeners[0].local = source;
	c.config.peers.own_sockets[0] = source;
	core_restart(&c);
	expect_bad_source(&source);
	memcpy(mapped + 12, source.ip, 4);
	source = addr_ipv6(mapped, 3478);
	expect_bad_source(&source);
	source = addr_with_port(&c.config.relay_advertise, 3478);
	expect_bad_source(&source);
	memcpy(mapped + 12, source.ip, 4);
	source = addr_ipv6(mapped, 3478);
	expect_bad_source(&source);
	source.port = 40000;
	core_begin(&q, STUN_BINDING, &source, 1);
	ck_assert_uint_eq(core_send(&c, &q), 1);
}
END_TEST

/* Two servers that are made to talk to each other do not go on: what answers
 * a request is never answered itself. */
START_TEST(an_answer_is_not_answered)
{
	uint8_t answer[2048];
	size_t len;

	core_begin(&q, STUN_ALLOCATE, &client, 1);
	ck_assert_uint_eq(core_send(&c, &q), 1);
	len = c.reply.raw.len;
	memcpy(answer, c.reply.raw.data, len);
	ck_assert_uint_eq(
		core_send_bytes(&c, &client, 1, bytes_of(answer, len)), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_UNEXPECTED), 1);
}
END_TEST

START_TEST(other_sources_are_served)
{
	static const uint16_t ports[] = { 1, 53, 123, 1900, 3478, 65535 };
	static const uint8_t ipv6[16] = { 0x20, 0x01, [15] = 1 };
	struct addr source = addr_ipv4(0xdfffffff, 1);

	for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
		source.port = ports[i];
		core_begin(&q, STUN_BINDING, &source, 1);
		ck_assert_uint_eq(core_send(&c, &q), 1);
	}
	source = addr_ipv6(ipv6, 1);
	core_begin(&q, STUN_BINDING, &source, 1);
	ck_assert_uint_eq(core_send(&c, &q), 1);
}
END_TEST

/* RFC 8489 section 6.3: what is no STUN message is silently discarded. */
START_TEST(broken_form_is_dropped_by_reason)
{
	static const uint8_t overrun[24] = {
		0, 1, 0, 4, 0x21, 0x12, 0xa4, 0x42, [21] = 6, [23] = 4
	};
	size_t len;

	core_begin(&q, STUN_BINDING, &client, 1);
	len = stun_finish(&q.builder);
	ck_assert_uint_eq(
		core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len - 1)), 0);
	q.bytes[4] ^= 1; /* the magic cookie */
	ck_assert_uint_eq(
		core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len)), 0);
	ck_assert_uint_eq(core_send_bytes(&c, &client, 0, bytes_str("")), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_NOT_STUN), 3);
	ck_assert_uint_eq(core_send_bytes(&c, &client, 0,
					  bytes_of(overrun, sizeof(overrun))),
			  0);
	ck_assert_uint_eq(core_dropped(&c, DROP_MALFORMED), 1);
}
END_TEST

START_TEST(a_wrong_fingerprint_is_dropped)
{
	size_t len;

	core_begin(&q, STUN_BINDING, &client, 1);
	stun_add_fingerprint(&q.builder);
	len = stun_finish(&q.builder);
	q.bytes[len - 1] ^= 1;
	ck_assert_uint_eq(
		core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len)), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_FINGERPRINT), 1);
}
END_TEST

/* RFC 8489 section 6.3: a class or method that is not expected. */
START_TEST(responses_indications_and_unknown_methods_are_dropped)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = "id";
	uint64_t dropped = 0;

	for (uint16_t method = 0; method <= 0xfff; method++) {
		for (unsigned class = 0; class <= STUN_ERROR; class ++) {
			stun_begin(&q.builder, q.bytes, sizeof(q.bytes),
				   (enum stun_class) class, method, id);
			q.client = client;
			q.listener = 0;
			if (class == STUN_REQUEST &&
			    (method == 1 || method == 3 || method == 4 ||
			     method == 8 || method == 9)) {
				ck_assert_uint_eq(core_send(&c, &q), 1);
				continue;
			}
			ck_assert_uint_eq(core_send(&c, &q), 0);
			if (class != STUN_INDICATION || method != 1)
				dropped++;
		}
	}
	ck_assert_uint_eq(core_dropped(&c, DROP_UNEXPECTED), dropped);
}
END_TEST

START_TEST(a_listener_that_is_not_in_use_is_not_served)
{
	static const uint16_t gone[] = { 2, TURN_LISTENERS_MAX - 1,
					 TURN_LISTENERS_MAX, UINT16_MAX };

	for (size_t i = 0; i < 4; i++) {
		core_begin(&q, STUN_BINDING, &client, 1);
		q.listener = gone[i];
		ck_assert_uint_eq(core_send(&c, &q), 0);
	}
	ck_assert_uint_eq(core_dropped(&c, DROP_NO_LISTENER), 4);
}
END_TEST

START_TEST(listeners_come_and_go)
{
	struct turn_listener l = { true, addr_ipv4(0xc6336402, 3478), 1,
				   false };

	turn_set_listener(c.server, TURN_LISTENERS_MAX - 1, &l);
	core_begin(&q, STUN_ALLOCATE, &client, 1);
	q.listener = TURN_LISTENERS_MAX - 1;
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert(bytes_equal(stun_find(&c.reply, STUN_ATTR_REALM)->value,
			      bytes_str(CORE_OTHER_REALM)));
	l.in_use = false;
	turn_set_listener(c.server, TURN_LISTENERS_MAX - 1, &l);
	ck_assert_uint_eq(core_send(&c, &q), 0);
}
END_TEST

static void linger(bool lingers)
{
	struct turn_listener l = c.config.listeners[0];

	l.lingers = lingers;
	turn_set_listener(c.server, 0, &l);
}

/* One that was removed serves the sessions that came through it. */
START_TEST(a_listener_that_lingers_goes_on_for_its_sessions)
{
	struct addr stranger = client, far = core_peer(1, 6000);

	stranger.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	linger(true);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &far), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4000, &far), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	ck_assert_uint_eq(core_refresh(&c, &client, 4, 600), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0); /* once more */
	core_begin(&q, STUN_BINDING, &client, 5);
	ck_assert_uint_eq(core_send(&c, &q), 1);

	ck_assert_uint_eq(core_dropped(&c, DROP_NO_LISTENER), 0);
	ck_assert_uint_eq(core_allocate(&c, &stranger, 1), 1);
	core_begin(&q, STUN_BINDING, &stranger, 2);
	ck_assert_uint_eq(core_send(&c, &q), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_NO_LISTENER), 2);

	/* The end, told again if it was lost, and no other beginning. */
	ck_assert_uint_eq(core_refresh(&c, &client, 6, 0), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 6, 0), 437);
	ck_assert_uint_eq(core_allocate(&c, &client, 7), 1);
	linger(false);
	ck_assert_uint_eq(core_allocate(&c, &client, 7), 0);
}
END_TEST

START_TEST(a_listener_may_linger_while_one_waits)
{
	c.hold_lookups = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	linger(true);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(c.replies, 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_NO_LISTENER), 1);
	core_expect_empty(&c);
}
END_TEST

/* What must not be taken away yet. */
START_TEST(what_is_held_is_counted)
{
	const struct holdings *h = turn_holdings(c.server);
	struct addr second = client;

	second.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	c.hold_relays = true;
	core_allocate(&c, &second, 1);
	ck_assert_uint_eq(holdings_get(&h->listeners[0]), 2);
	ck_assert_uint_eq(holdings_get(&h->listeners[1]), 0);
	ck_assert_uint_eq(holdings_get(&h->relay_ips[0]), 0);
	ck_assert_uint_eq(holdings_get(&h->relay_ips[1]), 2);
	core_answer_relay(&c, c.last_relay, -EMFILE);
	ck_assert_uint_eq(holdings_get(&h->listeners[0]), 1);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(holdings_get(&h->listeners[0]), 0);
	ck_assert_uint_eq(holdings_get(&h->relay_ips[1]), 0);
}
END_TEST

/* Who was told an address keeps it, and is told the same once more. */
START_TEST(another_address_is_advertised_to_those_who_come)
{
	struct turn_config changed = c.config;
	struct addr before = c.config.relay_advertise, second = client, told;

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	changed.relay_advertise = addr_ipv4(0x08080808, 0);
	changed.peers.relay_ips[changed.peers.relay_ip_count++] =
		changed.relay_advertise;
	changed.peers.generation++;
	turn_reconfigure(c.server, &changed);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	told = core_relayed(&c);
	ck_assert(addr_same_ip(&told, &before));
	second.port++;
	ck_assert_uint_eq(core_allocate(&c, &second, 1), 0);
	told = core_relayed(&c);
	ck_assert(addr_same_ip(&told, &changed.relay_advertise));
	ck_assert_uint_eq(holdings_get(&turn_holdings(c.server)->relay_ips[1]),
			  1);
	ck_assert_uint_eq(holdings_get(&turn_holdings(c.server)->relay_ips[2]),
			  1);
	/* Both are ours: a permission for either is one for the second. */
	ck_assert_uint_eq(core_permit(&c, &client, 2, &told), 0);
	ck_assert_str_eq(core_indicate(&c, &client, &told, "x"), "hairpin");
	before.port = told.port;
	ck_assert_str_eq(core_indicate(&c, &client, &before, "x"), "hairpin");
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	ck_assert_ptr_nonnull(
		strstr(core_log_field(&c, "relayed"), "20.202.255.255"));
}
END_TEST

static void set_listener_too_high(void *arg)
{
	turn_set_listener(c.server, TURN_LISTENERS_MAX, arg);
}

START_TEST(a_listener_that_cannot_be_is_asserted)
{
	struct turn_listener l = { .in_use = false };

	ck_assert(unit_aborts(set_listener_too_high, &l));
}
END_TEST

/* The 5-tuple's local half: the same client elsewhere is somebody else. */
START_TEST(the_listener_is_part_of_the_5_tuple)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_begin_allocate(&q, &client, 1);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	ck_assert_uint_eq(c.relays_asked, 2);
	core_begin(&q, STUN_REFRESH, &client, 2);
	stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, 0);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 600), 0);
}
END_TEST

/* --- requests that wait for a key ---------------------------------------------------------- */

START_TEST(a_retransmission_joins_the_waiting_request)
{
	c.hold_lookups = true;
	core_begin_allocate(&q, &client, 1);
	core_sign(&c, &q, &core_alice);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_uint_eq(core_send(&c, &q), 0);
	ck_assert_uint_eq(c.lookups_asked, 1);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(c.replies, 1);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(c.relays_asked, 1);
}
END_TEST

/* Decisions, "The core's edges": at most 4 of one source address. */
START_TEST(the_fifth_waiting_request_of_a_source_is_a_500)
{
	c.hold_lookups = true;
	for (uint32_t id = 1; id <= 4; id++)
		ck_assert_uint_eq(core_allocate(&c, &client, id), 1);
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 5), 500);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE");
	ck_assert_uint_eq(core_dropped(&c, DROP_PENDING_FULL), 1);
	client = core_client(2, 5000);
	ck_assert_uint_eq(core_allocate(&c, &client, 6), 1);
	ck_assert_uint_eq(c.lookups_asked, 5);
}
END_TEST

START_TEST(the_257th_waiting_request_is_a_500)
{
	c.hold_lookups = true;
	for (uint32_t i = 0; i < PENDING_MAX; i++) {
		client = addr_ipv4(0x50000000 + i / 4, 5000);
		ck_assert_uint_eq(core_allocate(&c, &client, i), 1);
	}
	client = addr_ipv4(0x60000000, 5000);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 500);
	/* An answer makes room for it. */
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
}
END_TEST

START_TEST(a_request_too_large_to_keep_is_a_500)
{
	static const uint8_t filler[PENDING_DATA_BYTES] = { 0 };

	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, 0x8fff, bytes_of(filler, sizeof(filler)));
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 500);
}
END_TEST

START_TEST(a_source_that_never_answers_is_answered_for)
{
	c.hold_lookups = true;
	core_pass(&c, 24); /* onto the timer's tick: 1000064 is one */
	core_pass(&c, 40);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_wait(&c, PENDING_TIMEOUT_MS - 1);
	ck_assert_uint_eq(c.replies, 0);
	core_wait(&c, 1 + TIMER_TICK_MS);
	ck_assert_uint_eq(c.replies, 1);
	ck_assert_uint_eq(core_code(&c), 500);
	/* Its answer comes too late for anything. */
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(c.replies, 0);
	ck_assert_uint_eq(c.relays_asked, 0);
}
END_TEST

START_TEST(an_answer_counts_once)
{
	c.hold_lookups = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(c.replies, 1);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(c.replies, 0);
	core_answer_lookup(&c, (struct ref){ 12345, 1 });
	ck_assert_uint_eq(c.replies, 0);
}
END_TEST

/* What waited is judged by how things are when the key is there. */
START_TEST(a_nonce_may_grow_old_while_waiting)
{
	struct core_signing how = { .user = &core_alice, .nonce_age_s = 599 };

	c.hold_lookups = true;
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &how);
	core_send(&c, &q);
	core_pass(&c, 1000);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(core_code(&c), 438);
}
END_TEST

START_TEST(a_listener_may_close_while_one_waits)
{
	struct turn_listener l = c.config.listeners[0];

	c.hold_lookups = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	l.in_use = false;
	turn_set_listener(c.server, 0, &l);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(c.replies, 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_NO_LISTENER), 1);
	/* It no longer waits. */
	l.in_use = true;
	turn_set_listener(c.server, 0, &l);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(c.replies, 0);
}
END_TEST

/* Then the key that was asked for is nobody's there. */
START_TEST(a_listener_may_change_its_realm_while_one_waits)
{
	struct turn_listener l = c.config.listeners[0];

	c.hold_lookups = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	l.realm = 1;
	turn_set_listener(c.server, 0, &l);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert(bytes_equal(stun_find(&c.reply, STUN_ATTR_REALM)->value,
			      bytes_str(CORE_OTHER_REALM)));
	ck_assert_uint_eq(c.relays_asked, 0);
}
END_TEST

/* Two Allocate requests of one 5-tuple wait; the first answered wins. */
START_TEST(an_allocation_may_come_while_one_waits)
{
	struct ref first;

	c.hold_lookups = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	first = c.last_ticket;
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 1);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(core_code(&c), 0);
	core_answer_lookup(&c, first);
	ck_assert_uint_eq(core_code(&c), 437);
	ck_assert_uint_eq(c.relays_asked, 1);
}
END_TEST

START_TEST(an_allocation_may_end_while_one_waits)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	c.hold_lookups = true;
	core_begin(&q, STUN_REFRESH, &client, 2);
	ck_assert_uint_eq(core_ask(&c, &q, &core_bob), 1);
	core_pass(&c, 600000); /* no tick: the answer itself finds out */
	c.config.nonce.lifetime_s = 3600;
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(core_code(&c), 438);
	ck_assert_uint_eq(c.relays_closed, 1);
}
END_TEST

/* --- time ----------------------------------------------------------------------------------------- */

START_TEST(an_idle_server_wants_nothing)
{
	ck_assert_uint_eq(turn_next_ms(c.server), UINT64_MAX);
	core_wait(&c, 86400000);
	ck_assert_uint_eq(turn_next_ms(c.server), UINT64_MAX);
	ck_assert_uint_eq(c.logs, 0);
}
END_TEST

/* Whatever is due first is asked for: never later than the tick after it. */
START_TEST(the_next_time_covers_all_three_clocks)
{
	uint64_t at_ms;

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	at_ms = c.now.mono_ms + 600000;
	ck_assert_uint_le(turn_next_ms(c.server), at_ms + TIMER_TICK_MS);
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_EVEN_PORT, bytes_of("\x80", 1));
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 0);
	at_ms = c.now.mono_ms + PORTS_RESERVATION_MS;
	ck_assert_uint_le(turn_next_ms(c.server), at_ms + TIMER_TICK_MS);
	c.hold_lookups = true;
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	at_ms = c.now.mono_ms + PENDING_TIMEOUT_MS;
	ck_assert_uint_le(turn_next_ms(c.server), at_ms + TIMER_TICK_MS);
}
END_TEST

/* Called when it asks to be, it does all in time: a client without a clock
 * of its own would never wait longer. */
START_TEST(driven_by_its_own_wishes_it_ends_everything)
{
	unsigned calls = 0;

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_EVEN_PORT, bytes_of("\x80", 1));
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 0);
	while (turn_next_ms(c.server) != UINT64_MAX) {
		uint64_t next_ms = turn_next_ms(c.server);

		core_wait(&c, next_ms > c.now.mono_ms ? next_ms - c.now.mono_ms
						      : 0);
		ck_assert_uint_lt(++calls, 100);
	}
	ck_assert_uint_le(c.now.mono_ms, 1000000 + 600000 + TIMER_TICK_MS);
	ck_assert_uint_eq(c.relays_closed, 2);
	core_expect_empty(&c);
}
END_TEST

/* --- shutdown and lost sockets ------------------------------------------------------------------------ */

START_TEST(shutdown_ends_each_allocation_once)
{
	unsigned ended = 0;

	for (uint16_t i = 0; i < 5; i++) {
		client.port = (uint16_t)(5000 + i);
		ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	}
	client.port = 5002;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	for (;;) {
		actions_clear(&c.out);
		if (!turn_end_next(c.server, &c.now, TURN_CAUSE_SHUTDOWN,
				   &c.out))
			break;
		ended++;
		ck_assert_uint_eq(c.out.count, 3);
		ck_assert_int_eq(c.out.items[0].kind, ACTION_LOG);
		ck_assert_int_eq(c.out.items[1].kind, ACTION_SESSION_ENDED);
		ck_assert_int_eq(c.out.items[2].kind, ACTION_CLOSE_RELAY);
		c.log = c.out.logs[0];
		ck_assert_str_eq(core_log_field(&c, "cause"), "shutdown");
	}
	ck_assert_uint_eq(ended, 4);
	ck_assert_uint_eq(c.out.count, 0);
	core_expect_empty(&c);
}
END_TEST

/* New ones may begin between two calls; none is left in the end. */
START_TEST(shutdown_goes_on_where_it_stopped)
{
	ck_assert(
		!turn_end_next(c.server, &c.now, TURN_CAUSE_SHUTDOWN, &c.out));
	for (uint16_t i = 0; i < 12; i++) {
		client.port = (uint16_t)(5000 + i);
		ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
		if (i % 3 == 2) {
			actions_clear(&c.out);
			ck_assert(turn_end_next(c.server, &c.now,
						TURN_CAUSE_SHUTDOWN, &c.out));
		}
	}
	for (unsigned i = 0; i < 8; i++) {
		actions_clear(&c.out);
		ck_assert(turn_end_next(c.server, &c.now, TURN_CAUSE_SHUTDOWN,
					&c.out));
	}
	ck_assert(
		!turn_end_next(c.server, &c.now, TURN_CAUSE_SHUTDOWN, &c.out));
	core_expect_empty(&c);
}
END_TEST

START_TEST(a_lost_socket_ends_its_allocation_once)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	actions_clear(&c.out);
	turn_relay_lost(c.server, &c.now, c.last_relay, &c.out);
	ck_assert_uint_eq(c.out.count, 3);
	c.log = c.out.logs[0];
	ck_assert_str_eq(core_log_field(&c, "cause"), "relay-lost");
	core_expect_empty(&c);
	actions_clear(&c.out);
	turn_relay_lost(c.server, &c.now, c.last_relay, &c.out);
	ck_assert_uint_eq(c.out.count, 0);
	/* The next one on this record is another one. */
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 0);
	actions_clear(&c.out);
	turn_relay_lost(c.server, &c.now, c.last_closed, &c.out);
	ck_assert_uint_eq(c.out.count, 0);
}
END_TEST

/* Living, opening, reserved, waiting: all is given back (tear_down looks). */
START_TEST(freeing_gives_back_what_lives)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_EVEN_PORT, bytes_of("\x80", 1));
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 0);
	c.hold_relays = true;
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_EVEN_PORT, bytes_of("\x80", 1));
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 1);
	c.hold_lookups = true;
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	ck_assert_uint_eq(ports_free(&c.shared->ports), 10 - 6);
	turn_server_free(NULL);
}
END_TEST

/* --- making a server ---------------------------------------------------------------------------------------- */

/*
 * Makes and frees a server where the n-th request for memory fails; returns
 * how many there were. Check frees memory of its own at each assertion, so
 * there is none between.
 */
static int try_new(int n, int expected)
{
	struct turn_server *s = NULL;
	int err, left;

	requests = held = 0;
	until_failure = n;
	err = turn_server_new(&s, &c.config, c.shared, 1, c.seed, &c.now);
	until_failure = -1;
	if (!err)
		turn_server_free(s);
	left = held;
	ck_assert_int_eq(err, expected);
	ck_assert_int_eq(left, 0);
	return requests;
}

START_TEST(each_failing_allocation_is_enomem_and_leaks_nothing)
{
	int needed = try_new(-1, 0);

	ck_assert_int_ge(needed, 15);
	for (int n = 0; n < needed; n++)
		try_new(n, -ENOMEM);
}
END_TEST

/* Promised by server.h. */
START_TEST(a_session_allocates_nothing)
{
	requests = 0;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	core_channel_data(&c, &client, 0x4000, "media");
	core_indicate(&c, &client, &peer, "media");
	core_from_peer(&c, c.last_relay, &peer, bytes_str("media"));
	core_wait(&c, 700000);
	ck_assert_int_eq(requests, 0);
}
END_TEST

/* --- determinism ----------------------------------------------------------------------------------------------- */

/* Everything that came out, one after the other. */
struct transcript {
	size_t len;
	uint8_t bytes[65536];
};

static void write_down(struct transcript *t, const void *data, size_t len)
{
	ck_assert_uint_le(t->len + len, sizeof(t->bytes));
	memcpy(t->bytes + t->len, data, len);
	t->len += len;
}

static void write_reply(struct transcript *t)
{
	write_down(t, c.reply.raw.data, c.reply.raw.len);
	write_down(t, &c.reply_to, sizeof(c.reply_to));
	write_down(t, &c.last_port, sizeof(c.last_port));
}

static void write_verdict(struct transcript *t)
{
	struct bytes made = core_made(&c);

	write_down(t, made.data, made.len);
	write_down(t, &c.verdict.to, sizeof(c.verdict.to));
	write_down(t, &c.verdict.flow, sizeof(c.verdict.flow));
}

static void play(uint8_t seed, struct transcript *t)
{
	t->len = 0;
	c.last_port = 0;
	c.seed[31] = seed;
	core_restart(&c);
	for (uint16_t i = 0; i < 6; i++) {
		client.port = (uint16_t)(5000 + i);
		core_begin_allocate(&q, &client, i);
		core_send(&c, &q);
		write_reply(t);
		core_begin_allocate(&q, &client, i);
		if (i % 3 == 0)
			stun_add(&q.builder, STUN_ATTR_EVEN_PORT,
				 bytes_of("\x80", 1));
		core_ask(&c, &q, &core_alice);
		write_reply(t);
		core_bind(&c, &client, i, (uint16_t)(0x4000 + i), &peer);
		write_reply(t);
		core_channel_data(&c, &client, (uint16_t)(0x4000 + i), "out");
		write_verdict(t);
		peer.port++;
		core_from_peer(&c, c.last_relay, &peer, bytes_str("in"));
		write_verdict(t);
		core_wait(&c, 20000);
	}
	core_wait(&c, 3600000);
	write_down(t, &c.now, sizeof(c.now));
	write_down(t, turn_counters(c.server), sizeof(struct counters));
	peer.port = 6000;
}

START_TEST(the_same_seed_and_inputs_give_the_same_bytes)
{
	static struct transcript first, second;

	play(1, &first);
	c.now = (struct now){ .mono_ms = 1000000, .wall_s = 1700000000 };
	play(1, &second);
	ck_assert_uint_eq(first.len, second.len);
	ck_assert_mem_eq(first.bytes, second.bytes, first.len);
	/* And it is the seed that decides what nobody shall predict. */
	c.now = (struct now){ .mono_ms = 1000000, .wall_s = 1700000000 };
	play(2, &second);
	ck_assert(first.len != second.len ||
		  memcmp(first.bytes, second.bytes, first.len) != 0);
}
END_TEST

/* Data moves no timer, but what it came upon is told when time is asked for. */
START_TEST(a_notice_is_due_at_once)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_pass(&c, 1000);
	flow_notice(&c.server->flows, &c.now, c.last_relay.index,
		    DROP_RATE_TOTAL);
	ck_assert_uint_eq(turn_next_ms(c.server), c.now.mono_ms);
	core_pass(&c, 1000);
	ck_assert_uint_lt(turn_next_ms(c.server), c.now.mono_ms);
	c.logs = 0;
	core_wait(&c, 0);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_uint_gt(turn_next_ms(c.server), c.now.mono_ms);
}
END_TEST

/* Pools stay as they are; what fits into them holds from now on. */
START_TEST(limits_change_while_it_runs)
{
	struct turn_limits limits = {
		.allocations = 1,
		.allocations_per_user = 1,
		.permissions_per_allocation = 1,
		.channels_per_allocation = 1,
		.rates = { .user = 1000, .burst_s = 1 },
		.peers = { 10, 64 },
	};
	struct addr far = core_peer(1, 6000);

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert(!c.server->flows.rates.in_use);
	turn_set_limits(c.server, &limits);
	ck_assert(c.server->flows.rates.in_use);
	ck_assert_uint_eq(c.server->flows.rates.limits.user, 1000);
	ck_assert_uint_eq(c.server->flows.new_peers.burst, 64);
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 508);
	limits.allocations = 2;
	turn_set_limits(c.server, &limits);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 486);
	client.port--;
	ck_assert_uint_eq(core_permit(&c, &client, 2, &far), 0);
	far = core_peer(2, 6000);
	ck_assert_uint_eq(core_permit(&c, &client, 3, &far), 508);

	limits.allocations = 65;
	limits.permissions_per_allocation = 9;
	limits.channels_per_allocation = 9;
	turn_set_limits(c.server, &limits);
	ck_assert_uint_eq(c.server->config.limits.allocations, 64);
	ck_assert_uint_eq(c.server->config.limits.permissions_per_allocation,
			  8);
	ck_assert_uint_eq(c.server->config.limits.channels_per_allocation, 8);
	ck_assert_uint_eq(atomic_load(&c.shared->quota.total_max), 64);
}
END_TEST

/* A reload: everything at once, for what comes after it. */
START_TEST(another_configuration_is_taken_over)
{
	struct turn_config changed = c.config;
	struct turn_config *own = &c.server->config;

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	changed.limits.allocations_per_user = 1;
	changed.limits.allocations = 9;
	changed.realms[0].allocation_rate = 500;
	changed.nonce.previous = changed.nonce.current;
	changed.nonce.current.bytes[0] ^= 1;
	changed.log_peers = true;
	changed.peers.generation++;
	turn_reconfigure(c.server, &changed);
	ck_assert_uint_eq(own->limits.allocations, 9);
	ck_assert_uint_eq(own->realms[0].allocation_rate, 500);
	ck_assert_uint_eq(own->peers.generation, changed.peers.generation);
	ck_assert(own->log_peers);
	/* With a nonce made by what is the previous key now. */
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 486);
	client.port--;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
}
END_TEST

static void set_no_realm(void *arg)
{
	struct core *core = arg;

	turn_set_realm(core->server, 2, &core->config.realms[0]);
}

START_TEST(a_realm_that_is_not_there_cannot_be_set)
{
	ck_assert(unit_aborts(set_no_realm, &c));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server");
	TCase *t = tcase_create("server");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_whole_session);
	tcase_add_test(t, order_of_checks_of_allocate);
	tcase_add_test(t, order_of_checks_of_refresh);
	tcase_add_test(t, order_of_checks_of_create_permission);
	tcase_add_test(t, order_of_checks_of_channel_bind);
	tcase_add_test(t, sources_that_nobody_has_are_not_answered);
	tcase_add_test(t, what_leads_to_nobody_is_not_answered);
	tcase_add_test(t, our_own_sockets_are_not_answered);
	tcase_add_test(t, our_own_sockets_are_not_answered_in_any_form);
	tcase_add_test(t, an_answer_is_not_answered);
	tcase_add_test(t, other_sources_are_served);
	tcase_add_test(t, broken_form_is_dropped_by_reason);
	tcase_add_test(t, a_wrong_fingerprint_is_dropped);
	tcase_add_test(t,
		       responses_indications_and_unknown_methods_are_dropped);
	tcase_add_test(t, a_listener_that_is_not_in_use_is_not_served);
	tcase_add_test(t, listeners_come_and_go);
	tcase_add_test(t, a_listener_that_lingers_goes_on_for_its_sessions);
	tcase_add_test(t, a_listener_may_linger_while_one_waits);
	tcase_add_test(t, what_is_held_is_counted);
	tcase_add_test(t, another_address_is_advertised_to_those_who_come);
	tcase_add_test(t, a_listener_that_cannot_be_is_asserted);
	tcase_add_test(t, the_listener_is_part_of_the_5_tuple);
	tcase_add_test(t, a_retransmission_joins_the_waiting_request);
	tcase_add_test(t, the_fifth_waiting_request_of_a_source_is_a_500);
	tcase_add_test(t, the_257th_waiting_request_is_a_500);
	tcase_add_test(t, a_request_too_large_to_keep_is_a_500);
	tcase_add_test(t, a_source_that_never_answers_is_answered_for);
	tcase_add_test(t, an_answer_counts_once);
	tcase_add_test(t, a_nonce_may_grow_old_while_waiting);
	tcase_add_test(t, a_listener_may_close_while_one_waits);
	tcase_add_test(t, a_listener_may_change_its_realm_while_one_waits);
	tcase_add_test(t, an_allocation_may_come_while_one_waits);
	tcase_add_test(t, an_allocation_may_end_while_one_waits);
	tcase_add_test(t, an_idle_server_wants_nothing);
	tcase_add_test(t, the_next_time_covers_all_three_clocks);
	tcase_add_test(t, driven_by_its_own_wishes_it_ends_everything);
	tcase_add_test(t, shutdown_ends_each_allocation_once);
	tcase_add_test(t, shutdown_goes_on_where_it_stopped);
	tcase_add_test(t, a_lost_socket_ends_its_allocation_once);
	tcase_add_test(t, freeing_gives_back_what_lives);
	tcase_add_test(t, each_failing_allocation_is_enomem_and_leaks_nothing);
	tcase_add_test(t, a_session_allocates_nothing);
	tcase_add_test(t, the_same_seed_and_inputs_give_the_same_bytes);
	tcase_add_test(t, a_notice_is_due_at_once);
	tcase_add_test(t, limits_change_while_it_runs);
	tcase_add_test(t, another_configuration_is_taken_over);
	tcase_add_test(t, a_realm_that_is_not_there_cannot_be_set);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
