#include "common_relay.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_MS 50
#define DRAIN_STEP_MS 50
#define DRAIN_MAX_MS 15000
#define TOUCH_WINDOW 64 /* datagrams under way */
#define TOUCH_BYTES 160
#define LAG_MAX_NS 1000000 /* more than that behind is not made up for */

/* What each payload of the bench begins with. */
struct stamp {
	uint32_t magic; /* BENCH_MAGIC, network order */
	uint32_t index;
	uint64_t number;
	uint64_t sent_ns;
};

struct way {
	bool up;
	int send_fd;
	int receive_fd;
	unsigned send_header;    /* bytes before the payload that is sent */
	unsigned receive_header; /* and that is received */
	unsigned payload_bytes;
};

static struct way way_of(const struct load *l, bool up, unsigned payload_bytes)
{
	const unsigned header = CHANNEL_DATA_HEADER_BYTES;

	if (payload_bytes < sizeof(struct stamp) ||
	    payload_bytes + header > INJECT_PAYLOAD_MAX)
		load_die("no payload of %u bytes", payload_bytes);
	return (struct way){
		.up = up,
		.send_fd = up ? l->client_fd : l->peer_fd,
		.receive_fd = up ? l->peer_fd : l->client_fd,
		.send_header = up ? header : 0,
		.receive_header = up ? 0 : header,
		.payload_bytes = payload_bytes,
	};
}

static struct inject_flow flow_of(const struct load *l, const struct way *w,
				  uint32_t index)
{
	if (w->up)
		return (struct inject_flow){ load_client(l, index), l->server };
	return (struct inject_flow){ l->peer, l->allocations[index].relayed };
}

/* What is sent: ChannelData or the bare payload. Returns its size. */
static size_t build(const struct way *w, uint32_t index, uint64_t number,
		    uint8_t out[INJECT_PAYLOAD_MAX])
{
	struct stamp stamp = { .magic = htonl(BENCH_MAGIC),
			       .index = index,
			       .number = number,
			       .sent_ns = cpu_now_ns() };

	if (w->send_header)
		channel_data_header(out, LOAD_CHANNEL,
				    (uint16_t)w->payload_bytes);
	memcpy(out + w->send_header, &stamp, sizeof(stamp));
	return w->send_header + w->payload_bytes;
}

/* Whether the i-th datagram of the last load_receive() is ours, whole. */
static bool read_stamp(const struct load *l, const struct way *w, unsigned i,
		       struct stamp *out)
{
	const uint8_t *data = l->buffers[i];

	if (l->headers[i].msg_len != w->receive_header + w->payload_bytes)
		return false;
	if (w->receive_header && (wire_get_u16(data) != LOAD_CHANNEL ||
				  wire_get_u16(data + 2) != w->payload_bytes))
		return false;
	memcpy(out, data + w->receive_header, sizeof(*out));
	return out->magic == htonl(BENCH_MAGIC) && out->index < l->count;
}

static uint32_t limit_flows(const struct load *l, uint32_t flows)
{
	if (!l->count)
		load_die("no allocations");
	return flows && flows < l->count ? flows : l->count;
}

/* --- flood --------------------------------------------------------------- */

void relay_take_precedence(bool on)
{
	static int policy;
	static struct sched_param param;
	struct sched_param first = { .sched_priority = 2 };

	if (!on) {
		sched_setscheduler(0, policy, &param);
		return;
	}
	policy = sched_getscheduler(0);
	sched_getparam(0, &param);
	sched_setscheduler(0, SCHED_FIFO, &first);
}

struct inject *relay_inject(const struct inject_plan *plan)
{
	struct inject *in = inject_start(plan);

	if (!in)
		load_die("cannot inject: %s", strerror(errno));
	return in;
}

void relay_measure(const struct load *l, const struct inject *in, int fd,
		   uint64_t ms, struct relay_flood *out)
{
	struct cpu_sample before, after;
	uint64_t offered;
	uint32_t counted;

	relay_take_precedence(true);
	load_sleep_ms(RELAY_WARM_UP_MS);
	cpu_meter_read(&l->meter, &before);
	offered = inject_sent(in);
	counted = udp_counted(fd);
	load_sleep_ms(ms);
	cpu_meter_read(&l->meter, &after);
	out->offered = inject_sent(in) - offered;
	out->counted = udp_counted(fd) - counted;
	relay_take_precedence(false);
	out->cpu = cpu_sample_between(&before, &after);
}

