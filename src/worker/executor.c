#include "worker/executor.h"

#include <assert.h>
#include <time.h>
#include <unistd.h>

#include "net/udp.h"
#include "turn/session.h"

/* Messages that the relay sockets together, or the inbox, get in a turn. */
#define RELAY_TURN 2048
#define INBOX_TURN 256
/* Things that are done when due, before packets get their turn. */
#define TICKS 64
/* Events of the credential sources, and users looked at again, in a turn. */
#define EVENTS_TURN 64
#define RECHECKS_TURN 64
/* Of these, answers that are waited for at a time. */
#define RECHECKS_WAITING_MAX 64
/* How often drops are looked at. */
#define LOOK_MS 1000

/* An answer to an action, to be given to the core as its next input. */
struct answer {
	enum action_kind kind;
	struct ref ticket;
	int error;                 /* ACTION_OPEN_RELAY */
	struct store_answer found; /* ACTION_LOOKUP_KEY */
};

/* Answers waiting; each is taken before its own actions add more. */
struct answers {
	unsigned count;
	struct answer items[2 * ACTIONS_MAX];
};

int executor_init(struct executor *e, uint16_t number, struct turn_server *core,
		  const struct turn_config *config, int relay_buffer_bytes,
		  const struct worker_commons *commons,
		  struct credentials *credentials, struct inbox **inboxes)
{
	int err;

	e->counters = turn_counters(core);
	e->log = commons->log;
	e->refusals = commons->refusals;
	e->usage = commons->usage;
	e->credentials = credentials;
	e->worker = number;
	e->inboxes = inboxes;
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		e->listeners[i].fd = -1;
	udp_out_init(&e->out);
	err = udp_in_init(&e->in);
	if (err)
		return err;
	err = relay_set_init(&e->relays, config->limits.allocations,
			     &config->relay, relay_buffer_bytes);
	if (err) {
		udp_in_fini(&e->in);
		return err;
	}
	e->core = core;
	return 0;
}

void executor_fini(struct executor *e)
{
	if (!e->core)
		return;
	for (uint16_t i = 0; i < TURN_LISTENERS_MAX; i++)
		executor_set_socket(e, i, -1);
	relay_set_fini(&e->relays);
	udp_in_fini(&e->in);
}

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

void executor_read_clock(struct executor *e)
{
	uint64_t now_ns = clock_ns();
	struct timespec t;

	if (!e->pass_began_ns)
		e->pass_began_ns = now_ns;
	e->now.mono_ms = now_ns / 1000000;
	/* Seconds are enough here, and the coarse clock costs less. */
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	e->now.wall_s = t.tv_sec;
}

void executor_end_pass(struct executor *e)
{
	if (e->pass_began_ns)
		histogram_add(&e->latencies.pass,
			      clock_ns() - e->pass_began_ns);
	e->pass_began_ns = 0;
}

/* Counts the time of a request if that was judged by its credentials. */
static void count_time(struct executor *e, uint64_t judged_before,
		       uint64_t since_ns)
{
	if (counter_get(&e->counters->judged) != judged_before)
		histogram_add(&e->latencies.authentication,
			      clock_ns() - since_ns);
}

/* Sends what is ready, and gives back what it was made of. */
static void flush(struct executor *e)
{
	struct udp_out *out = &e->out;

	udp_out_flush(out);
	if (out->lost_buffer_full | out->lost_error) {
		counter_add(&e->counters->dropped[DROP_SEND_BUFFER],
			    out->lost_buffer_full);
		counter_add(&e->counters->dropped[DROP_SEND_ERROR],
			    out->lost_error);
		out->lost_buffer_full = 0;
		out->lost_error = 0;
	}
	for (unsigned i = 0; i < TURN_WORKERS_MAX / 64; i++) {
		for (; e->to_wake[i]; e->to_wake[i] &= e->to_wake[i] - 1) {
			int bit = __builtin_ctzll(e->to_wake[i]);

			inbox_wake(e->inboxes[i * 64 + (unsigned)bit]);
		}
	}
	udp_in_clear(&e->in);
}

