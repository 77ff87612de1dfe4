/*
 * The listeners of the process, as the machine's addresses come and go.
 *
 * A configured listener at 0.0.0.0 is one listener at each IPv4 address of
 * the machine: the local address is part of a client's 5-tuple, and answers
 * leave from the address that was asked. Each is a place in the core's table
 * and a group of sockets, one for each worker, which is opened completely
 * before any worker gets its own. Belongs to the main thread.
 */
#ifndef TURNPIKE_WORKER_LISTENERS_H
#define TURNPIKE_WORKER_LISTENERS_H

#include "conf/conf.h"
#include "net/ifaddr.h"
#include "worker/worker.h"

#define LISTENERS_WORKERS_MAX 64

enum listener_state {
	LISTENER_FREE,
	LISTENER_OPEN,    /* bound; the workers do not have it yet */
	LISTENER_SERVING, /* the workers have its sockets */
	LISTENER_GONE,    /* its address is gone; the workers still have it */
};

struct listener_place {
	enum listener_state state;
	uint64_t freed; /* 0: never used; else grows with each one freed */
	struct turn_listener listener;  /* the last one, where free */
	int fds[LISTENERS_WORKERS_MAX]; /* while LISTENER_OPEN */
};

struct listeners {
	const struct conf *conf; /* borrowed */
	uint64_t freed;
	struct listener_place places[TURN_LISTENERS_MAX];
};

/* What could not be opened. */
struct listeners_failure {
	struct addr address;
	int error; /* negative errno; 0: nothing failed */
};

/* None yet; `conf` is borrowed and names the number of workers. */
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

/* Gives the workers what is new and takes away what is gone. */
void listeners_hand_over(struct listeners *l, struct worker **workers);

/*
 * Completes a policy of the configuration: own interface addresses, and the
 * sockets of all listeners that are not gone. Returns false if the machine has
 * more addresses than a policy holds; the rest is then not in it.
 */
bool listeners_policy(const struct listeners *l,
		      const struct ifaddr_list *machine, struct peer_policy *p);

/* How many listeners there are, those not handed over included. */
unsigned listeners_count(const struct listeners *l);

/* The first one at that IP address, else the first one, else NULL. */
const struct turn_listener *listeners_at(const struct listeners *l,
					 const struct addr *ip);

#endif
