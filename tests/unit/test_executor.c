/* link: -Wl,--wrap=turn_from_client,--wrap=turn_from_peer,--wrap=turn_from_hairpin,--wrap=turn_message,--wrap=turn_key_ready,--wrap=turn_relay_opened,--wrap=turn_tick,--wrap=turn_end_next,--wrap=turn_counters,--wrap=logger_put,--wrap=relay_set_init,--wrap=credentials_look_up,--wrap=credentials_next,--wrap=turn_next_user,--wrap=turn_has_user,--wrap=turn_recheck,--wrap=turn_end_session,--wrap=turn_find_session,--wrap=usage_began,--wrap=usage_ended */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"
#include "net_fixture.h"
#include "worker/executor.h"

/*
 * The core here is a puppet: it answers as a test tells it to, and notes what
 * it was asked. Letters of the notes: c, p, h: a datagram from a client, a
 * peer, a hairpin; m: a message; k: keys; o: a relay socket opened (O: not);
 * t: a tick; e: an end; x: that of one session; l: a log record;
 * b, E: a session began, ended.
 */
static char notes[4096];
static struct counters counters;
static struct verdict answer;  /* to datagrams from clients and peers */
static struct verdict answer2; /* to hairpin datagrams */
static struct datagram last;   /* without its data */
static uint8_t last_data[DATAGRAM_MAX_BYTES];
static struct ref last_ref;
static int last_error;
static unsigned ticks_left, ends_left;
static bool init_fails, tick_judges;

/* What to do with a message, and with each answer after that. */
static void (*on_message)(struct actions *out);
static void (*on_opened)(struct actions *out);
static void (*on_keys)(struct actions *out, const struct turn_user *user,
		       struct bytes name);

#define WRAPPED(type, name, ...)         \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

static void note(char letter)
{
	size_t len = strlen(notes);

	if (len + 1 < sizeof(notes))
		notes[len] = letter;
}

static void take(char letter, const struct datagram *in, struct ref ref)
{
	note(letter);
	last = *in;
	last.data.data = last_data;
	ck_assert_uint_le(in->data.len, sizeof(last_data));
	if (in->data.len)
		memcpy(last_data, in->data.data, in->data.len);
	last_ref = ref;
}

WRAPPED(void, turn_from_client, struct turn_server *s, const struct now *now,
	const struct datagram *in, struct verdict *out)
{
	(void)s;
	ck_assert_uint_gt(now->mono_ms, 0);
	ck_assert_int_gt(now->wall_s, 1600000000);
	take('c', in, (struct ref){ 0, 0 });
	*out = answer;
	out->payload_bytes = (uint16_t)(in->data.len - out->skip_bytes);
}

WRAPPED(void, turn_from_peer, struct turn_server *s, const struct now *now,
	struct ref ref, const struct datagram *in, struct verdict *out)
{
	(void)s;
	ck_assert_uint_gt(now->mono_ms, 0);
	take('p', in, ref);
	*out = answer;
	out->payload_bytes = (uint16_t)in->data.len;
}

WRAPPED(void, turn_from_hairpin, struct turn_server *s, const struct now *now,
	struct ref ref, const struct datagram *in, struct verdict *out)
{
	(void)s;
	ck_assert_uint_gt(now->mono_ms, 0);
	take('h', in, ref);
	*out = answer2;
	out->payload_bytes = (uint16_t)in->data.len;
}

WRAPPED(void, turn_message, struct turn_server *s, const struct now *now,
	const struct datagram *in, struct actions *out)
{
	(void)s;
	(void)now;
	(void)in;
	ck_assert_uint_eq(out->count, 0);
	note('m');
	on_message(out);
}

WRAPPED(void, turn_key_ready, struct turn_server *s, const struct now *now,
	struct ref ticket, enum turn_lookup result,
	const struct turn_user *user, struct bytes name, struct actions *out)
{
	(void)s;
	(void)now;
	ck_assert_uint_eq(out->count, 0);
	ck_assert_int_eq(result, TURN_LOOKUP_FOUND);
	note('k');
	last_ref = ticket;
	on_keys(out, user, name);
}

WRAPPED(void, turn_relay_opened, struct turn_server *s, const struct now *now,
	struct ref ref, int error, struct actions *out)
{
	(void)s;
	(void)now;
	ck_assert_uint_eq(out->count, 0);
	note(error ? 'O' : 'o');
	last_ref = ref;
	last_error = error;
	if (on_opened)
		on_opened(out);
}

WRAPPED(bool, turn_tick, struct turn_server *s, const struct now *now,
	struct actions *out)
{
	(void)s;
	(void)now;
	ck_assert_uint_eq(out->count, 0);
	note('t');
	if (tick_judges)
		counter_add(&counters.judged, 1);
	return ticks_left > 0 && ticks_left-- > 0;
}

