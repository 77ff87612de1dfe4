#include "common_setup.h"

#include <inttypes.h>
#include <stdio.h>

#define WINDOW 32 /* requests in flight */
#define RETRANSMIT_MS 100
#define SETTLE_MS 50

enum step { STEP_ALLOCATE, STEP_PERMIT, STEP_BIND };

struct setup {
	enum step step;
	uint32_t next; /* the first that was not started */
	uint32_t end;
	uint32_t waiting; /* in flight */
	uint32_t done;
	uint32_t failed;
	uint16_t code; /* of the last failure */
};

/* Whether there is a request to be made of this one. */
static bool start(struct load *l, const struct setup *s, uint32_t index)
{
	struct allocation *a = &l->allocations[index];
	struct addr peer = addr_ipv4(udp_ip(&l->peer), ntohs(l->peer.sin_port));
	uint64_t now_ms = load_now_ms();

	switch (s->step) {
	case STEP_ALLOCATE:
		client_init(&a->client, &l->config);
		return !client_allocate(&a->client, 0, now_ms);
	case STEP_PERMIT:
		return !a->permitted &&
		       !client_permit(&a->client, &peer, now_ms);
	case STEP_BIND:
		return !a->bound &&
		       !client_bind(&a->client, LOAD_CHANNEL, &peer, now_ms);
	}
	return false;
}

static void take_event(struct allocation *a, struct setup *s,
		       const struct client_event *event)
{
	switch (event->type) {
	case CLIENT_ALLOCATED:
		a->relayed = udp_addr(addr_ipv4_value(&event->relayed),
				      event->relayed.port);
		break;
	case CLIENT_PERMITTED:
		a->permitted = true;
		break;
	case CLIENT_BOUND:
		a->bound = true;
		break;
	case CLIENT_FAILED:
		s->failed++;
		s->code = event->code;
		break;
	default:
		return;
	}
	a->waiting = false;
	s->waiting--;
	s->done++;
}

/* Sends what a client has to send. */
static void send_due(struct load *l, struct setup *s, uint32_t index)
{
	struct sockaddr_in from = load_client(l, index);
	uint8_t out[CLIENT_REQUEST_MAX_BYTES];
	struct client_event event;
	size_t bytes;

	bytes = client_poll(&l->allocations[index].client, load_now_ms(), out,
			    sizeof(out), &event);
	take_event(&l->allocations[index], s, &event);
	if (bytes)
		load_send(l->client_fd, &from, &l->server, out, bytes);
}

static void take_answers(struct load *l, struct setup *s)
{
	unsigned got = load_receive(l, l->client_fd);
	struct client_event event;
	struct allocation *a;
	uint32_t index;
	unsigned i;

	for (i = 0; i < got; i++) {
		index = load_destination(l, i) - udp_ip(&l->clients);
		if (index >= s->next || !load_from_server(l, i))
			continue;
		a = &l->allocations[index];
		if (!a->waiting)
			continue;
		client_receive(&a->client,
			       bytes_of(l->buffers[i], l->headers[i].msg_len),
			       load_now_ms(), &event);
		take_event(a, s, &event);
		if (a->waiting)
			send_due(l, s, index);
	}
}

static void retransmit(struct load *l, struct setup *s)
{
	uint64_t now_ms = load_now_ms();
	uint32_t i;

	for (i = 0; i < s->next; i++)
		if (l->allocations[i].waiting &&
		    client_due_ms(&l->allocations[i].client) <= now_ms)
			send_due(l, s, i);
}

/* One request each for the allocations from `next` on, WINDOW at a time. */
static void run(struct load *l, struct setup *s)
{
	uint64_t retransmit_ms = load_now_ms() + RETRANSMIT_MS;

	while (s->next < s->end || s->waiting) {
		while (s->next < s->end && s->waiting < WINDOW) {
			if (start(l, s, s->next)) {
				l->allocations[s->next].waiting = true;
				s->waiting++;
				send_due(l, s, s->next);
			}
			s->next++;
		}
		load_wait(l->client_fd, RETRANSMIT_MS);
		take_answers(l, s);
		if (load_now_ms() < retransmit_ms)
			continue;
		retransmit(l, s);
		retransmit_ms = load_now_ms() + RETRANSMIT_MS;
	}
}

static void setup(struct load *l, enum step step, uint32_t from, uint32_t end)
{
	struct setup s = { .step = step, .next = from, .end = end };
	struct cpu_sample before, after, cost;

	udp_drain(l->client_fd);
	cpu_meter_read(&l->meter, &before);
	run(l, &s);
	load_sleep_ms(SETTLE_MS);
	cpu_meter_read(&l->meter, &after);
	cost = cpu_sample_between(&before, &after);
	printf("{\"done\":%u,\"failed\":%u,\"code\":%u,\"wall_ns\":%" PRIu64
	       ",\"server_ns\":%" PRIu64 ",\"busy_ns\":%" PRIu64 "}\n",
	       s.done - s.failed, s.failed, s.code, cost.wall_ns,
	       cost.server_ns, cost.core_busy_ns);
}

static void mix(struct load *l)
{
	uint32_t i, other;
	uint16_t swap;

	for (i = 0; i < l->count; i++)
		l->order[i] = (uint16_t)i;
	for (i = l->count; i > 1; i--) {
		other = random_below(&l->random, i);
		swap = l->order[i - 1];
		l->order[i - 1] = l->order[other];
		l->order[other] = swap;
	}
}

/* Without a protocol, allocation I is where the relay's first is, plus I. */
static void pretend(struct load *l)
{
	uint16_t port = ntohs(l->relay.sin_port);
	uint32_t i;

	for (i = 0; i < l->count; i++)
		l->allocations[i].relayed =
			udp_addr(udp_ip(&l->relay), (uint16_t)(port + i));
	printf("{\"done\":%u,\"failed\":0}\n", l->count);
}

void setup_allocate(struct load *l, uint32_t count)
{
	uint32_t from = l->count;

	if (count < from || count > LOAD_ALLOCATIONS_MAX)
		load_die("cannot have %u allocations", count);
	l->count = count;
	mix(l);
	if (l->relay.sin_port)
		pretend(l);
	else
		setup(l, STEP_ALLOCATE, from, count);
}

void setup_permit(struct load *l)
{
	if (l->relay.sin_port)
		pretend(l);
	else
		setup(l, STEP_PERMIT, 0, l->count);
}

void setup_bind(struct load *l)
{
	if (l->relay.sin_port)
		pretend(l);
	else
		setup(l, STEP_BIND, 0, l->count);
}
