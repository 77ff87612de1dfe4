/*
 * The listeners of the process, as the machine's addresses come and go and as
 * a reload wants others.
 *
 * A configured listener at 0.0.0.0 is one listener at each IPv4 address of
 * the machine: the local address is part of a client's 5-tuple, and answers
 * leave from the address that was asked. Each is a place in the core's table
 * and a group of sockets, one for each worker, which is opened completely
 * before any worker gets its own.
 *
 * A listener that the configuration names no more lingers: nothing is
 * allocated through it, and it is closed when the last allocation on it has
 * ended, on whichever worker. Belongs to the main thread.
 */
#ifndef TURNPIKE_WORKER_LISTENERS_H
#define TURNPIKE_WORKER_LISTENERS_H

#include "conf/conf.h"
#include "net/ifaddr.h"
#include "worker/worker.h"

#define LISTENERS_WORKERS_MAX 64

enum listener_state {
	LISTENER_FREE,
	LISTENER_PREPARED, /* bound for a reload that is not decided yet */
	LISTENER_OPEN,     /* bound; the workers do not have it yet */
	LISTENER_SERVING,  /* the workers have its sockets */
	LISTENER_GONE,     /* to be closed; the workers still have it */
};

struct listener_place {
	enum listener_state state;
	bool changed;         /* the workers have another `listener` */
	bool wanted;          /* by what was followed or prepared last */
	uint8_t wanted_realm; /* likewise */
	uint64_t freed; /* 0: never used; else grows with each one freed */
	struct turn_listener listener;  /* the last one, where free */
	int fds[LISTENERS_WORKERS_MAX]; /* while PREPARED or OPEN */
};

struct listeners {
	uint16_t workers; /* as the process started with */
	int buffer_bytes; /* likewise */
	/* By the configuration in force. */
	struct conf_listener wanted[CONF_LISTENERS_MAX];
	size_t wanted_count;
	uint64_t freed;
	struct listener_place places[TURN_LISTENERS_MAX];
};

/* What could not be opened. */
struct listeners_failure {
	struct addr address;
	unsigned line; /* of the configuration, where it is wanted */
	int error;     /* negative errno; 0: nothing failed */
};

/* None yet; `conf` is that of the start. */
void listeners_init(struct listeners *l, const struct conf *conf);

/* Closes what no worker has. */
void listeners_fini(struct listeners *l);

/*
 * Brings the places in line with the machine's addresses: opens what is new,
 * marks what is gone. What cannot be opened stays free, and the first failure
 * is told. Returns whether anything is to be handed over.
 */
bool listeners_follow(struct listeners *l, const struct ifaddr_list *machine,
		      struct listeners_failure *failure);

/*
 * Opens what another configuration wants and is not there, all of it or
 * nothing: the first failure is told. Nothing else changes until
 * listeners_commit(), or nothing at all with listeners_abandon().
 */
bool listeners_prepare(struct listeners *l, const struct conf *conf,
		       const struct ifaddr_list *machine,
		       struct listeners_failure *failure);
void listeners_commit(struct listeners *l, const struct conf *conf);
void listeners_abandon(struct listeners *l);

/* Gives the workers what is new or changed, and takes away what is gone. */
void listeners_hand_over(struct listeners *l, struct worker **workers);

/*
 * Marks as gone what lingers and has no allocation on any worker. Returns
 * whether anything is to be handed over.
 */
bool listeners_let_go(struct listeners *l, struct worker *const *workers);

/* How many linger, and are not gone. */
unsigned listeners_lingering(const struct listeners *l);

/*
 * Completes a policy of the configuration: own interface addresses, and the
 * sockets of all listeners that are not gone. Returns false if the machine has
 * more addresses than a policy holds; the rest is then not in it.
 */
bool listeners_policy(const struct listeners *l,
		      const struct ifaddr_list *machine, struct peer_policy *p);

/*
 * How many listeners there are, with those that are not handed over and
 * without those that linger.
 */
unsigned listeners_count(const struct listeners *l);

/* The first one at that IP address, else the first one, else NULL. */
const struct turn_listener *listeners_at(const struct listeners *l,
					 const struct addr *ip);

#endif
