/*
 * A flood of datagrams, each on its own, from one thread.
 *
 * Two ways. With "frames" the kernel itself plays the network card: a small
 * XDP program run over live frames (BPF_PROG_TEST_RUN, Linux 5.18) stamps
 * addresses from a table into copies of one prepared frame and passes them up
 * the receive path of the loopback device, some 64 at a time, as a driver
 * does. Each frame is a datagram of its own: nothing is merged or segmented on
 * the way. That costs this thread about a third of a system call's way, so
 * that one core can offer more than a server on another can take. It needs
 * root and the settings of tests/bench/run. The other way is sendmmsg().
 *
 * Datagrams are offered at a rate (evenly spaced; what could not be offered in
 * time is left out, never made up for in a burst of more than 1 ms), or as
 * fast as possible.
 */
#ifndef TURNPIKE_BENCH_COMMON_INJECT_H
#define TURNPIKE_BENCH_COMMON_INJECT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define INJECT_FLOWS_MAX 8192
#define INJECT_PAYLOAD_MAX 1400

enum inject_way { INJECT_FRAMES, INJECT_SOCKET };

struct inject_flow {
	struct sockaddr_in from;
	struct sockaddr_in to;
};

struct inject_plan {
	enum inject_way way;
	int core; /* where the thread runs */
	int fd;   /* INJECT_SOCKET: bound to the flows' source port */
	/* The order in which flows take turns; at most INJECT_FLOWS_MAX. */
	const struct inject_flow *flows;
	uint32_t flow_count;
	uint32_t run;  /* datagrams of a flow in a row; at least 1 */
	uint32_t rate; /* datagrams per second; 0: as fast as possible */
	const uint8_t *payload;
	size_t payload_bytes;
};

struct inject;

/*
 * Starts the flood. Flows and payload are copied. Returns NULL with errno set
 * if it cannot be done that way.
 */
struct inject *inject_start(const struct inject_plan *plan);

/* Datagrams offered so far. */
uint64_t inject_sent(const struct inject *in);

/* Ends the flood and frees it. */
void inject_stop(struct inject *in);

#endif