static void look_drops(struct executor *e, struct executor_listener *l)
{
	struct udp_look look;

	udp_look(l->fd, &look);
	counter_add(&e->counters->kernel_drops, look.drops - l->drops);
	l->drops = look.drops;
	atomic_store_explicit(&l->waiting_bytes, look.waiting_bytes,
			      memory_order_relaxed);
	atomic_store_explicit(&l->room_bytes, look.room_bytes,
			      memory_order_relaxed);
}

void executor_look_drops(struct executor *e)
{
	if (e->now.mono_ms - e->looked_ms < LOOK_MS)
		return;
	e->looked_ms = e->now.mono_ms;
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++)
		if (e->listeners[i].fd >= 0)
			look_drops(e, &e->listeners[i]);
	relay_set_look_drops(&e->relays);
	counter_add(&e->counters->kernel_drops,
		    e->relays.drops - e->relay_drops);
	e->relay_drops = e->relays.drops;
}

void executor_set_socket(struct executor *e, uint16_t listener, int fd)
{
	struct executor_listener *l = &e->listeners[listener];

	if (l->fd >= 0) {
		udp_out_flush(&e->out);
		look_drops(e, l);
		close(l->fd);
	}
	l->fd = fd;
	l->drops = 0;
	atomic_store_explicit(&l->waiting_bytes, 0, memory_order_relaxed);
	atomic_store_explicit(&l->room_bytes, 0, memory_order_relaxed);
}

static struct answer *new_answer(struct answers *answers, enum action_kind kind,
				 struct ref ticket)
{
	struct answer *a;

	assert(answers->count <
	       sizeof(answers->items) / sizeof(answers->items[0]));
	a = &answers->items[answers->count++];
	a->kind = kind;
	a->ticket = ticket;
	return a;
}

/* What is not answered at once comes with executor_read_credentials(). */
static void look_up(struct executor *e, const struct action_lookup *lookup,
		    struct answers *answers)
{
	const struct store_query query = {
		.realm = lookup->realm,
		.by_hash = lookup->by_hash,
		.name = lookup->name,
		.now = &e->now,
		.ticket = lookup->ticket,
	};
	struct answer *a =
		new_answer(answers, ACTION_LOOKUP_KEY, lookup->ticket);

	if (credentials_look_up(e->credentials, &query, &a->found))
		return;
	answers->count--;
	assert(lookup->ticket.index < PENDING_MAX);
	e->waiting_since_ns[lookup->ticket.index] = e->arrived_ns;
}

/* A message between a client and us that somebody may want to see. */
static void look(struct executor *e, bool inbound, uint16_t listener,
		 const struct addr *client, struct bytes message)
{
	if (e->capture)
		capture_put(e->capture, &e->now, inbound, listener, client,
			    message);
}

static void tell_began(struct executor *e, struct ref allocation)
{
	struct turn_session session;

	if (e->usage && turn_find_session(e->core, allocation, &session))
		usage_began(e->usage, &e->now, &session);
}

static void carry_out(struct executor *e, const struct action *a,
		      struct answers *answers)
{
	const struct action_open_relay *open = &a->as.open_relay;
	const struct action_reply *reply = &a->as.reply;

	switch (a->kind) {
	case ACTION_REPLY:
		look(e, false, reply->listener, &reply->to, reply->message);
		if (e->listeners[reply->listener].fd >= 0)
			udp_out_copy(&e->out, e->listeners[reply->listener].fd,
				     &reply->to, reply->message);
		break;
	case ACTION_LOOKUP_KEY:
		look_up(e, &a->as.lookup, answers);
		break;
	case ACTION_OPEN_RELAY:
		new_answer(answers, ACTION_OPEN_RELAY, open->allocation)
			->error = relay_set_open(&e->relays, open->allocation,
						 open->port);
		break;
	case ACTION_CLOSE_RELAY:
		/* What the allocation has sent before leaves before. */
		udp_out_flush(&e->out);
		relay_set_close(&e->relays, a->as.close_relay);
		break;
	case ACTION_LOG:
		logger_put(e->log, a->as.log);
		break;
	case ACTION_SESSION_BEGAN:
		tell_began(e, a->as.began);
		break;
	case ACTION_SESSION_ENDED:
		if (e->usage)
			usage_ended(e->usage, &e->now, e->worker,
				    a->as.ended.allocation,
				    &a->as.ended.traffic);
		break;
	case ACTION_REFUSED:
		refusals_put(e->refusals, a->as.refused);
		break;
	}
}

