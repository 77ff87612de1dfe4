/*
 * The control API: what operators, their programs and the status page ask,
 * over a unix socket and over TCP.
 *
 * Belongs to the main thread and lives in its event base. A client that
 * stalls, floods or lies costs itself a refusal, and no worker anything.
 */
#ifndef TURNPIKE_CTL_CONTROL_H
#define TURNPIKE_CTL_CONTROL_H

#include <event2/event.h>
#include <sys/types.h>

#include "ctl/access.h"
#include "ctl/hooks.h"

struct control;

struct control_config {
	int socket_fd; /* a unix socket that listens, or -1 */
	uid_t uid;     /* who is let in there besides root */
	gid_t gid;
	int http_fd; /* a TCP socket that listens, or -1 */
	struct addr http;
	char token[ACCESS_TOKEN_MAX_BYTES + 1]; /* who is let in there */
};

/*
 * Serves both sockets, which become the control's, also if it fails. The
 * configuration is copied, the hooks are borrowed. Returns NULL without
 * memory.
 */
struct control *control_new(const struct control_config *config,
			    const struct control_hooks *hooks,
			    struct event_base *base);

/* Closes all connections and sockets; NULL is allowed. */
void control_free(struct control *c);

#endif