/* Waits until the server has relayed what waited at its sockets. */
static void drain(const struct way *w)
{
	uint64_t until_ms = load_now_ms() + DRAIN_MAX_MS;
	uint32_t counted = udp_counted(w->receive_fd), last;

	do {
		last = counted;
		load_sleep_ms(DRAIN_STEP_MS);
		counted = udp_counted(w->receive_fd);
	} while (counted != last && load_now_ms() < until_ms);
}

void relay_flood(struct load *l, bool up, unsigned payload_bytes,
		 uint32_t flows, uint32_t run, uint32_t rate, uint64_t ms)
{
	static struct inject_flow list[INJECT_FLOWS_MAX];
	struct way w = way_of(l, up, payload_bytes);
	uint8_t payload[INJECT_PAYLOAD_MAX] = { 0 };
	struct inject_plan plan = { .way = l->way,
				    .core = l->core,
				    .fd = w.send_fd,
				    .flows = list,
				    .flow_count = limit_flows(l, flows),
				    .run = run,
				    .rate = rate,
				    .payload = payload };
	struct relay_flood result;
	uint32_t i, used = 0;
	struct inject *in;

	for (i = 0; i < l->count; i++)
		if (l->order[i] < plan.flow_count)
			list[used++] = flow_of(l, &w, l->order[i]);
	plan.payload_bytes = build(&w, 0, 0, payload);
	udp_drain(w.receive_fd);
	if (udp_count(w.receive_fd, w.receive_header,
		      (uint32_t)LOAD_CHANNEL << 16 | payload_bytes,
		      payload_bytes))
		load_die("cannot count");
	in = relay_inject(&plan);
	relay_measure(l, in, w.receive_fd, ms, &result);
	inject_stop(in);
	drain(&w);
	udp_count_end(w.receive_fd);
	printf("{\"offered\":%" PRIu64 ",\"delivered\":%u,\"strays\":%u,"
	       "\"wall_ns\":%" PRIu64 ",\"server_ns\":%" PRIu64
	       ",\"busy_ns\":%" PRIu64 ",\"softirq_ns\":%" PRIu64
	       ",\"steal_ns\":%" PRIu64 "}\n",
	       result.offered, result.counted, udp_drain(w.receive_fd),
	       result.cpu.wall_ns, result.cpu.server_ns,
	       result.cpu.core_busy_ns, result.cpu.core_softirq_ns,
	       result.cpu.core_steal_ns);
}

/* --- pace ---------------------------------------------------------------- */

struct pace {
	struct way way;
	uint32_t flows;
	uint64_t interval_ns;
	uint64_t from; /* number of the first that is measured */
	uint64_t end;
	struct cpu_sample before;
	uint64_t received; /* of those measured */
	uint32_t *latencies_ns;
};

static void pace_receive(struct load *l, struct pace *p)
{
	unsigned got = load_receive(l, p->way.receive_fd);
	uint64_t now_ns = cpu_now_ns();
	struct stamp stamp;
	unsigned i;

	for (i = 0; i < got; i++)
		if (read_stamp(l, &p->way, i, &stamp) &&
		    stamp.number >= p->from && p->received < p->end - p->from)
			p->latencies_ns[p->received++] =
				(uint32_t)(now_ns - stamp.sent_ns);
}

/* The next of the flows that take part, in their mixed order. */
static uint32_t next_flow(const struct load *l, const struct pace *p,
			  uint32_t *at)
{
	uint32_t index;

	do {
		index = l->order[*at];
		*at = (*at + 1) % l->count;
	} while (index >= p->flows);
	return index;
}

/* Sends one at a time and polls for what comes back. */
static void pace_run(struct load *l, struct pace *p)
{
	uint64_t number = 0, now_ns, next_ns = cpu_now_ns();
	uint8_t data[INJECT_PAYLOAD_MAX] = { 0 };
	struct inject_flow flow;
	uint32_t index, at = 0;
	size_t bytes;

	while (number < p->end) {
		pace_receive(l, p);
		now_ns = cpu_now_ns();
		if (now_ns < next_ns)
			continue;
		if (now_ns - next_ns > LAG_MAX_NS)
			next_ns = now_ns;
		next_ns += p->interval_ns;
		if (number == p->from)
			cpu_meter_read(&l->meter, &p->before);
		index = next_flow(l, p, &at);
		flow = flow_of(l, &p->way, index);
		bytes = build(&p->way, index, number, data);
		number += load_send(p->way.send_fd, &flow.from, &flow.to, data,
				    bytes);
	}
	next_ns += SETTLE_MS * LOAD_NS_PER_MS;
	while (cpu_now_ns() < next_ns)
		pace_receive(l, p);
}