static void give_answer(struct executor *e, struct answer *a)
{
	if (a->kind == ACTION_OPEN_RELAY) {
		turn_relay_opened(e->core, &e->now, a->ticket, a->error,
				  &e->actions);
		return;
	}
	turn_key_ready(e->core, &e->now, a->ticket, a->found.result,
		       &a->found.user, a->found.name, &e->actions);
	crypto_wipe(a->found.user.keys,
		    a->found.user.key_count * sizeof(a->found.user.keys[0]));
}

/*
 * Carries out the actions of an input and of all that follows from them. A
 * list is carried out whole before an answer replaces it. The core bounds the
 * chain: it tries so many ports and no more.
 */
static void carry_out_all(struct executor *e)
{
	struct answers answers;

	e->controlled = true;
	answers.count = 0;
	for (;;) {
		for (unsigned i = 0; i < e->actions.count; i++)
			carry_out(e, &e->actions.items[i], &answers);
		actions_clear(&e->actions);
		if (answers.count == 0)
			return;
		give_answer(e, &answers.items[--answers.count]);
	}
}

static void to_client(struct executor *e, const struct verdict *v,
		      struct bytes data)
{
	int fd = e->listeners[v->listener].fd;

	if (fd >= 0)
		udp_out_add(&e->out, fd, v, data);
}

static void to_peer(struct executor *e, const struct verdict *v,
		    struct bytes data)
{
	const struct relay_socket *socket =
		relay_set_get(&e->relays, v->allocation);

	if (socket)
		udp_out_add(&e->out, relay_socket_fd(socket), v, data);
}

/* To an allocation of this worker: the core judges it as from a peer. */
static void hairpin_here(struct executor *e, struct ref allocation,
			 const struct datagram *d)
{
	struct verdict v;

	turn_from_hairpin(e->core, &e->now, allocation, d, &v);
	if (v.kind == VERDICT_TO_CLIENT)
		to_client(e, &v, d->data);
}

static void hairpin(struct executor *e, const struct verdict *v,
		    struct bytes data)
{
	const struct datagram d = {
		.data = bytes_of(data.data + v->skip_bytes, v->payload_bytes),
		.source = v->from,
		.tos = v->tos,
	};

	if (v->worker == e->worker)
		hairpin_here(e, v->allocation, &d);
	else if (inbox_put(e->inboxes[v->worker], v->allocation, &v->from,
			   v->tos, d.data))
		e->to_wake[v->worker / 64] |= (uint64_t)1 << v->worker % 64;
	else
		counter_add(&e->counters->dropped[DROP_HAIRPIN_FULL], 1);
}

static void control(struct executor *e, const struct datagram *d)
{
	uint64_t judged = counter_get(&e->counters->judged);

	e->arrived_ns = clock_ns();
	turn_message(e->core, &e->now, d, &e->actions);
	carry_out_all(e);
	count_time(e, judged, e->arrived_ns);
}

static void from_client(struct executor *e, const struct datagram *d)
{
	struct verdict *v = &e->verdict;

	turn_from_client(e->core, &e->now, d, v);
	switch (v->kind) {
	case VERDICT_DROP:
		look(e, true, d->listener, &d->source, d->data);
		break;
	case VERDICT_CONTROL:
		look(e, true, d->listener, &d->source, d->data);
		control(e, d);
		break;
	case VERDICT_TO_PEER:
		to_peer(e, v, d->data);
		break;
	case VERDICT_TO_CLIENT:
		to_client(e, v, d->data);
		break;
	case VERDICT_HAIRPIN:
		hairpin(e, v, d->data);
		break;
	}
}

