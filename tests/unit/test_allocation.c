#include "core_fixture.h"

#include <errno.h>

#include "turn/allocation.h"

static struct core c, beside;
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

/* The client's next port: another 5-tuple. */
static uint16_t allocate_next(void)
{
	client.port++;
	return core_allocate(&c, &client, 1);
}

static uint16_t allocate_pair(const struct core_user *user)
{
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_EVEN_PORT, bytes_of("\x80", 1));
	return core_ask(&c, &q, user);
}

static uint64_t charged(void)
{
	return atomic_load(&c.shared->quota.total);
}

static uint32_t ports_left(void)
{
	return ports_free(&c.shared->ports);
}

/* --- the beginning -------------------------------------------------------------- */

START_TEST(it_holds_a_port_a_charge_a_key_and_a_share_of_its_user)
{
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(ports_left(), 8);
	ck_assert_uint_eq(charged(), 2);
	ck_assert_uint_eq(c.server->keys.used, 2);
	ck_assert_uint_eq(c.server->users.pool.used, 1);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(ports_left(), 9);
	ck_assert_uint_eq(charged(), 1);
	ck_assert_uint_eq(c.server->keys.used, 1);
	ck_assert_uint_eq(c.server->users.pool.used, 1);
	client.port--;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(c.server->users.pool.used, 0);
	core_expect_empty(&c);
}
END_TEST

START_TEST(its_beginning_is_logged)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_int_eq(c.log.level, LOG_LEVEL_INFO);
	ck_assert_str_eq(c.log.message, "session began");
	ck_assert_int_eq(c.log.wall_s, 1700000000);
	ck_assert_uint_eq(c.log.field_count, 4);
	ck_assert_str_eq(core_log_field(&c, "client"), "192.0.2.1:5000");
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
	ck_assert_str_eq(core_log_field(&c, "realm"), CORE_REALM);
	ck_assert_int_eq(strncmp(core_log_field(&c, "relayed"),
				 "20.202.255.255:5000", 19),
			 0);
}
END_TEST

START_TEST(living_begun_and_ended_are_counted)
{
	const struct counters *n = turn_counters(c.server);

	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(counter_get(&n->allocations), 1);
	ck_assert_uint_eq(counter_get(&n->allocations_begun), 2);
	ck_assert_uint_eq(
		counter_get(&n->allocations_ended[TURN_CAUSE_REFRESH_0]), 1);
	c.relay_errors[2] = -EMFILE;
	ck_assert_uint_eq(allocate_next(), 508);
	ck_assert_uint_eq(counter_get(&n->allocations), 1);
	ck_assert_uint_eq(counter_get(&n->allocations_begun), 2);
	ck_assert_uint_eq(counter_get(&n->refused[REFUSAL_DESCRIPTORS]), 1);
	core_wait(&c, 600000);
	ck_assert_uint_eq(counter_get(&n->allocations), 0);
	ck_assert_uint_eq(
		counter_get(&n->allocations_ended[TURN_CAUSE_EXPIRED]), 1);
	ck_assert_uint_eq(
		counter_get(&n->allocations_ended[TURN_CAUSE_REFRESH_0]), 1);
}
END_TEST

/* --- its end ------------------------------------------------------------------------ */

/* RFC 8656 section 6: living at the millisecond before, not at its time,
 * and in both directions. */
START_TEST(it_lives_600_seconds_to_the_millisecond)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_pass(&c, 400000);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	core_pass(&c, 199999);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "to_peer");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"), "to_peer");
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("x")),
		"to_client");
	core_pass(&c, 1);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_allocation");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"),
			 "no_allocation");
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("x")),
		"no_allocation");
	/* Not a tick has come; the next one cleans up. */
	ck_assert_uint_eq(c.relays_closed, 0);
	core_wait(&c, TIMER_TICK_MS);
	ck_assert_uint_eq(c.relays_closed, 1);
	ck_assert_str_eq(core_log_field(&c, "cause"), "expired");
	core_expect_empty(&c);
}
END_TEST

START_TEST(no_tick_comes_early)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	for (unsigned i = 0; i < 599; i++)
		core_wait(&c, 1000);
	core_wait(&c, 999);
	ck_assert_uint_eq(c.relays_closed, 0);
	core_wait(&c, 1 + TIMER_TICK_MS);
	ck_assert_uint_eq(c.relays_closed, 1);
}
END_TEST