static int compare_u32(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

void relay_pace(struct load *l, bool up, unsigned payload_bytes, uint32_t flows,
		uint32_t rate, uint64_t ms)
{
	uint64_t measured = (uint64_t)rate * ms / 1000;
	uint64_t warm_up = (uint64_t)rate * RELAY_WARM_UP_MS / 1000;
	struct pace p = { .way = way_of(l, up, payload_bytes),
			  .flows = limit_flows(l, flows),
			  .interval_ns = LOAD_NS_PER_S / (rate ? rate : 1),
			  .from = warm_up,
			  .end = warm_up + measured };
	struct cpu_sample after, cost;

	if (!measured)
		load_die("nothing to send");
	p.latencies_ns = calloc(measured, sizeof(*p.latencies_ns));
	if (!p.latencies_ns)
		load_die("no memory");
	udp_drain(p.way.receive_fd);
	pace_run(l, &p);
	cpu_meter_read(&l->meter, &after);
	cost = cpu_sample_between(&p.before, &after);
	qsort(p.latencies_ns, p.received, sizeof(*p.latencies_ns), compare_u32);
	printf("{\"offered\":%" PRIu64 ",\"delivered\":%" PRIu64
	       ",\"p50_ns\":%u,\"p99_ns\":%u,\"wall_ns\":%" PRIu64
	       ",\"server_ns\":%" PRIu64 ",\"busy_ns\":%" PRIu64 "}\n",
	       measured, p.received,
	       p.received ? p.latencies_ns[p.received / 2] : 0,
	       p.received ? p.latencies_ns[p.received * 99 / 100] : 0,
	       cost.wall_ns, cost.server_ns, cost.core_busy_ns);
	free(p.latencies_ns);
}

/* --- touch --------------------------------------------------------------- */

/* Returns how many came. */
static uint32_t touch_receive(struct load *l, const struct way *w)
{
	uint32_t count = 0;
	struct stamp stamp;
	unsigned got, i;

	while ((got = load_receive(l, w->receive_fd))) {
		for (i = 0; i < got; i++) {
			if (!read_stamp(l, w, i, &stamp))
				continue;
			l->allocations[stamp.index].touched++;
			count++;
		}
	}
	return count;
}

/*
 * Waits until at most `most` datagrams are under way, or none has come for
 * LOAD_ANSWER_MS: the rest is lost then.
 */
static void touch_wait(struct load *l, const struct way *w, int64_t most,
		       int64_t *under_way)
{
	uint64_t until_ms = load_now_ms() + LOAD_ANSWER_MS;
	uint32_t count;

	while (*under_way > most) {
		count = touch_receive(l, w);
		*under_way -= count;
		if (count)
			until_ms = load_now_ms() + LOAD_ANSWER_MS;
		else if (load_now_ms() < until_ms)
			load_wait(w->receive_fd, 1);
		else
			*under_way = 0;
	}
}

/* Returns how many allocations did not get `each` datagrams through. */
static uint32_t touch(struct load *l, bool up, uint32_t each)
{
	struct way w = way_of(l, up, TOUCH_BYTES);
	uint8_t data[INJECT_PAYLOAD_MAX] = { 0 };
	uint32_t i, n, missing = 0;
	struct inject_flow flow;
	int64_t under_way = 0;
	size_t bytes;

	for (i = 0; i < l->count; i++)
		l->allocations[i].touched = 0;
	udp_drain(w.receive_fd);
	for (n = 0; n < each; n++) {
		for (i = 0; i < l->count; i++) {
			flow = flow_of(l, &w, i);
			bytes = build(&w, i, n, data);
			under_way += load_send(w.send_fd, &flow.from, &flow.to,
					       data, bytes);
			touch_wait(l, &w, TOUCH_WINDOW, &under_way);
		}
	}
	touch_wait(l, &w, 0, &under_way);
	for (i = 0; i < l->count; i++)
		missing += l->allocations[i].touched < each;
	return missing;
}

void relay_touch(struct load *l, uint32_t each)
{
	uint32_t up = touch(l, true, each);
	uint32_t down = touch(l, false, each);

	printf("{\"each\":%u,\"missing_up\":%u,\"missing_down\":%u}\n", each,
	       up, down);
}