static void from_peer(struct executor *e, struct ref allocation,
		      const struct datagram *d)
{
	struct verdict *v = &e->verdict;

	turn_from_peer(e->core, &e->now, allocation, d, v);
	if (v->kind == VERDICT_TO_CLIENT)
		to_client(e, v, d->data);
}

/*
 * Reads from a socket into the batch, whose first read is when its time is.
 * An error that the socket had to report is not the socket's end.
 */
static int read_socket(struct executor *e, int fd, unsigned most)
{
	bool first = e->in.used == 0;
	int n = udp_in_read(&e->in, fd, most);

	if (n > 0 && first)
		executor_read_clock(e);
	return n;
}

void executor_read_listener(struct executor *e, uint16_t listener)
{
	struct executor_listener *l = &e->listeners[listener];
	struct datagram d = { .listener = listener };
	int n = read_socket(e, l->fd, UDP_IN_MESSAGES);
	struct udp_in_message m;

	for (int i = 0; i < n; i++) {
		udp_in_open(&e->in, (unsigned)i, &m);
		d.source = m.source;
		d.tos = m.tos;
		while (udp_in_next(&m, &d.data))
			from_client(e, &d);
	}
	flush(e);
}

/* Takes what a read added to the batch. */
static void take_from_relay(struct executor *e, struct ref allocation,
			    unsigned count)
{
	struct udp_in_message m;
	struct datagram d;

	for (unsigned i = e->in.used - count; i < e->in.used; i++) {
		udp_in_open(&e->in, i, &m);
		d.source = m.source;
		d.tos = m.tos;
		d.listener = 0;
		while (udp_in_next(&m, &d.data))
			from_peer(e, allocation, &d);
	}
}

/*
 * Reads a relay socket that is ready until it is empty or had its share; in
 * the latter case it gets another turn.
 */
static void read_relay(struct executor *e, struct ref allocation,
		       unsigned share)
{
	struct relay_socket *socket = relay_set_get(&e->relays, allocation);

	if (!socket)
		return;
	while (share > 0) {
		unsigned most = udp_in_room(&e->in);
		int n;

		if (most > share)
			most = share;
		n = read_socket(e, relay_socket_fd(socket), most);
		if (n > 0)
			take_from_relay(e, allocation, (unsigned)n);
		if (udp_in_room(&e->in) == 0)
			flush(e);
		if (n >= 0 && (unsigned)n < most)
			return;
		share -= n > 0 ? (unsigned)n : 1;
	}
	relay_set_again(&e->relays, allocation);
}

bool executor_read_relays(struct executor *e)
{
	struct ref ready[RELAY_SET_READY_MAX];
	unsigned n = relay_set_ready(&e->relays, ready);

	for (unsigned i = 0; i < n; i++)
		read_relay(e, ready[i], RELAY_TURN / n);
	flush(e);
	return n == RELAY_SET_READY_MAX;
}

bool executor_read_inbox(struct executor *e)
{
	struct inbox *b = e->inboxes[e->worker];
	const struct inbox_datagram *in = inbox_peek(b, 0);
	uint32_t taken;

	if (!in)
		return false;
	executor_read_clock(e);
	for (taken = 0; in && taken < INBOX_TURN; in = inbox_peek(b, taken)) {
		const struct datagram d = {
			.data = bytes_of(in->data, in->bytes),
			.source = in->from,
			.tos = in->tos,
		};

		hairpin_here(e, in->allocation, &d);
		taken++;
	}
	flush(e);
	for (uint32_t i = 0; i < taken; i++)
		inbox_release(b);
	return in != NULL;
}

/* Ends what the answer does not admit. `name` outlives what it names. */
static void recheck_user(struct executor *e, uint8_t realm, struct bytes name,
			 const struct store_answer *answer)
{
	while (turn_recheck(e->core, &e->now, realm, name, answer->result,
			    &answer->user, &e->actions))
		carry_out_all(e);
}

