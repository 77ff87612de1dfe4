#include <errno.h>

#include "core_fixture.h"
#include "turn/session.h"

static struct core c;
static struct turn_session found[64];

static void set_up(void)
{
	core_init(&c);
	c.config.peers.relay_port_max = CORE_PORT_MIN + 9999;
	c.config.limits.allocations = 9000;
	core_start(&c);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static void begin(uint32_t n)
{
	struct addr client = core_client((uint8_t)(n / 50000 + 1),
					 (uint16_t)(n % 50000 + 5000));

	ck_assert_uint_eq(core_allocate(&c, &client, n + 1), 0);
}

static void end(uint32_t n)
{
	struct addr client = core_client((uint8_t)(n / 50000 + 1),
					 (uint16_t)(n % 50000 + 5000));

	ck_assert_uint_eq(core_refresh(&c, &client, n + 100000, 0), 0);
}

/* All sessions in one go. */
static unsigned list(void)
{
	uint32_t cursor = 0;
	unsigned n = turn_list_sessions(c.server, &cursor, found, 64);

	ck_assert_uint_eq(cursor, TURN_SESSIONS_END);
	return n;
}

static bool kill_it(struct ref allocation)
{
	bool ended;

	actions_clear(&c.out);
	ended = turn_end_session(c.server, &c.now, allocation,
				 TURN_CAUSE_KILLED, &c.out);
	if (!ended)
		ck_assert_uint_eq(c.out.count, 0);
	return ended;
}

START_TEST(nobody_is_there)
{
	ck_assert_uint_eq(list(), 0);
}
END_TEST

START_TEST(all_that_there_is_to_say_of_one)
{
	struct addr client = core_client(7, 7000), peer = core_peer(9, 9000);
	const struct turn_session *t = &found[0];
	int64_t began_s = c.now.wall_s;
	struct addr relayed;

	c.user.source = TURN_SOURCE_REDIS;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	relayed = core_relayed(&c);
	core_wait(&c, 30000);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 0);
	peer.ip[3]++;
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4001, &peer), 0);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4001, "four"),
			 "to_peer");
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4001, "five5"),
			 "to_peer");
	ck_assert_str_eq(core_from_peer(&c, c.last_relay, &peer,
					bytes_str("eleven bytes")),
			 "to_client");

	ck_assert_uint_eq(list(), 1);
	ck_assert_uint_eq(t->allocation.index, c.last_relay.index);
	ck_assert_uint_eq(t->allocation.generation, c.last_relay.generation);
	ck_assert_uint_eq(t->worker, 0);
	ck_assert_uint_eq(t->listener, 0);
	ck_assert_uint_eq(t->realm, 0);
	ck_assert_uint_eq(t->source, TURN_SOURCE_REDIS);
	ck_assert(addr_equal(&t->client, &client));
	ck_assert(addr_equal(&t->local, &c.config.listeners[0].local));
	ck_assert(addr_equal(&t->advertised, &relayed));
	ck_assert(addr_same_ip(&t->relayed, &c.config.relay));
	ck_assert_uint_eq(t->relayed.port, relayed.port);
	ck_assert_int_eq(t->began_wall_s, began_s);
	ck_assert_int_eq(t->expires_wall_s, began_s + 600);
	ck_assert_uint_eq(t->permissions, 2);
	ck_assert_uint_eq(t->channels, 1);
	ck_assert_uint_eq(t->to_peer_packets, 2);
	ck_assert_uint_eq(t->to_peer_bytes, 9);
	ck_assert_uint_eq(t->to_client_packets, 1);
	ck_assert_uint_eq(t->to_client_bytes, 12);
	ck_assert(bytes_equal(bytes_of(t->user, t->user_bytes),
			      bytes_str("alice")));
	ck_assert(bytes_equal(turn_session_account(t), bytes_str("alice")));

	ck_assert_uint_eq(core_refresh(&c, &client, 4, 3000), 0);
	ck_assert_uint_eq(list(), 1);
	ck_assert_int_eq(t->began_wall_s, began_s);
	ck_assert_int_eq(t->expires_wall_s, began_s + 3030);
}
END_TEST