WRAPPED(bool, turn_end_next, struct turn_server *s, const struct now *now,
	enum turn_cause cause, struct actions *out)
{
	(void)s;
	(void)now;
	ck_assert_uint_eq(out->count, 0);
	ck_assert_int_eq(cause, TURN_CAUSE_SHUTDOWN);
	note('e');
	if (ends_left == 0)
		return false;
	ends_left--;
	out->items[out->count++] = (struct action){
		.kind = ACTION_CLOSE_RELAY,
		.as.close_relay = { ends_left, 1 },
	};
	return true;
}

WRAPPED(bool, turn_end_session, struct turn_server *s, const struct now *now,
	struct ref allocation, enum turn_cause cause, struct actions *out)
{
	(void)s;
	ck_assert_uint_gt(now->mono_ms, 0);
	ck_assert_uint_eq(out->count, 0);
	ck_assert_int_eq(cause, TURN_CAUSE_KILLED);
	note('x');
	if (ends_left == 0)
		return false;
	ends_left--;
	out->items[out->count++] = (struct action){
		.kind = ACTION_CLOSE_RELAY,
		.as.close_relay = allocation,
	};
	return true;
}

static struct counters_relayed ended_relayed;

WRAPPED(bool, turn_find_session, const struct turn_server *s,
	struct ref allocation, struct turn_session *out)
{
	(void)s;
	*out = (struct turn_session){ .allocation = allocation };
	return allocation.index != 99;
}

WRAPPED(void, usage_began, struct usage *u, const struct now *now,
	const struct turn_session *t)
{
	ck_assert_ptr_eq(u, &counters);
	ck_assert_uint_gt(now->mono_ms, 0);
	note('b');
	last_ref = t->allocation;
}

WRAPPED(void, usage_ended, struct usage *u, const struct now *now,
	uint16_t worker, struct ref allocation,
	const struct counters_relayed *relayed)
{
	ck_assert_ptr_eq(u, &counters);
	ck_assert_uint_gt(now->mono_ms, 0);
	ck_assert_uint_eq(worker, 1);
	note('E');
	last_ref = allocation;
	ended_relayed = *relayed;
}

WRAPPED(struct counters *, turn_counters, struct turn_server *s)
{
	(void)s;
	return &counters;
}

WRAPPED(void, logger_put, struct logger *l, const struct log_record *record)
{
	(void)l;
	ck_assert_str_eq(record->message, "something");
	note('l');
}

int __real_relay_set_init(struct relay_set *s, uint32_t capacity,
			  const struct addr *local, int buffer_bytes);
WRAPPED(int, relay_set_init, struct relay_set *s, uint32_t capacity,
	const struct addr *local, int buffer_bytes)
{
	if (init_fails)
		return -EMFILE;
	return __real_relay_set_init(s, capacity, local, buffer_bytes);
}

/* Sources that know "alice", now or later. */
static struct executor *e;
static bool answers_later;
static unsigned rechecks_asked;

WRAPPED(bool, credentials_look_up, struct credentials *c,
	const struct store_query *query, struct store_answer *out)
{
	ck_assert_ptr_eq(c, &counters);
	ck_assert_uint_eq(query->realm, 3);
	ck_assert(bytes_equal(query->name, bytes_str("alice")));
	ck_assert_ptr_eq(query->now, &e->now);
	rechecks_asked += query->recheck;
	if (!query->recheck)
		ck_assert_uint_eq(query->ticket.index, 2);
	if (answers_later)
		return false;
	*out = (struct store_answer){ .result = TURN_LOOKUP_FOUND,
				      .name = bytes_str("ALICE") };
	out->user.key_count = 1;
	out->user.keys[0].md5.len = 16;
	memset(out->user.keys[0].md5.bytes, 0x5a, 16);
	return true;
}

/* What the sources tell, one after the other. */
static struct credentials_event events[8];
static unsigned event_count, events_told;

WRAPPED(bool, credentials_next, struct credentials *c, const struct now *now,
	struct credentials_event *out)
{
	ck_assert_ptr_eq(c, &counters);
	ck_assert_ptr_eq(now, &e->now);
	if (events_told == event_count)
		return false;
	*out = events[events_told++];
	return true;
}

/* The core has so many users with sessions, and ends so many of them. */
static unsigned user_count, sessions_to_end;

WRAPPED(bool, turn_next_user, const struct turn_server *s, uint32_t *cursor,
	uint8_t *realm, struct bytes *name)
{
	(void)s;
	if (*cursor == user_count)
		return false;
	++*cursor;
	*realm = 3;
	*name = bytes_str("alice");
	return true;
}

WRAPPED(bool, turn_has_user, const struct turn_server *s, uint8_t realm,
	struct bytes name)
{
	(void)s;
	(void)realm;
	return user_count > 0 && bytes_equal(name, bytes_str("alice"));
}

WRAPPED(bool, turn_recheck, struct turn_server *s, const struct now *now,
	uint8_t realm, struct bytes name, enum turn_lookup result,
	const struct turn_user *user, struct actions *out)
{
	(void)s;
	(void)now;
	(void)out;
	ck_assert_uint_eq(realm, 3);
	ck_assert(bytes_equal(name, bytes_str("alice")));
	ck_assert_int_eq(result, TURN_LOOKUP_FOUND);
	ck_assert_uint_eq(user->keys[0].md5.bytes[15], 0x5a);
	note('r');
	if (!sessions_to_end)
		return false;
	sessions_to_end--;
	return true;
}