/* Asks who the user is now; the answer may come later. */
static void ask_again(struct executor *e, uint8_t realm, struct bytes name)
{
	uint8_t copy[STUN_USERNAME_MAX_BYTES];
	struct store_query query = {
		.realm = realm,
		.recheck = true,
		.name = bytes_of(copy, name.len),
		.now = &e->now,
	};
	struct store_answer answer;

	assert(name.len <= sizeof(copy));
	if (name.len)
		memcpy(copy, name.data, name.len);
	if (!credentials_look_up(e->credentials, &query, &answer)) {
		e->recheck.waiting++;
		return;
	}
	recheck_user(e, realm, query.name, &answer);
	store_answer_wipe(&answer);
}

void executor_recheck_all(struct executor *e)
{
	e->recheck = (struct recheck){ .running = true };
}

/* Goes on with the walk; returns whether it could go on at once. */
static bool walk_users(struct executor *e)
{
	struct recheck *r = &e->recheck;
	struct bytes name;
	uint8_t realm;

	/* Not more questions than the source takes in one go. */
	for (int i = 0; i < RECHECKS_TURN && r->running &&
			r->waiting < RECHECKS_WAITING_MAX;
	     i++) {
		r->running = turn_next_user(e->core, &r->cursor, &realm, &name);
		if (r->running)
			ask_again(e, realm, name);
	}
	return r->running && r->waiting < RECHECKS_WAITING_MAX;
}

/* What the core asked for long ago it has forgotten, and does not judge. */
static void take_answer(struct executor *e, struct credentials_event *event)
{
	uint64_t judged = counter_get(&e->counters->judged);

	turn_key_ready(e->core, &e->now, event->ticket, event->answer.result,
		       &event->answer.user, event->answer.name, &e->actions);
	carry_out_all(e);
	assert(event->ticket.index < PENDING_MAX);
	count_time(e, judged, e->waiting_since_ns[event->ticket.index]);
	store_answer_wipe(&event->answer);
}

static void take_event(struct executor *e, struct credentials_event *event)
{
	switch (event->kind) {
	case CREDENTIALS_ANSWER:
		take_answer(e, event);
		break;
	case CREDENTIALS_RECHECK:
		if (e->recheck.waiting > 0)
			e->recheck.waiting--;
		recheck_user(e, event->realm, event->name, &event->answer);
		store_answer_wipe(&event->answer);
		break;
	case CREDENTIALS_CHANGED:
		if (turn_has_user(e->core, event->realm, event->name))
			ask_again(e, event->realm, event->name);
		break;
	case CREDENTIALS_ALL_CHANGED:
		executor_recheck_all(e);
		break;
	}
}

bool executor_read_credentials(struct executor *e)
{
	struct credentials_event *event = &e->event;
	bool more = true;

	executor_read_clock(e);
	for (int i = 0; i < EVENTS_TURN && more; i++) {
		more = credentials_next(e->credentials, &e->now, event);
		if (more)
			take_event(e, event);
	}
	if (walk_users(e))
		more = true;
	flush(e);
	return more;
}

void executor_tick(struct executor *e)
{
	for (int i = 0; i < TICKS; i++) {
		uint64_t judged = counter_get(&e->counters->judged);

		if (!turn_tick(e->core, &e->now, &e->actions))
			break;
		carry_out_all(e);
		/* That is a request which nobody has answered for. */
		count_time(e, judged,
			   (e->now.mono_ms - PENDING_TIMEOUT_MS) * 1000000);
	}
	flush(e);
}

bool executor_end_session(struct executor *e, struct ref allocation,
			  enum turn_cause cause)
{
	bool ended;

	executor_read_clock(e);
	ended = turn_end_session(e->core, &e->now, allocation, cause,
				 &e->actions);
	carry_out_all(e);
	flush(e);
	return ended;
}

void executor_end_all(struct executor *e, enum turn_cause cause)
{
	executor_read_clock(e);
	while (turn_end_next(e->core, &e->now, cause, &e->actions))
		carry_out_all(e);
	flush(e);
}
