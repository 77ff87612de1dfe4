/*
 * A trial: a TURN server is used once over real sockets, as any client would
 * use it, and what comes of it is told in words.
 *
 * One client allocates and relays packets both ways, by indications and by
 * channel, to a socket of the caller's (the direct way), or two clients of one
 * server relay to each other (the hairpin). Nothing is left afterwards. Blocks
 * for as long as the caller has patience; not for a thread that serves.
 */
#ifndef TURNPIKE_NET_TRIAL_H
#define TURNPIKE_NET_TRIAL_H

#include "client/client.h"

#define TRIAL_PATIENCE_MS 5000

struct trial {
	struct addr server; /* where clients reach it */
	/* With what; borrowed. */
	struct client_config client;
	/* UDP sockets of the caller's that do not block. */
	int client_fd;
	int other_fd;         /* of the second client, or of the peer */
	struct addr peer;     /* where the peer's is bound; not for a hairpin */
	uint32_t patience_ms; /* for all of it; 0: TRIAL_PATIENCE_MS */
};

struct trial_result {
	bool ok;
	struct addr relayed;  /* as the server told it: ADDR_NONE until then */
	struct addr mapped;   /* how the server sees the client */
	unsigned packets;     /* relayed, both ways together */
	uint64_t allocate_ms; /* until there was an allocation */
	uint64_t took_ms;
	/* Where it is not ok: static texts. */
	const char *reason;
	const char *remedy;
	int error; /* negative errno, or STUN error code, or 0 */
};

/*
 * A socket for a trial: at that IP address, with a port from 1024 on that is
 * not one of the server's relay ports, first to last. `*local` is where it is
 * bound. Returns it, or a negative errno; -EADDRINUSE if there is no port.
 */
int trial_open_socket(const struct addr *ip, uint16_t first_port,
		      uint16_t last_port, struct random *random,
		      struct addr *local);

/* The direct way: four packets to the peer's socket and back. */
void trial_run(const struct trial *t, struct trial_result *out);

/*
 * Two allocations of the same server relay to each other, a packet each way.
 * The results are those of the first client.
 */
void trial_run_hairpin(const struct trial *t, struct trial_result *out);

#endif