#define BUFFER_BYTES (1 << 20)
#define WORKERS 2
#define ME 1

static struct inbox boxes[WORKERS];
static struct inbox *inboxes[WORKERS] = { &boxes[0], &boxes[1] };
static struct worker_commons commons;
static int client, peer;
static struct addr client_addr, peer_addr, listener_addr;
static unsigned fds_before;

static void setup(void)
{
	struct addr any = addr_ipv4(LOOPBACK, 0);
	static struct turn_config config;
	int fd;

	fds_before = net_count_fds();
	config.relay = any;
	config.limits.allocations = 100;
	for (unsigned i = 0; i < WORKERS; i++) {
		memset(&boxes[i], 0, sizeof(boxes[i]));
		ck_assert_int_eq(inbox_init(&boxes[i]), 0);
	}
	e = calloc(1, sizeof(*e));
	ck_assert_int_eq(executor_init(e, ME, (struct turn_server *)&counters,
				       &config, BUFFER_BYTES, &commons,
				       (struct credentials *)&counters,
				       inboxes),
			 0);
	ck_assert_int_eq(udp_open_listeners(&any, 1, BUFFER_BYTES, &fd), 0);
	ck_assert_int_eq(udp_local(fd, &listener_addr), 0);
	executor_set_socket(e, 7, fd);
	client = net_socket(LOOPBACK);
	client_addr = net_local(client);
	peer = net_socket(LOOPBACK);
	peer_addr = net_local(peer);
	memset(notes, 0, sizeof(notes));
	memset(&counters, 0, sizeof(counters));
	memset(&answer, 0, sizeof(answer));
	memset(&answer2, 0, sizeof(answer2));
	on_message = NULL;
	on_opened = NULL;
	on_keys = NULL;
}

static void teardown(void)
{
	executor_fini(e);
	free(e);
	for (unsigned i = 0; i < WORKERS; i++)
		inbox_fini(&boxes[i]);
	close(client);
	close(peer);
	ck_assert_uint_eq(net_count_fds(), fds_before);
}

static void from_client(const char *text)
{
	net_send(client, &listener_addr, text, strlen(text));
}

static struct addr open_relay(struct ref ref)
{
	struct addr a;

	ck_assert_int_eq(relay_set_open(&e->relays, ref, 0), 0);
	ck_assert_int_eq(
		udp_local(relay_socket_fd(relay_set_get(&e->relays, ref)), &a),
		0);
	return a;
}

static void expect(int fd, const char *text, const struct addr *from)
{
	char got[2048];
	struct addr sender;
	size_t n = net_receive(fd, got, sizeof(got), &sender, NULL);

	ck_assert_uint_eq(n, strlen(text));
	ck_assert(!memcmp(got, text, n));
	ck_assert(addr_equal(&sender, from));
}

START_TEST(a_dropped_datagram)
{
	answer.kind = VERDICT_DROP;
	executor_read_listener(e, 7);
	from_client("hello");
	executor_read_listener(e, 7);
	ck_assert_str_eq(notes, "c");
	ck_assert(addr_equal(&last.source, &client_addr));
	ck_assert_uint_eq(last.listener, 7);
	ck_assert_uint_eq(last.data.len, 5);
	ck_assert(net_is_empty(client));
}
END_TEST

START_TEST(to_the_peer_and_back)
{
	const struct ref ref = { 9, 4 };
	struct addr relay = open_relay(ref);

	answer = (struct verdict){ .kind = VERDICT_TO_PEER,
				   .skip_bytes = 4,
				   .allocation = ref,
				   .to = peer_addr };
	from_client("head-one");
	from_client("head-two");
	executor_read_listener(e, 7);
	expect(peer, "-one", &relay);
	expect(peer, "-two", &relay);

	answer = (struct verdict){ .kind = VERDICT_TO_CLIENT,
				   .listener = 7,
				   .prepend_bytes = 2,
				   .prepend = { '>', ' ' },
				   .to = client_addr };
	net_send(peer, &relay, "three", 5);
	net_send(peer, &relay, "four", 4);
	ck_assert(!executor_read_relays(e));
	expect(client, "> three", &listener_addr);
	expect(client, "> four", &listener_addr);
	ck_assert_str_eq(notes, "ccpp");
	ck_assert_uint_eq(last_ref.index, 9);
	ck_assert_uint_eq(last_ref.generation, 4);
	ck_assert(addr_equal(&last.source, &peer_addr));
}
END_TEST

/* Verdicts that name what is not there: nothing happens. */
START_TEST(sockets_that_are_gone)
{
	answer = (struct verdict){ .kind = VERDICT_TO_PEER,
				   .allocation = { 9, 4 },
				   .to = peer_addr };
	from_client("x");
	executor_read_listener(e, 7);
	answer = (struct verdict){ .kind = VERDICT_TO_CLIENT,
				   .listener = 8,
				   .to = client_addr };
	from_client("x");
	executor_read_listener(e, 7);
	ck_assert(net_is_empty(peer));
	ck_assert(net_is_empty(client));
}
END_TEST