/* A pause of the machine: everything ends once, whatever was due first. */
START_TEST(a_tick_may_come_very_late)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	ck_assert_uint_eq(allocate_pair(&core_alice), 0);
	core_wait(&c, 86400000);
	ck_assert_uint_eq(c.relays_closed, 2);
	ck_assert_uint_eq(turn_next_ms(c.server), UINT64_MAX);
	core_expect_empty(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 3), 0);
}
END_TEST

START_TEST(its_end_is_logged_with_what_it_relayed)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 0);
	core_channel_data(&c, &client, 0x4000, "123");
	core_channel_data(&c, &client, 0x4000, "12345");
	core_indicate(&c, &client, &peer, "7 bytes");
	core_from_peer(&c, c.last_relay, &peer, bytes_str("12345678901"));
	core_channel_data(&c, &client, 0x4001, "dropped");
	core_pass(&c, 61999);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	ck_assert_uint_eq(c.logs, 2);
	ck_assert_int_eq(c.log.level, LOG_LEVEL_INFO);
	ck_assert_str_eq(c.log.message, "session ended");
	ck_assert_int_eq(c.log.wall_s, c.now.wall_s);
	ck_assert_uint_eq(c.log.field_count, 10);
	ck_assert_str_eq(core_log_field(&c, "client"), "192.0.2.1:5000");
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
	ck_assert_str_eq(core_log_field(&c, "realm"), CORE_REALM);
	ck_assert_int_eq(strncmp(core_log_field(&c, "relayed"),
				 "20.202.255.255:5000", 19),
			 0);
	ck_assert_str_eq(core_log_field(&c, "duration_s"), "61");
	ck_assert_str_eq(core_log_field(&c, "to_peer_packets"), "3");
	ck_assert_str_eq(core_log_field(&c, "to_peer_bytes"), "15");
	ck_assert_str_eq(core_log_field(&c, "to_client_packets"), "1");
	ck_assert_str_eq(core_log_field(&c, "to_client_bytes"), "11");
	ck_assert_str_eq(core_log_field(&c, "cause"), "refresh-0");
}
END_TEST

/* --- quotas: 486 and 508 ----------------------------------------------------------------- */

START_TEST(a_users_limit_is_486_for_that_user)
{
	c.config.limits.allocations_per_user = 2;
	core_restart(&c);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 486);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE MESSAGE-INTEGRITY");
	ck_assert_uint_eq(charged(), 2);
	ck_assert_uint_eq(core_allocate_as(&c, &client, 1, &core_bob), 0);
	/* alice of the other realm is another user. */
	core_begin_allocate(&q, &client, 1);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	client.port--;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(core_allocate(&c, &client, 3), 0);
}
END_TEST

START_TEST(a_limit_that_comes_with_the_key_counts_first)
{
	c.config.limits.allocations_per_user = 1;
	core_restart(&c);
	c.user.grant.allocations_max = 3;
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 486);
}
END_TEST

START_TEST(the_total_limit_is_508)
{
	c.config.limits.allocations = 2;
	core_restart(&c);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 0);
	client.port++;
	ck_assert_uint_eq(core_allocate_as(&c, &client, 1, &core_bob), 508);
	ck_assert_str_eq(core_signature(&c, &core_bob), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(ports_left(), 8);
	core_wait(&c, 601000);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 0);
}
END_TEST

/* A pair is two of everything, or nothing. */
START_TEST(a_pair_is_charged_as_two)
{
	c.config.limits.allocations_per_user = 3;
	core_restart(&c);
	ck_assert_uint_eq(allocate_pair(&core_alice), 0);
	ck_assert_uint_eq(charged(), 2);
	ck_assert_uint_eq(allocate_pair(&core_alice), 486);
	ck_assert_uint_eq(charged(), 2);
	ck_assert_uint_eq(ports_left(), 8);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 486);
}
END_TEST

START_TEST(a_pair_over_the_total_limit_is_508)
{
	c.config.limits.allocations = 3;
	core_restart(&c);
	ck_assert_uint_eq(allocate_pair(&core_alice), 0);
	ck_assert_uint_eq(allocate_pair(&core_bob), 508);
	ck_assert_uint_eq(charged(), 2);
	ck_assert_uint_eq(allocate_next(), 0);
}
END_TEST

