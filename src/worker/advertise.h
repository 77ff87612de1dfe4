/*
 * News of the public address while the server runs, where relay.advertise is
 * "auto".
 *
 * Watches the file that turnpike-address writes (discovery/advertised.h). One
 * that is gone or broken is no news: what is in force stays, with one warning.
 * Knows who has found what is in force, too. Belongs to the main thread.
 */
#ifndef TURNPIKE_WORKER_ADVERTISE_H
#define TURNPIKE_WORKER_ADVERTISE_H

#include "conf/conf.h"
#include "worker/logger.h"

/* How often it is to be looked, in case the directory was made anew. */
#define ADVERTISE_LOOK_S 60

struct advertise {
	int fd;    /* readable when something may have changed */
	int watch; /* of inotify; -1: none */
	bool is_auto;
	enum advertised_result last;          /* what was told of the file */
	char source[ADVERTISED_SOURCE_BYTES]; /* of what is in force */
	struct advertised found;
	char path[ADVERTISED_PATH_BYTES];
	struct logger *log;
};

/*
 * Begins with what the configuration says, as advertise_follow(). Returns 0 or a negative errno, and
 * is then closed.
 */
int advertise_open(struct advertise *a, const struct conf *conf,
		   struct logger *log);

/* Closed or all zero is allowed. */
void advertise_close(struct advertise *a);

/*
 * Follows a configuration that a reload has put in force. What has changed
 * since it was read shows in the next look.
 */
void advertise_follow(struct advertise *a, const struct conf *conf);

/*
 * To be called when `fd` is readable, and every ADVERTISE_LOOK_S. What the file
 * says, or NULL if it is not to be followed or says nothing.
 */
const struct advertised *advertise_look(struct advertise *a);

/* That what the file says is in force now. */
void advertise_taken(struct advertise *a);

#endif