START_TEST(more_than_a_turn)
{
	answer.kind = VERDICT_DROP;
	for (unsigned i = 0; i < UDP_IN_MESSAGES + 1; i++)
		from_client("x");
	executor_read_listener(e, 7);
	ck_assert_uint_eq(strlen(notes), UDP_IN_MESSAGES);
	executor_read_listener(e, 7);
	ck_assert_uint_eq(strlen(notes), UDP_IN_MESSAGES + 1);
}
END_TEST

/* Nothing is lost although readiness is told once. */
START_TEST(relays_take_turns)
{
	enum { sockets = RELAY_SET_READY_MAX + 6, each = 40 };
	struct addr relays[sockets];
	bool left = false;
	unsigned turns;

	answer.kind = VERDICT_DROP;
	for (uint32_t i = 0; i < sockets; i++)
		relays[i] = open_relay((struct ref){ i, 1 });
	for (unsigned n = 0; n < each; n++)
		for (unsigned i = 0; i < sockets; i++)
			net_send(peer, &relays[i], "x", 1);
	for (turns = 0; left || !net_is_empty(e->relays.epoll_fd); turns++) {
		ck_assert_uint_lt(turns, 10);
		left = executor_read_relays(e);
		/* Some had no turn at all yet. */
		ck_assert(left || turns > 0);
	}
	ck_assert_uint_eq(strlen(notes), sockets * each);
	ck_assert_uint_gt(turns, 2);
}
END_TEST

START_TEST(hairpin_on_this_worker)
{
	const struct addr from = addr_ipv4(0xc0000201, 50000);

	answer = (struct verdict){ .kind = VERDICT_HAIRPIN,
				   .skip_bytes = 4,
				   .worker = ME,
				   .allocation = { 3, 8 },
				   .tos = 0xb8,
				   .from = from };
	answer2 = (struct verdict){ .kind = VERDICT_TO_CLIENT,
				    .listener = 7,
				    .to = client_addr };
	from_client("head-data");
	executor_read_listener(e, 7);
	ck_assert_str_eq(notes, "ch");
	ck_assert_uint_eq(last_ref.index, 3);
	ck_assert_uint_eq(last_ref.generation, 8);
	ck_assert(addr_equal(&last.source, &from));
	ck_assert_uint_eq(last.tos, 0xb8);
	expect(client, "-data", &listener_addr);

	answer2.kind = VERDICT_DROP;
	from_client("head-data");
	executor_read_listener(e, 7);
	ck_assert(net_is_empty(client));
}
END_TEST

START_TEST(hairpin_to_another_worker)
{
	const struct addr from = addr_ipv4(0xc0000201, 50000);
	const struct inbox_datagram *d;

	answer = (struct verdict){ .kind = VERDICT_HAIRPIN,
				   .skip_bytes = 4,
				   .worker = 0,
				   .allocation = { 3, 8 },
				   .tos = 2,
				   .from = from };
	from_client("head-data");
	from_client("head+more");
	executor_read_listener(e, 7);
	ck_assert_str_eq(notes, "cc");
	ck_assert(boxes[0].woken);
	ck_assert(!boxes[1].woken);
	d = inbox_peek(&boxes[0], 0);
	ck_assert_uint_eq(d->allocation.index, 3);
	ck_assert_uint_eq(d->allocation.generation, 8);
	ck_assert(addr_equal(&d->from, &from));
	ck_assert_uint_eq(d->tos, 2);
	ck_assert_uint_eq(d->bytes, 5);
	ck_assert(!memcmp(d->data, "-data", 5));
	d = inbox_peek(&boxes[0], 1);
	ck_assert(!memcmp(d->data, "+more", 5));
	ck_assert_uint_eq(counter_get(&counters.dropped[DROP_HAIRPIN_FULL]), 0);

	for (unsigned i = 2; i < INBOX_DATAGRAMS + 3; i++) {
		from_client("head-data");
		executor_read_listener(e, 7);
	}
	ck_assert_uint_eq(counter_get(&counters.dropped[DROP_HAIRPIN_FULL]), 3);
}
END_TEST

START_TEST(from_the_inbox)
{
	const struct addr from = addr_ipv4(0xc0000201, 50000);

	ck_assert(!executor_read_inbox(e));
	answer2 = (struct verdict){ .kind = VERDICT_TO_CLIENT,
				    .listener = 7,
				    .to = client_addr };
	for (unsigned i = 0; i < 300; i++)
		ck_assert(inbox_put(&boxes[ME], (struct ref){ 6, i + 1 }, &from,
				    5, bytes_str("payload")));
	ck_assert(executor_read_inbox(e));
	ck_assert(!executor_read_inbox(e));
	ck_assert_uint_eq(last_ref.index, 6);
	ck_assert_uint_eq(last_ref.generation, 300);
	ck_assert(addr_equal(&last.source, &from));
	ck_assert_uint_eq(last.tos, 5);
	for (unsigned i = 0; i < 300; i++)
		expect(client, "payload", &listener_addr);
	ck_assert_ptr_null(inbox_peek(&boxes[ME], 0));
}
END_TEST