/* A time-limited name begins with its time, which is not who it is. */
START_TEST(the_account_is_the_name_without_its_time)
{
	struct addr client = core_client(7, 7000);

	c.user.account_at = 2;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(list(), 1);
	ck_assert(
		bytes_equal(turn_session_account(&found[0]), bytes_str("ice")));
}
END_TEST

START_TEST(the_other_realm_has_its_own)
{
	struct addr client = core_client(7, 7000);
	struct core_request q;

	core_begin_allocate(&q, &client, 1);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	ck_assert_uint_eq(list(), 1);
	ck_assert_uint_eq(found[0].realm, 1);
	ck_assert_uint_eq(found[0].listener, 1);
	ck_assert(addr_equal(&found[0].local, &c.config.listeners[1].local));
}
END_TEST

/* Some come and go meanwhile; whoever stays is met once. */
START_TEST(each_is_listed_once_whoever_comes_and_goes)
{
	unsigned met[20] = { 0 }, n;
	uint32_t cursor = 0;

	for (uint32_t i = 0; i < 10; i++)
		begin(i);
	end(3);
	while (cursor != TURN_SESSIONS_END) {
		n = turn_list_sessions(c.server, &cursor, found, 2);
		ck_assert_uint_le(n, 2);
		for (unsigned i = 0; i < n; i++)
			met[found[i].client.port - 5000]++;
		/* One before, one that is to come, and new ones. */
		if (met[1] && !met[8]) {
			end(0);
			end(8);
			begin(10);
			begin(11);
			begin(12);
		}
		if (met[1])
			met[8] = 1;
	}
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(met[i], i != 3);
	/* The new ones took the places of 3, 0, 8, or a new one. */
	for (unsigned i = 10; i < 13; i++)
		ck_assert_uint_le(met[i], 1);
}
END_TEST

/* Few among many that were there once: the walk goes on, in short steps. */
START_TEST(few_that_are_left_are_found)
{
	uint32_t cursor = 0;
	unsigned n = 0, calls = 0;

	for (uint32_t i = 0; i < 9000; i++)
		begin(i);
	for (uint32_t i = 0; i < 8999; i++)
		end(i);
	for (; cursor != TURN_SESSIONS_END; calls++)
		n += turn_list_sessions(c.server, &cursor, found, 64);
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(found[0].client.port, 5000 + 8999);
	ck_assert_uint_eq(calls, 3);
}
END_TEST

START_TEST(the_end_stays_the_end)
{
	uint32_t cursor = TURN_SESSIONS_END;

	begin(1);
	ck_assert_uint_eq(turn_list_sessions(c.server, &cursor, found, 64), 0);
	ck_assert_uint_eq(cursor, TURN_SESSIONS_END);
}
END_TEST

START_TEST(what_is_being_opened_is_no_session_yet)
{
	struct addr client = core_client(7, 7000);

	c.hold_relays = true;
	core_allocate(&c, &client, 1);
	ck_assert_uint_eq(list(), 0);
	ck_assert(!turn_find_session(c.server, c.last_relay, &found[0]));
	ck_assert(!kill_it(c.last_relay));
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(list(), 1);
	ck_assert(turn_find_session(c.server, c.last_relay, &found[1]));
	ck_assert_uint_eq(found[1].client.port, 7000);
}
END_TEST

START_TEST(one_is_ended_and_no_other)
{
	struct addr client = core_client(1, 5001);

	begin(0);
	begin(1);
	begin(2);
	ck_assert_uint_eq(list(), 3);
	ck_assert_uint_eq(found[1].client.port, 5001);
	ck_assert(kill_it(found[1].allocation));
	ck_assert_uint_eq(c.out.count, 3);
	ck_assert_int_eq(c.out.items[0].kind, ACTION_LOG);
	c.log = *c.out.items[0].as.log;
	ck_assert_str_eq(c.log.message, "session ended");
	ck_assert_str_eq(core_log_field(&c, "cause"), "killed");
	ck_assert_str_eq(core_log_field(&c, "reason"), "(none)");
	ck_assert_int_eq(c.out.items[2].kind, ACTION_CLOSE_RELAY);
	ck_assert_uint_eq(c.out.items[2].as.close_relay.index,
			  found[1].allocation.index);
	/* Gone at once: no refresh, and the same 5-tuple may begin again. */
	ck_assert_uint_eq(core_refresh(&c, &client, 50, 600), 437);
	ck_assert_uint_eq(core_allocate(&c, &client, 51), 0);
	/* The reference is not the new one's. */
	ck_assert(!turn_find_session(c.server, found[1].allocation, &found[9]));
	ck_assert(!kill_it(found[1].allocation));
	ck_assert_uint_eq(list(), 3);
}
END_TEST

