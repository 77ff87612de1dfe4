/*
 * The doctor: finds the failing hop before users do.
 *
 * Each examination is a function in a doctor_*.c file; it looks at one thing
 * and says what it found, what that means and what to type to mend it. Those
 * later on the way of a packet rely on what earlier ones have learned.
 */
#ifndef TURNPIKE_TURNPIKECTL_DOCTOR_H
#define TURNPIKE_TURNPIKECTL_DOCTOR_H

#include <jansson.h>

#include "base/random.h"
#include "conf/conf.h"
#include "turnpikectl/command.h"

enum finding { FINDING_OK, FINDING_WARNING, FINDING_FAILED, FINDING_COUNT };

struct doctor {
	const struct call *call;
	const char *conf_path;
	const struct conf *conf; /* NULL: it cannot be read or used */
	json_t *server;          /* /v1/server; NULL: it does not answer */
	/* Of the server, or of the configuration where it does not answer. */
	struct addr relay;     /* ADDR_NONE: not known */
	struct addr advertise; /* the same */
	uint16_t first_port;
	uint16_t last_port;
	struct crypto *crypto;
	struct random random;
	json_t *findings;
	unsigned count[FINDING_COUNT];
};

/*
 * Says what was found. `check` is a word for programs. `meaning` and `remedy`
 * may be NULL. `format` is for printf(3).
 */
void doctor_find(struct doctor *d, enum finding finding, const char *check,
		 const char *meaning, const char *remedy, const char *format,
		 ...) __attribute__((format(printf, 6, 7)));

/* The address of a listener in the server's answer; false if it has none. */
bool doctor_listener(const json_t *listener, struct addr *out);

/*
 * A UDP socket at that IP address with a port outside the relay's range, or a
 * negative errno; `*local` is where it is bound.
 */
int doctor_socket(struct doctor *d, const struct addr *ip, struct addr *local);

/* --- examinations, in this order --- */

/* doctor_server.c: the configuration, and the process. */
void doctor_configuration(struct doctor *d, const struct report *report);
void doctor_process(struct doctor *d);
void doctor_redis(struct doctor *d);

/* doctor_network.c: what packets need between the kernel and us. */
void doctor_listeners(struct doctor *d);
void doctor_relay_ports(struct doctor *d);
void doctor_advertised(struct doctor *d);

/* doctor_machine.c: what the machine grants. */
void doctor_clock(struct doctor *d);
void doctor_buffers(struct doctor *d);
void doctor_descriptors(struct doctor *d);
void doctor_conntrack(struct doctor *d);
void doctor_cloud(struct doctor *d);

/* doctor_trials.c: the server as a client meets it. */
void doctor_trials(struct doctor *d);

#endif