/* --- actions --------------------------------------------------------------- */

static void add_reply(struct actions *out, const char *text)
{
	uint8_t *at = out->scratch + out->scratch_used;

	memcpy(at, text, strlen(text));
	out->scratch_used += strlen(text);
	out->items[out->count++] = (struct action){
		.kind = ACTION_REPLY,
		.as.reply = { .message = bytes_of(at, strlen(text)),
			      .to = client_addr,
			      .listener = 7 },
	};
}

static void add_open(struct actions *out, struct ref ref, uint16_t port)
{
	out->items[out->count++] = (struct action){
		.kind = ACTION_OPEN_RELAY,
		.as.open_relay = { .allocation = ref, .port = port },
	};
}

static void add_close(struct actions *out, struct ref ref)
{
	out->items[out->count++] = (struct action){
		.kind = ACTION_CLOSE_RELAY,
		.as.close_relay = ref,
	};
}

static void add_lookup(struct actions *out)
{
	out->items[out->count++] = (struct action){
		.kind = ACTION_LOOKUP_KEY,
		.as.lookup = { .ticket = { 2, 2 },
			       .realm = 3,
			       .name = bytes_str("alice") },
	};
}

static void message(void)
{
	answer.kind = VERDICT_CONTROL;
	from_client("message");
	e->controlled = false;
	executor_read_listener(e, 7);
	ck_assert(e->controlled);
}

static void reply_and_log(struct actions *out)
{
	struct log_record *log = &out->logs[out->log_count++];

	log_begin(log, LOG_LEVEL_INFO, "something", 0);
	add_reply(out, "first");
	out->items[out->count++] =
		(struct action){ .kind = ACTION_LOG, .as.log = log };
	add_reply(out, "second");
	/* A listener that has gone. */
	add_reply(out, "third");
	out->items[out->count - 1].as.reply.listener = 8;
}

START_TEST(replies_and_log_records)
{
	on_message = reply_and_log;
	message();
	ck_assert_str_eq(notes, "cml");
	expect(client, "first", &listener_addr);
	expect(client, "second", &listener_addr);
	ck_assert(net_is_empty(client));
}
END_TEST

static void keys_then_socket(struct actions *out, const struct turn_user *user,
			     struct bytes name)
{
	ck_assert_uint_eq(user->keys[0].md5.len, 16);
	ck_assert_uint_eq(user->keys[0].md5.bytes[15], 0x5a);
	ck_assert(bytes_equal(name, bytes_str("ALICE")));
	ck_assert_uint_eq(last_ref.index, 2);
	add_open(out, (struct ref){ 1, 1 }, 0);
}

static void say_opened(struct actions *out)
{
	add_reply(out, "opened");
}

/* An Allocate's way: keys, a socket, the answer; all within one read. */
START_TEST(lookup_then_socket_then_reply)
{
	on_message = add_lookup;
	on_keys = keys_then_socket;
	on_opened = say_opened;
	message();
	ck_assert_str_eq(notes, "cmko");
	ck_assert_ptr_nonnull(relay_set_get(&e->relays, (struct ref){ 1, 1 }));
	expect(client, "opened", &listener_addr);
}
END_TEST

static uint16_t taken_port;
static unsigned tries;

static void open_taken(struct actions *out)
{
	add_open(out, (struct ref){ 1, 1 }, taken_port);
}

static void try_again(struct actions *out)
{
	if (last_error)
		add_open(out, (struct ref){ 1, 1 },
			 ++tries < 16 ? taken_port : 0);
}

START_TEST(a_port_that_is_taken)
{
	taken_port = peer_addr.port;
	tries = 0;
	on_message = open_taken;
	on_opened = try_again;
	message();
	ck_assert_str_eq(notes, "cmOOOOOOOOOOOOOOOOo");
	ck_assert_int_eq(last_error, 0);
}
END_TEST

static void open_two_and_close(struct actions *out)
{
	add_open(out, (struct ref){ 1, 1 }, 0);
	add_close(out, (struct ref){ 1, 1 });
	add_open(out, (struct ref){ 1, 2 }, 0);
	add_lookup(out);
	add_open(out, (struct ref){ 4, 1 }, 0);
}

static void keys_and_nothing(struct actions *out, const struct turn_user *user,
			     struct bytes name)
{
	(void)out;
	(void)user;
	(void)name;
}

/* No answer is made up; what else was asked for is answered. */
START_TEST(a_later_answer_is_not_given_now)
{
	answers_later = true;
	on_message = open_two_and_close;
	message();
	ck_assert_str_eq(notes, "cmooo");
	answers_later = false;
}
END_TEST

/* In order; each question is answered once. */
START_TEST(several_questions_at_once)
{
	on_message = open_two_and_close;
	on_keys = keys_and_nothing;
	message();
	ck_assert_uint_eq(strlen(notes), 6);
	ck_assert_ptr_null(relay_set_get(&e->relays, (struct ref){ 1, 1 }));
	ck_assert_ptr_nonnull(relay_set_get(&e->relays, (struct ref){ 1, 2 }));
	ck_assert_ptr_nonnull(relay_set_get(&e->relays, (struct ref){ 4, 1 }));
}
END_TEST