/* Whoever keeps accounts hears of each session twice. */
START_TEST(beginning_and_end_are_told_once)
{
	struct addr client = core_client(7, 7000), peer = core_peer(9, 9000);
	struct ref first;

	c.hold_relays = true;
	core_allocate(&c, &client, 1);
	ck_assert_uint_eq(c.began, 0);
	c.hold_relays = false;
	core_answer_relay(&c, c.last_relay, 0);
	first = c.last_relay;
	ck_assert_uint_eq(c.began, 1);
	ck_assert_uint_eq(c.last_began.index, first.index);
	ck_assert_uint_eq(c.last_began.generation, first.generation);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(c.began, 1);
	ck_assert_uint_eq(core_bind(&c, &client, 3, 0x4001, &peer), 0);
	core_channel_data(&c, &client, 0x4001, "four");
	core_channel_data(&c, &client, 0x4001, "five5");
	core_from_peer(&c, first, &peer, bytes_str("eleven bytes"));
	ck_assert_uint_eq(core_refresh(&c, &client, 5, 0), 0);
	ck_assert_uint_eq(c.ended, 1);
	ck_assert_uint_eq(c.last_ended.allocation.index, first.index);
	ck_assert_uint_eq(c.last_ended.allocation.generation, first.generation);
	ck_assert_uint_eq(c.last_ended.traffic.to_peer_packets, 2);
	ck_assert_uint_eq(c.last_ended.traffic.to_peer_bytes, 9);
	ck_assert_uint_eq(c.last_ended.traffic.to_client_packets, 1);
	ck_assert_uint_eq(c.last_ended.traffic.to_client_bytes, 12);
	ck_assert_uint_eq(core_allocate(&c, &client, 6), 0);
	core_wait(&c, 700000);
	ck_assert_uint_eq(c.ended, 2);
	ck_assert_uint_eq(c.began, 2);
}
END_TEST

/* What never was a session is none that ends. */
START_TEST(what_was_not_opened_is_not_told)
{
	struct addr client = core_client(7, 7000);

	c.relay_errors[0] = -EMFILE;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 508);
	ck_assert_uint_eq(c.began, 0);
	ck_assert_uint_eq(c.ended, 0);
}
END_TEST

START_TEST(references_to_nothing)
{
	const struct ref none[] = {
		{ 0, 0 }, { 0, 2 }, { 1, 1 }, { 100000, 1 }, { UINT32_MAX, 1 },
	};

	begin(0);
	for (unsigned i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		ck_assert(!turn_find_session(c.server, none[i], &found[0]));
		ck_assert(!kill_it(none[i]));
	}
	ck_assert_uint_eq(list(), 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("session");
	TCase *t = tcase_create("session");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, nobody_is_there);
	tcase_add_test(t, all_that_there_is_to_say_of_one);
	tcase_add_test(t, the_account_is_the_name_without_its_time);
	tcase_add_test(t, the_other_realm_has_its_own);
	tcase_add_test(t, each_is_listed_once_whoever_comes_and_goes);
	tcase_add_test(t, few_that_are_left_are_found);
	tcase_add_test(t, the_end_stays_the_end);
	tcase_add_test(t, what_is_being_opened_is_no_session_yet);
	tcase_add_test(t, one_is_ended_and_no_other);
	tcase_add_test(t, beginning_and_end_are_told_once);
	tcase_add_test(t, what_was_not_opened_is_not_told);
	tcase_add_test(t, references_to_nothing);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