/* Decisions, "Data path": the first refusal names the option to raise. */
START_TEST(refusals_warn_once_a_minute_and_name_the_option)
{
	c.config.limits.allocations_per_user = 1;
	core_restart(&c);
	ck_assert_uint_eq(allocate_next(), 0);
	c.logs = 0;
	for (unsigned i = 0; i < 4; i++)
		ck_assert_uint_eq(allocate_next(), 486);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_int_eq(c.log.level, LOG_LEVEL_WARNING);
	ck_assert_str_eq(core_log_field(&c, "option"),
			 "limits.allocations_per_user");
	ck_assert_str_eq(core_log_field(&c, "held_back"), "(none)");
	core_pass(&c, 60000);
	ck_assert_uint_eq(allocate_next(), 486);
	ck_assert_uint_eq(c.logs, 2);
	ck_assert_str_eq(core_log_field(&c, "held_back"), "3");
}
END_TEST

START_TEST(the_total_limit_warns_of_its_own_option)
{
	c.config.limits.allocations = 1;
	core_restart(&c);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(allocate_next(), 508);
	ck_assert_str_eq(core_log_field(&c, "option"), "limits.allocations");
}
END_TEST

/* --- ports ----------------------------------------------------------------------------------- */

static void fill_range(void)
{
	for (unsigned i = 0; i < 10; i++)
		ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(ports_left(), 0);
}

START_TEST(a_full_range_is_508_and_recovers_completely)
{
	for (unsigned round = 0; round < 3; round++) {
		fill_range();
		ck_assert_uint_eq(allocate_next(), 508);
		ck_assert_uint_eq(allocate_pair(&core_bob), 508);
		ck_assert_uint_eq(charged(), 10);
		core_wait(&c, 601000);
		core_expect_empty(&c);
	}
}
END_TEST

START_TEST(a_full_range_warns_of_relay_ports)
{
	fill_range();
	ck_assert_uint_eq(allocate_next(), 508);
	ck_assert_str_eq(c.log.message, "the relay port range is full");
	ck_assert_str_eq(core_log_field(&c, "option"), "relay.ports");
}
END_TEST

START_TEST(one_port_given_back_is_found)
{
	uint16_t port;

	fill_range();
	port = core_relayed(&c).port;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(core_relayed(&c).port, port);
}
END_TEST

/* --- opening the socket: at most 16 ports, then 508 ---------------------------------------------- */

START_TEST(a_port_in_use_elsewhere_is_left_for_another)
{
	uint16_t first;

	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	first = c.last_port;
	core_answer_relay(&c, c.last_relay, -EADDRINUSE);
	ck_assert_uint_eq(c.replies, 0);
	ck_assert_uint_eq(c.relays_asked, 2);
	ck_assert_uint_ne(c.last_port, first);
	ck_assert_uint_eq(ports_left(), 9);
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(core_relayed(&c).port, c.last_port);
	ck_assert_uint_eq(c.logs, 1);
}
END_TEST

static void refuse_all(int error)
{
	for (unsigned i = 0; i < 32; i++)
		c.relay_errors[i] = error;
}

START_TEST(sixteen_ports_are_tried)
{
	static const int errors[] = { -EADDRINUSE, -EACCES, -EADDRNOTAVAIL };

	for (size_t i = 0; i < 3; i++) {
		core_restart(&c);
		c.relays_asked = 0;
		refuse_all(errors[i]);
		ck_assert_uint_eq(allocate_next(), 508);
		ck_assert_uint_eq(c.relays_asked, 16);
		ck_assert_str_eq(core_signature(&c, &core_alice),
				 "MESSAGE-INTEGRITY");
		ck_assert_str_eq(core_log_field(&c, "option"),
				 "relay.ports, relay.address");
		ck_assert_uint_eq(c.relays_closed, 0);
		core_expect_empty(&c);
	}
}
END_TEST

START_TEST(the_sixteenth_port_may_do)
{
	refuse_all(-EADDRINUSE);
	c.relay_errors[15] = 0;
	ck_assert_uint_eq(allocate_next(), 0);
	ck_assert_uint_eq(c.relays_asked, 16);
	ck_assert_uint_eq(ports_left(), 9);
}
END_TEST