static void close_it(struct actions *out)
{
	add_close(out, (struct ref){ 9, 4 });
}

/*
 * Data, then the request that ends the allocation, in one batch: the data
 * leaves first, and not from a socket that has taken the number over.
 */
START_TEST(data_before_the_end_is_sent)
{
	const struct ref ref = { 9, 4 };
	struct addr relay = open_relay(ref);
	struct verdict v = { .kind = VERDICT_TO_PEER,
			     .payload_bytes = 4,
			     .allocation = ref,
			     .to = peer_addr };

	udp_out_add(&e->out, relay_socket_fd(relay_set_get(&e->relays, ref)),
		    &v, bytes_str("data"));
	on_message = close_it;
	message();
	ck_assert_ptr_null(relay_set_get(&e->relays, ref));
	expect(peer, "data", &relay);
}
END_TEST

START_TEST(ticks_have_a_limit)
{
	ticks_left = 3;
	executor_tick(e);
	ck_assert_str_eq(notes, "tttt");
	memset(notes, 0, sizeof(notes));
	ticks_left = 1000;
	executor_tick(e);
	ck_assert_uint_lt(strlen(notes), 100);
	ck_assert_uint_gt(strlen(notes), 1);
	ticks_left = 0;
}
END_TEST

START_TEST(the_end_of_all)
{
	for (uint32_t i = 0; i < 5; i++)
		open_relay((struct ref){ i, 1 });
	ends_left = 5;
	executor_end_all(e, TURN_CAUSE_SHUTDOWN);
	ck_assert_str_eq(notes, "eeeeee");
	ck_assert_uint_eq(e->relays.count, 0);
}
END_TEST

START_TEST(the_end_of_one)
{
	for (uint32_t i = 0; i < 2; i++)
		open_relay((struct ref){ i, 1 });
	ends_left = 1;
	ck_assert(executor_end_session(e, (struct ref){ 1, 1 },
				       TURN_CAUSE_KILLED));
	ck_assert_uint_eq(e->relays.count, 1);
	ck_assert_ptr_null(relay_set_get(&e->relays, (struct ref){ 1, 1 }));
	ck_assert(!executor_end_session(e, (struct ref){ 1, 1 },
					TURN_CAUSE_KILLED));
	ck_assert_str_eq(notes, "xx");
	ck_assert_uint_eq(e->relays.count, 1);
}
END_TEST

/* --- counting -------------------------------------------------------------- */

static void begin_and_end(struct actions *out)
{
	for (uint32_t i = 98; i < 100; i++)
		out->items[out->count++] = (struct action){
			.kind = ACTION_SESSION_BEGAN,
			.as.began = { i, 1 },
		};
	out->items[out->count++] = (struct action){
		.kind = ACTION_SESSION_ENDED,
		.as.ended = { { 97, 1 }, { 1, 2, 3, 4 } },
	};
}

/* One that has ended before it could be looked at is not told of. */
START_TEST(sessions_are_accounted_for)
{
	e->usage = (struct usage *)&counters;
	answer.kind = VERDICT_CONTROL;
	on_message = begin_and_end;
	from_client("x");
	executor_read_listener(e, 7);
	ck_assert_str_eq(notes, "cmbE");
	ck_assert_uint_eq(last_ref.index, 97);
	ck_assert_uint_eq(ended_relayed.to_client_bytes, 4);
	/* Or nobody keeps accounts. */
	e->usage = NULL;
	from_client("x");
	executor_read_listener(e, 7);
	ck_assert_str_eq(notes, "cmbEcm");
}
END_TEST

START_TEST(send_errors_are_counted)
{
	const struct addr nowhere = addr_ipv4(0xffffffff, 9);

	open_relay((struct ref){ 0, 1 });
	/* A broadcast is not allowed. */
	answer = (struct verdict){ .kind = VERDICT_TO_PEER,
				   .allocation = { 0, 1 },
				   .to = nowhere };
	from_client("x");
	executor_read_listener(e, 7);
	ck_assert_uint_eq(counter_get(&counters.dropped[DROP_SEND_ERROR]), 1);
	ck_assert_uint_eq(counter_get(&counters.dropped[DROP_SEND_BUFFER]), 0);
}
END_TEST

START_TEST(kernel_drops_are_counted)
{
	static uint8_t data[60000];
	struct addr relay = open_relay((struct ref){ 0, 1 });
	uint64_t lost = 0;

	for (unsigned i = 0; i < 200; i++) {
		net_send(client, &listener_addr, data, sizeof(data));
		net_send(peer, &relay, data, sizeof(data));
	}
	while (!net_is_empty(e->listeners[7].fd))
		executor_read_listener(e, 7);
	while (!net_is_empty(e->relays.epoll_fd))
		executor_read_relays(e);
	lost = 400 - strlen(notes);
	ck_assert_uint_gt(lost, 0);
	executor_look_drops(e);
	ck_assert_uint_eq(counter_get(&counters.kernel_drops), lost);

	/* Looked at again within a second: not at all. Later: nothing new. */
	e->now.mono_ms += 999;
	executor_look_drops(e);
	e->now.mono_ms += 1;
	executor_look_drops(e);
	ck_assert_uint_eq(counter_get(&counters.kernel_drops), lost);

	/* A listener that goes is looked at a last time. */
	for (unsigned i = 0; i < 200; i++)
		net_send(client, &listener_addr, data, sizeof(data));
	executor_set_socket(e, 7, -1);
	ck_assert_uint_gt(counter_get(&counters.kernel_drops), lost);
}
END_TEST

