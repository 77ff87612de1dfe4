/*
 * Datagrams through the relay, measured.
 *
 * Up is from client to peer, as ChannelData; down is from peer to client.
 * Where `flows` is less than the allocations there are, only so many of them
 * take part (0: all). Each function prints one line of JSON.
 */
#ifndef TURNPIKE_BENCH_COMMON_RELAY_H
#define TURNPIKE_BENCH_COMMON_RELAY_H

#include "common_load.h"

/* How long a flood lasts before it is measured. */
#define RELAY_WARM_UP_MS 100

/* What happened during the measured part of a flood. */
struct relay_flood {
	struct cpu_sample cpu;
	uint64_t offered;
	uint32_t counted;
};

/* Measures a flood that was started, by the counting socket `fd`. */
void relay_measure(const struct load *l, const struct inject *in, int fd,
		   uint64_t ms, struct relay_flood *out);

/* Starts a flood; ends the program if that is not possible. */
struct inject *relay_inject(const struct inject_plan *plan);

/* Lets the next steps of this thread begin at once, where that is allowed,
 * though it shares its core with a flood; and ends that. */
void relay_take_precedence(bool on);

/*
 * A flood of datagrams with `payload_bytes`: at `rate` per second, or as fast
 * as possible if that is 0; `run` in a row of each flow. They are counted, not
 * read. Ends when the server has nothing more to send.
 */
void relay_flood(struct load *l, bool up, unsigned payload_bytes,
		 uint32_t flows, uint32_t run, uint32_t rate, uint64_t ms);

/*
 * Datagrams one by one, evenly spaced, by ordinary system calls; all are read,
 * and the time each took is measured.
 */
void relay_pace(struct load *l, bool up, unsigned payload_bytes, uint32_t flows,
		uint32_t rate, uint64_t ms);

/* `each` datagrams both ways on each allocation, few at a time. */
void relay_touch(struct load *l, uint32_t each);

#endif