START_TEST(without_another_port_to_try_it_is_508)
{
	fill_range();
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	c.relays_asked = 0;
	c.relay_errors[0] = -EADDRINUSE;
	ck_assert_uint_eq(allocate_next(), 508);
	ck_assert_uint_eq(c.relays_asked, 1);
	ck_assert_uint_eq(ports_left(), 1);
}
END_TEST

/* Another port would not help: shed load, and say so once. */
START_TEST(out_of_descriptors_is_508_at_once)
{
	static const int errors[] = { -EMFILE, -ENFILE };

	for (size_t i = 0; i < 2; i++) {
		core_restart(&c);
		c.relays_asked = c.logs = 0;
		refuse_all(errors[i]);
		ck_assert_uint_eq(allocate_next(), 508);
		ck_assert_uint_eq(allocate_next(), 508);
		ck_assert_uint_eq(c.relays_asked, 2);
		ck_assert_uint_eq(c.logs, 1);
		ck_assert_str_eq(c.log.message, "out of file descriptors");
		core_expect_empty(&c);
	}
}
END_TEST

START_TEST(any_other_failure_is_508_at_once)
{
	refuse_all(-ENOBUFS);
	ck_assert_uint_eq(allocate_next(), 508);
	ck_assert_uint_eq(c.relays_asked, 1);
	ck_assert_str_eq(c.log.message, "no relay socket could be opened");
	core_expect_empty(&c);
}
END_TEST

/* Both ports of a pair are given back for another pair. */
START_TEST(a_pair_is_retried_as_a_pair)
{
	c.relay_errors[0] = -EADDRINUSE;
	ck_assert_uint_eq(allocate_pair(&core_alice), 0);
	ck_assert_uint_eq(c.relays_asked, 2);
	ck_assert_uint_eq(c.last_port % 2, 0);
	ck_assert_uint_eq(ports_left(), 8);
	refuse_all(-EMFILE);
	ck_assert_uint_eq(allocate_pair(&core_alice), 508);
	ck_assert_uint_eq(ports_left(), 8);
	ck_assert_uint_eq(charged(), 2);
}
END_TEST

/* --- answers that come late ----------------------------------------------------------------------- */

static void expect_closed(struct ref relay)
{
	ck_assert_uint_eq(c.replies, 0);
	ck_assert_uint_eq(c.relays_closed, 1);
	ck_assert_uint_eq(c.last_closed.index, relay.index);
	ck_assert_uint_eq(c.last_closed.generation, relay.generation);
}

START_TEST(a_socket_opened_after_the_end_is_closed)
{
	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_wait(&c, 601000);
	ck_assert_uint_eq(c.relays_closed, 0); /* there was none yet */
	ck_assert_uint_eq(c.logs, 0);
	core_expect_empty(&c);
	core_answer_relay(&c, c.last_relay, 0);
	expect_closed(c.last_relay);
}
END_TEST

/* The same before a tick has noticed the end. */
START_TEST(a_socket_opened_when_the_time_is_over_is_closed)
{
	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_pass(&c, 600000);
	core_answer_relay(&c, c.last_relay, 0);
	expect_closed(c.last_relay);
	core_expect_empty(&c);
}
END_TEST

START_TEST(a_port_refused_when_the_time_is_over_is_not_retried)
{
	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_pass(&c, 600000);
	core_answer_relay(&c, c.last_relay, -EADDRINUSE);
	ck_assert_uint_eq(c.replies, 0);
	ck_assert_uint_eq(c.relays_asked, 1);
	core_expect_empty(&c);
}
END_TEST

/* What is told is what is left. */
START_TEST(a_slow_socket_shortens_what_is_told)
{
	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_pass(&c, 2500);
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 597);
}
END_TEST

START_TEST(a_failure_after_the_end_is_nothing)
{
	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_wait(&c, 601000);
	core_answer_relay(&c, c.last_relay, -EADDRINUSE);
	ck_assert_uint_eq(c.replies, 0);
	ck_assert_uint_eq(c.relays_asked, 1);
	ck_assert_uint_eq(c.relays_closed, 0);
	core_answer_relay(&c, (struct ref){ 4711, 1 }, -EMFILE);
	ck_assert_uint_eq(c.relays_closed, 0);
}
END_TEST