/* As long as it is, and no further than about the present. */
static void expect_times(const struct histogram *h, uint64_t count,
			 uint64_t least_ns)
{
	ck_assert_uint_eq(histogram_count(h), count);
	ck_assert_uint_ge(counter_get(&h->sum_ns), least_ns);
	ck_assert_uint_lt(counter_get(&h->sum_ns), least_ns + 5000000000);
}

static void judged(struct actions *out)
{
	counter_add(&counters.judged, 1);
	add_reply(out, "answer");
}

static void not_judged(struct actions *out)
{
	add_reply(out, "answer");
}

START_TEST(requests_with_credentials_are_timed)
{
	on_message = not_judged;
	message();
	expect_times(&e->latencies.authentication, 0, 0);
	on_message = judged;
	message();
	expect_times(&e->latencies.authentication, 1, 1);
	answer = (struct verdict){ .kind = VERDICT_DROP };
	from_client("data");
	executor_read_listener(e, 7);
	expect_times(&e->latencies.authentication, 1, 1);
}
END_TEST

START_TEST(a_pass_is_timed_from_the_first_look_at_the_clock)
{
	executor_end_pass(e);
	expect_times(&e->latencies.pass, 0, 0);
	executor_read_clock(e);
	e->pass_began_ns -= 3000000;
	executor_read_clock(e);
	executor_end_pass(e);
	expect_times(&e->latencies.pass, 1, 3000000);
	executor_end_pass(e);
	expect_times(&e->latencies.pass, 1, 3000000);
}
END_TEST

/* The core answers by itself for a source that does not. */
START_TEST(what_nobody_answers_is_timed)
{
	executor_read_clock(e);
	tick_judges = true;
	ticks_left = 1;
	executor_tick(e);
	tick_judges = false;
	expect_times(&e->latencies.authentication, 1,
		     PENDING_TIMEOUT_MS * UINT64_C(1000000));
	ticks_left = 1;
	executor_tick(e);
	ck_assert_uint_eq(histogram_count(&e->latencies.authentication), 1);
}
END_TEST

START_TEST(the_queue_of_a_listener_is_looked_at)
{
	static uint8_t data[1000];

	ck_assert_uint_eq(e->listeners[7].room_bytes, 0);
	net_send(client, &listener_addr, data, sizeof(data));
	e->now.mono_ms += 1000;
	executor_look_drops(e);
	ck_assert_uint_ge(e->listeners[7].waiting_bytes, 1000);
	ck_assert_uint_ge(e->listeners[7].room_bytes,
			  e->listeners[7].waiting_bytes);
	executor_set_socket(e, 7, -1);
	ck_assert_uint_eq(e->listeners[7].waiting_bytes, 0);
	ck_assert_uint_eq(e->listeners[7].room_bytes, 0);
}
END_TEST

START_TEST(an_executor_that_cannot_be_made)
{
	struct turn_config config = { .limits.allocations = 1 };
	struct executor *other = calloc(1, sizeof(*other));
	unsigned before = net_count_fds();

	ck_assert_ptr_nonnull(other);
	init_fails = true;
	ck_assert_int_eq(executor_init(other, 0, NULL, &config, BUFFER_BYTES,
				       &commons, e->credentials, inboxes),
			 -EMFILE);
	init_fails = false;
	executor_fini(other);
	free(other);
	ck_assert_uint_eq(net_count_fds(), before);
}
END_TEST

/* --- credential sources: late answers, and users looked at again --------- */

static struct credentials_event *tell(enum credentials_event_kind kind)
{
	struct credentials_event *event = &events[event_count++];

	memset(event, 0, sizeof(*event));
	event->kind = kind;
	event->realm = 3;
	event->name = bytes_str("alice");
	event->answer.result = TURN_LOOKUP_FOUND;
	event->answer.name = bytes_str("ALICE");
	event->answer.user.key_count = 1;
	event->answer.user.keys[0].md5.len = 16;
	memset(event->answer.user.keys[0].md5.bytes, 0x5a, 16);
	event->ticket = (struct ref){ 2, 1 };
	return event;
}

static void late_keys(struct actions *out, const struct turn_user *user,
		      struct bytes name)
{
	(void)out;
	ck_assert_uint_eq(user->keys[0].md5.bytes[15], 0x5a);
	ck_assert(bytes_equal(name, bytes_str("ALICE")));
}

