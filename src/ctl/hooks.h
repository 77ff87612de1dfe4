/*
 * What the control API may ask of the process, and tell it to do.
 *
 * worker/operator.c fills this in. All are called in the main thread, answer
 * within the call and wait for a worker at most while it passes its loop once.
 */
#ifndef TURNPIKE_CTL_HOOKS_H
#define TURNPIKE_CTL_HOOKS_H

#include "base/log.h"
#include "turn/config.h"

/* One look at the whole server. Texts are borrowed until the next call. */
struct control_server {
	const char *version;
	int64_t started_wall_s;
	uint64_t uptime_s;
	unsigned realm_count;
	struct control_realm {
		const char *name;
		uint32_t allocations;
		uint32_t allocations_max; /* 0: no limit of its own */
	} realms[TURN_REALMS_MAX];
	unsigned listener_count;
	struct turn_listener listeners[TURN_LISTENERS_MAX];
	struct addr relay; /* bound */
	struct addr advertise;
	const char *advertise_source;
	uint16_t first_port;
	uint16_t last_port;
	uint32_t ports_used;
	uint64_t allocations;
	uint64_t allocations_max;
	uint64_t allocations_begun;
	unsigned workers;
	uint32_t users_config;
	uint32_t users_file;
	unsigned secrets;
	uint64_t to_peer_packets;
	uint64_t to_peer_bytes;
	uint64_t to_client_packets;
	uint64_t to_client_bytes;
	uint64_t hairpin_packets;
	uint64_t dropped;
	uint64_t kernel_drops;
	struct control_redis {
		const char *state; /* NULL: no Redis is configured */
		const char *mode;
		const char *endpoint;
		int64_t since_wall_s;
	} redis;
};

/* A control message, redacted; see worker/capture.h. */
struct control_message {
	int64_t wall_ms;
	bool inbound; /* from the client */
	struct addr client;
	struct addr server;
	struct bytes datagram;
	size_t original_bytes; /* before it was cut, if it was */
};

struct metrics_snapshot;

struct control_hooks {
	void *arg; /* the first argument of each */

	void (*log)(void *arg, const struct log_record *record);

	/* Why no client should be sent here, in words, or NULL. */
	const char *(*not_ready)(void *arg);

	void (*look)(void *arg, struct control_server *out);

	/* All that metrics tell but whether it is ready. */
	void (*measure)(void *arg, struct metrics_snapshot *out);

	/*
	 * One capture at a time, of one client (of all where its family is
	 * ADDR_NONE). Begin returns 0, -EBUSY if one runs, or another negative
	 * errno. Next takes a message out, valid until the next call; false if
	 * there is none now. End returns how many messages were lost.
	 */
	int (*capture_begin)(void *arg, const struct addr *client,
			     uint32_t seconds);
	bool (*capture_is_there)(void *arg);
	bool (*capture_next)(void *arg, struct control_message *out);
	uint64_t (*capture_end)(void *arg);
};

#endif