START_TEST(shutdown_while_opening_needs_no_socket_closed)
{
	c.hold_relays = true;
	ck_assert_uint_eq(allocate_pair(&core_alice), 1);
	actions_clear(&c.out);
	ck_assert(turn_end_next(c.server, &c.now, TURN_CAUSE_SHUTDOWN, &c.out));
	ck_assert_uint_eq(c.out.count, 0);
	core_expect_empty(&c);
	core_answer_relay(&c, c.last_relay, 0);
	expect_closed(c.last_relay);
}
END_TEST

/* The record is somebody else's by then; his socket stays open. */
START_TEST(a_late_answer_does_not_reach_the_next_allocation)
{
	struct ref first;

	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	first = c.last_relay;
	core_wait(&c, 601000);
	ck_assert_uint_eq(core_allocate(&c, &client, 2), 1);
	ck_assert_uint_eq(c.last_relay.index, first.index);
	core_answer_relay(&c, first, 0);
	expect_closed(first);
	core_answer_relay(&c, c.last_relay, 0);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(c.relays_closed, 1);
}
END_TEST

START_TEST(while_opening_no_data_passes)
{
	c.hold_relays = true;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	ck_assert_str_eq(core_channel_data(&c, &client, 0x4000, "x"),
			 "no_allocation");
	ck_assert_str_eq(core_indicate(&c, &client, &peer, "x"),
			 "no_allocation");
	ck_assert_str_eq(
		core_from_peer(&c, c.last_relay, &peer, bytes_str("x")),
		"no_allocation");
	ck_assert_uint_eq(core_bind(&c, &client, 2, 0x4000, &peer), 437);
	ck_assert_uint_eq(core_permit(&c, &client, 2, &peer), 437);
}
END_TEST

/* --- reservations: RFC 8656 sections 7.2 and 18.10 ------------------------------------------------ */

static uint8_t token[PORTS_TOKEN_BYTES];
static uint16_t reserved_port;

/* alice reserves; token and port are remembered. */
static void reserve(void)
{
	ck_assert_uint_eq(allocate_pair(&core_alice), 0);
	memcpy(token,
	       stun_find(&c.reply, STUN_ATTR_RESERVATION_TOKEN)->value.data,
	       sizeof(token));
	reserved_port = (uint16_t)(core_relayed(&c).port + 1);
}

static void begin_redeem(void)
{
	client.port++;
	core_begin_allocate(&q, &client, 1);
	stun_add(&q.builder, STUN_ATTR_RESERVATION_TOKEN,
		 bytes_of(token, sizeof(token)));
}

static uint16_t redeem(const struct core_user *user)
{
	begin_redeem();
	return core_ask(&c, &q, user);
}

START_TEST(a_token_gives_the_reserved_port)
{
	reserve();
	ck_assert_uint_eq(redeem(&core_alice), 0);
	ck_assert_uint_eq(core_relayed(&c).port, reserved_port);
	ck_assert(!core_replied_with(&c, STUN_ATTR_RESERVATION_TOKEN));
	ck_assert_uint_eq(ports_left(), 8);
	ck_assert_uint_eq(charged(), 2); /* not three */
	core_wait(&c, 601000);
	core_expect_empty(&c);
}
END_TEST

START_TEST(a_token_works_once)
{
	reserve();
	ck_assert_uint_eq(redeem(&core_alice), 0);
	ck_assert_uint_eq(redeem(&core_alice), 508);
	ck_assert_uint_eq(charged(), 2);
	/* Nor does it come back when the port is free. */
	client.port--;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(redeem(&core_alice), 508);
	ck_assert_uint_eq(charged(), 1);
}
END_TEST

START_TEST(its_retransmission_is_no_second_redemption)
{
	reserve();
	begin_redeem();
	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(core_relayed(&c).port, reserved_port);
	ck_assert_uint_eq(charged(), 2);
}
END_TEST

START_TEST(a_token_is_good_for_its_user_alone)
{
	reserve();
	ck_assert_uint_eq(redeem(&core_bob), 508);
	begin_redeem();
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 508);
	ck_assert_uint_eq(charged(), 2);
	ck_assert_uint_eq(redeem(&core_alice), 0);
}
END_TEST