START_TEST(a_late_answer_reaches_the_core)
{
	on_keys = late_keys;
	tell(CREDENTIALS_ANSWER);
	ck_assert(!executor_read_credentials(e));
	ck_assert_str_eq(notes, "k");
	ck_assert_uint_eq(last_ref.index, 2);
}
END_TEST

static void late_and_judged(struct actions *out, const struct turn_user *user,
			    struct bytes name)
{
	late_keys(out, user, name);
	counter_add(&counters.judged, 1);
}

/* By its ticket, since it was asked; not what the core has forgotten. */
START_TEST(a_late_answer_is_timed)
{
	on_message = add_lookup;
	answers_later = true;
	message();
	answers_later = false;
	ck_assert_uint_gt(e->waiting_since_ns[2], 0);
	e->waiting_since_ns[2] -= 30000000;
	on_keys = late_keys;
	tell(CREDENTIALS_ANSWER);
	executor_read_credentials(e);
	expect_times(&e->latencies.authentication, 0, 0);
	on_keys = late_and_judged;
	tell(CREDENTIALS_ANSWER);
	executor_read_credentials(e);
	expect_times(&e->latencies.authentication, 1, 30000000);
}
END_TEST

START_TEST(a_changed_user_is_looked_at_again_if_it_has_sessions)
{
	tell(CREDENTIALS_CHANGED);
	ck_assert(!executor_read_credentials(e));
	ck_assert_uint_eq(rechecks_asked, 0);
	user_count = 1;
	sessions_to_end = 2;
	tell(CREDENTIALS_CHANGED);
	ck_assert(!executor_read_credentials(e));
	ck_assert_uint_eq(rechecks_asked, 1);
	ck_assert_str_eq(notes, "rrr");
}
END_TEST

START_TEST(the_answer_to_a_second_look_may_come_later)
{
	user_count = 1;
	answers_later = true;
	tell(CREDENTIALS_CHANGED);
	ck_assert(!executor_read_credentials(e));
	ck_assert_str_eq(notes, "");
	sessions_to_end = 1;
	tell(CREDENTIALS_RECHECK);
	ck_assert(!executor_read_credentials(e));
	ck_assert_str_eq(notes, "rr");
}
END_TEST

/* All users are gone through, not too many in one go. */
START_TEST(all_users_are_looked_at_again)
{
	unsigned turns = 1;

	user_count = 150;
	tell(CREDENTIALS_ALL_CHANGED);
	while (executor_read_credentials(e))
		turns++;
	ck_assert_uint_eq(turns, 3);
	ck_assert_uint_eq(rechecks_asked, 150);
	ck_assert(!e->recheck.running);
}
END_TEST

/* While so many answers are waited for no more is asked. */
START_TEST(second_looks_do_not_flood_the_source)
{
	user_count = 150;
	answers_later = true;
	executor_recheck_all(e);
	ck_assert(!executor_read_credentials(e));
	ck_assert_uint_eq(rechecks_asked, 64);
	ck_assert(e->recheck.running);
	tell(CREDENTIALS_RECHECK);
	tell(CREDENTIALS_RECHECK);
	ck_assert(!executor_read_credentials(e));
	ck_assert_uint_eq(rechecks_asked, 66);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("executor");
	TCase *c = tcase_create("executor");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_dropped_datagram);
	tcase_add_test(c, to_the_peer_and_back);
	tcase_add_test(c, sockets_that_are_gone);
	tcase_add_test(c, more_than_a_turn);
	tcase_add_test(c, relays_take_turns);
	tcase_add_test(c, hairpin_on_this_worker);
	tcase_add_test(c, hairpin_to_another_worker);
	tcase_add_test(c, from_the_inbox);
	tcase_add_test(c, replies_and_log_records);
	tcase_add_test(c, lookup_then_socket_then_reply);
	tcase_add_test(c, a_port_that_is_taken);
	tcase_add_test(c, several_questions_at_once);
	tcase_add_test(c, a_later_answer_is_not_given_now);
	tcase_add_test(c, data_before_the_end_is_sent);
	tcase_add_test(c, ticks_have_a_limit);
	tcase_add_test(c, the_end_of_all);
	tcase_add_test(c, the_end_of_one);
	tcase_add_test(c, sessions_are_accounted_for);
	tcase_add_test(c, send_errors_are_counted);
	tcase_add_test(c, kernel_drops_are_counted);
	tcase_add_test(c, requests_with_credentials_are_timed);
	tcase_add_test(c, a_pass_is_timed_from_the_first_look_at_the_clock);
	tcase_add_test(c, what_nobody_answers_is_timed);
	tcase_add_test(c, the_queue_of_a_listener_is_looked_at);
	tcase_add_test(c, an_executor_that_cannot_be_made);
	tcase_add_test(c, a_late_answer_reaches_the_core);
	tcase_add_test(c, a_late_answer_is_timed);
	tcase_add_test(c, a_changed_user_is_looked_at_again_if_it_has_sessions);
	tcase_add_test(c, the_answer_to_a_second_look_may_come_later);
	tcase_add_test(c, all_users_are_looked_at_again);
	tcase_add_test(c, second_looks_do_not_flood_the_source);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