START_TEST(a_reservation_lasts_30_seconds)
{
	reserve();
	core_wait(&c, 29999);
	ck_assert_uint_eq(ports_left(), 8);
	ck_assert_uint_eq(redeem(&core_alice), 0);
}
END_TEST

START_TEST(a_reservation_does_not_last_longer)
{
	reserve();
	core_pass(&c, 30000);
	ck_assert_uint_eq(redeem(&core_alice), 508);
	core_wait(&c, TIMER_TICK_MS);
	ck_assert_uint_eq(ports_left(), 9);
	ck_assert_uint_eq(charged(), 1);
}
END_TEST

/* It is the user's, not the allocation's that made it. */
START_TEST(a_reservation_outlives_its_maker)
{
	reserve();
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(ports_left(), 9);
	ck_assert_uint_eq(charged(), 1);
	ck_assert_uint_eq(redeem(&core_alice), 0);
	ck_assert_uint_eq(core_relayed(&c).port, reserved_port);
}
END_TEST

/* Within the limit although there is no room for one more. */
START_TEST(a_reserved_port_is_charged_already)
{
	c.config.limits.allocations_per_user = 2;
	c.config.limits.allocations = 2;
	core_restart(&c);
	reserve();
	ck_assert_uint_eq(allocate_next(), 508);
	ck_assert_uint_eq(redeem(&core_alice), 0);
}
END_TEST

START_TEST(a_reserved_port_in_use_elsewhere_is_508)
{
	reserve();
	c.relay_errors[1] = -EADDRINUSE;
	ck_assert_uint_eq(redeem(&core_alice), 508);
	ck_assert_uint_eq(c.relays_asked, 2); /* no other port will do */
	ck_assert_uint_eq(ports_left(), 9);
	ck_assert_uint_eq(charged(), 1);
}
END_TEST

/* "a server-wide reservation": whichever worker the client reaches. */
START_TEST(a_token_works_on_another_worker)
{
	core_start_worker(&beside, 1, &c);
	reserve();
	begin_redeem();
	ck_assert_uint_eq(core_ask(&beside, &q, &core_alice), 0);
	ck_assert_uint_eq(core_relayed(&beside).port, reserved_port);
	ck_assert_uint_eq(redeem(&core_alice), 508);
	/* The maker's clock finds it gone and returns nothing twice. */
	core_wait(&c, 31000);
	ck_assert_uint_eq(charged(), 2);
	ck_assert_uint_eq(ports_left(), 8);
	core_teardown_worker(&beside);
	ck_assert_uint_eq(charged(), 1);
}
END_TEST

/* The table of reservations is full: nothing is half done. */
START_TEST(one_reservation_too_many_is_508)
{
	core_teardown(&c);
	core_init(&c);
	c.config.limits.allocations = 4096;
	c.config.peers.relay_port_max = CORE_PORT_MIN + 4095;
	core_start(&c);
	for (unsigned i = 0; i < PORTS_RESERVATIONS_MAX; i++)
		ck_assert_uint_eq(allocate_pair(&core_alice), 0);
	ck_assert_uint_eq(ports_left(), 4096 - 2 * PORTS_RESERVATIONS_MAX);
	ck_assert_uint_eq(allocate_pair(&core_alice), 508);
	ck_assert_uint_eq(c.relays_closed, 1); /* the socket was open */
	ck_assert_uint_eq(ports_left(), 4096 - 2 * PORTS_RESERVATIONS_MAX);
	ck_assert_uint_eq(charged(), 2 * PORTS_RESERVATIONS_MAX);
	core_wait(&c, 30000 + TIMER_TICK_MS);
	ck_assert_uint_eq(allocate_pair(&core_alice), 0);
}
END_TEST

/* Another worker's reservations count in the shared table. */
START_TEST(reservations_of_other_workers_fill_the_table)
{
	uint8_t other[PORTS_TOKEN_BYTES];
	struct random random;
	uint16_t port;

	core_teardown(&c);
	core_init(&c);
	c.config.peers.relay_port_max = CORE_PORT_MIN + 2047;
	core_start(&c);
	random_init(&random, c.crypto, c.seed);
	for (unsigned i = 0; i < PORTS_RESERVATIONS_MAX; i++) {
		ck_assert(ports_take(&c.shared->ports, &random, PORTS_ANY,
				     &port));
		ck_assert(ports_reserve(&c.shared->ports, port, &random, 1,
					c.now.mono_ms, other));
	}
	ck_assert_uint_eq(allocate_pair(&core_alice), 508);
	ck_assert_uint_eq(c.server->reservations.used, 0);
	ck_assert_uint_eq(ports_left(), 1024);
	ck_assert_uint_eq(charged(), 0);
	turn_shared_fini(c.shared);
	ck_assert_int_eq(turn_shared_init(c.shared, &c.config,
					  &(struct hash_key){ 1, 2 }),
			 0);
}
END_TEST

/* --- limits of the data path ---------------------------------------------------- */

/* Notices of alice's allocation what the data path would, and logs it. */
static bool tell(enum drop_reason reason)
{
	unsigned before = c.logs;

	flow_notice(&c.server->flows, &c.now, c.last_relay.index, reason);
	core_wait(&c, 0);
	return c.logs > before;
}

static void expect_limit(const char *limit, const char *option)
{
	ck_assert_int_eq(c.log.level, LOG_LEVEL_WARNING);
	ck_assert_str_eq(c.log.message, "a limit of the data path is reached");
	ck_assert_str_eq(core_log_field(&c, "client"), "192.0.2.1:5000");
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
	ck_assert_str_eq(core_log_field(&c, "realm"), CORE_REALM);
	ck_assert_str_eq(core_log_field(&c, "limit"), limit);
	ck_assert_str_eq(core_log_field(&c, "option"), option);
}

/* Decisions: a warning that names the option to raise. */
START_TEST(a_limit_is_logged_with_the_option_to_raise)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert(tell(DROP_PEER_LIMIT));
	expect_limit("peer_limit", "limits.peers, limits.new_peers_per_second");
	ck_assert(tell(DROP_RATE_ALLOCATION));
	expect_limit("allocation_rate", "limits.allocation_rate");
	ck_assert(tell(DROP_RATE_USER));
	expect_limit("user_rate", "limits.user_rate");
	ck_assert(tell(DROP_RATE_TOTAL));
	expect_limit("total_rate", "limits.total_rate");
}
END_TEST

START_TEST(a_users_own_rate_is_no_option)
{
	c.user.grant.rate_bytes_per_s = 1000;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert(tell(DROP_RATE_USER));
	expect_limit("user_rate", "the user's own rate");
}
END_TEST

/* Once per user and interval, whichever of the user's allocations it is. */
START_TEST(a_limit_is_logged_once_for_each_user)
{
	struct addr second = core_client(2, 5000);

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert(tell(DROP_RATE_USER));
	ck_assert_uint_eq(core_allocate(&c, &second, 1), 0);
	ck_assert(!tell(DROP_RATE_USER));
	ck_assert(tell(DROP_RATE_TOTAL));
	second.port++;
	ck_assert_uint_eq(core_allocate_as(&c, &second, 1, &core_bob), 0);
	ck_assert(tell(DROP_RATE_USER));
	ck_assert(!tell(DROP_RATE_TOTAL));
	ck_assert_str_eq(core_log_field(&c, "user"), "bob");
	core_pass(&c, LOG_GATE_INTERVAL_MS);
	ck_assert(tell(DROP_RATE_TOTAL));
	ck_assert_str_eq(core_log_field(&c, "held_back"), "1");
}
END_TEST

START_TEST(a_limit_of_who_has_gone_is_not_logged)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	flow_notice(&c.server->flows, &c.now, c.last_relay.index,
		    DROP_RATE_USER);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	c.logs = 0;
	core_wait(&c, 0);
	ck_assert_uint_eq(c.logs, 0);
	ck_assert_uint_eq(c.server->flows.notice_count, 0);
}
END_TEST

/* A reload means those that begin after it. */
START_TEST(an_allocation_keeps_the_rate_it_began_with)
{
	const struct allocation *a;
	struct turn_limits limits;

	c.config.limits.rates.allocation = 1000;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	limits = c.config.limits;
	limits.rates.allocation = 2000;
	turn_set_limits(c.server, &limits);
	a = pool_at(&c.server->flows.allocations, c.last_relay.index);
	ck_assert_uint_eq(a->rates.per_s, 1000);
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	a = pool_at(&c.server->flows.allocations, c.last_relay.index);
	ck_assert_uint_eq(a->rates.per_s, 2000);
	c.config.realms[0].allocation_rate = 500;
	turn_set_realm(c.server, 0, &c.config.realms[0]);
	client.port++;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	a = pool_at(&c.server->flows.allocations, c.last_relay.index);
	ck_assert_uint_eq(a->rates.per_s, 500);
	ck_assert(a->limited);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("allocation");
	TCase *t = tcase_create("allocation");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t,
		       it_holds_a_port_a_charge_a_key_and_a_share_of_its_user);
	tcase_add_test(t, its_beginning_is_logged);
	tcase_add_test(t, living_begun_and_ended_are_counted);
	tcase_add_test(t, it_lives_600_seconds_to_the_millisecond);
	tcase_add_test(t, no_tick_comes_early);
	tcase_add_test(t, a_tick_may_come_very_late);
	tcase_add_test(t, its_end_is_logged_with_what_it_relayed);
	tcase_add_test(t, a_users_limit_is_486_for_that_user);
	tcase_add_test(t, a_limit_that_comes_with_the_key_counts_first);
	tcase_add_test(t, the_total_limit_is_508);
	tcase_add_test(t, a_pair_is_charged_as_two);
	tcase_add_test(t, a_pair_over_the_total_limit_is_508);
	tcase_add_test(t, refusals_warn_once_a_minute_and_name_the_option);
	tcase_add_test(t, the_total_limit_warns_of_its_own_option);
	tcase_add_test(t, a_full_range_is_508_and_recovers_completely);
	tcase_add_test(t, a_full_range_warns_of_relay_ports);
	tcase_add_test(t, one_port_given_back_is_found);
	tcase_add_test(t, a_port_in_use_elsewhere_is_left_for_another);
	tcase_add_test(t, sixteen_ports_are_tried);
	tcase_add_test(t, the_sixteenth_port_may_do);
	tcase_add_test(t, without_another_port_to_try_it_is_508);
	tcase_add_test(t, out_of_descriptors_is_508_at_once);
	tcase_add_test(t, any_other_failure_is_508_at_once);
	tcase_add_test(t, a_pair_is_retried_as_a_pair);
	tcase_add_test(t, a_socket_opened_after_the_end_is_closed);
	tcase_add_test(t, a_socket_opened_when_the_time_is_over_is_closed);
	tcase_add_test(t, a_port_refused_when_the_time_is_over_is_not_retried);
	tcase_add_test(t, a_slow_socket_shortens_what_is_told);
	tcase_add_test(t, a_failure_after_the_end_is_nothing);
	tcase_add_test(t, shutdown_while_opening_needs_no_socket_closed);
	tcase_add_test(t, a_late_answer_does_not_reach_the_next_allocation);
	tcase_add_test(t, while_opening_no_data_passes);
	tcase_add_test(t, a_token_gives_the_reserved_port);
	tcase_add_test(t, a_token_works_once);
	tcase_add_test(t, its_retransmission_is_no_second_redemption);
	tcase_add_test(t, a_token_is_good_for_its_user_alone);
	tcase_add_test(t, a_reservation_lasts_30_seconds);
	tcase_add_test(t, a_reservation_does_not_last_longer);
	tcase_add_test(t, a_reservation_outlives_its_maker);
	tcase_add_test(t, a_reserved_port_is_charged_already);
	tcase_add_test(t, a_reserved_port_in_use_elsewhere_is_508);
	tcase_add_test(t, a_token_works_on_another_worker);
	tcase_add_test(t, one_reservation_too_many_is_508);
	tcase_add_test(t, reservations_of_other_workers_fill_the_table);
	tcase_add_test(t, a_limit_is_logged_with_the_option_to_raise);
	tcase_add_test(t, a_users_own_rate_is_no_option);
	tcase_add_test(t, a_limit_is_logged_once_for_each_user);
	tcase_add_test(t, a_limit_of_who_has_gone_is_not_logged);
	tcase_add_test(t, an_allocation_keeps_the_rate_it_began_with);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
