#include "worker/startup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "conf/nonce_key.h"
#include "net/udp.h"
#include "worker/bind_failure.h"
#include "worker/privileges.h"
#include "worker/service.h"
#include "worker/start_failed.h"

/* Descriptors besides those of allocations and listeners. */
#define DESCRIPTORS_BASE 160
#define DESCRIPTORS_PER_WORKER 8
/* Listeners that a reload may add, and for which root makes room now. */
#define DESCRIPTORS_LISTENERS 16

/* How many descriptors there may have to be. */
static rlim_t descriptors_needed(const struct service *s)
{
	return (rlim_t)s->force.turn.limits.allocations + DESCRIPTORS_BASE +
	       (rlim_t)s->force.turn.worker_count *
		       (DESCRIPTORS_PER_WORKER +
			listeners_count(&s->listeners) +
			listeners_lingering(&s->listeners));
}

/* As many descriptors as are allowed; root allows itself what is needed. */
static void raise_descriptors(const struct service *s)
{
	rlim_t needed =
		descriptors_needed(s) +
		(rlim_t)s->force.turn.worker_count * DESCRIPTORS_LISTENERS;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	if (limit.rlim_max < needed) {
		struct rlimit more = { needed, needed };

		if (setrlimit(RLIMIT_NOFILE, &more) == 0)
			return;
	}
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

void startup_check_descriptors(struct service *s)
{
	rlim_t needed = descriptors_needed(s);
	struct rlimit limit;
	struct log_record r;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= needed)
		return;
	logger_begin(&r, LOG_LEVEL_WARNING,
		     "too few file descriptors for all allocations");
	log_number(&r, "allowed", limit.rlim_cur);
	log_number(&r, "needed", needed);
	log_number(&r, "allocations", s->force.turn.limits.allocations);
	log_text(&r, "remedy",
		 "raise LimitNOFILE= or ulimit -n, or lower "
		 "limits.allocations");
	logger_put(s->log, &r);
}

static bool open_addresses(struct service *s)
{
	int error = ifaddr_open(&s->addresses);

	s->addresses_open = !error;
	return !error || start_failed_because(
				 s, "cannot read the machine's addresses",
				 error, "the process needs AF_NETLINK sockets");
}

static bool open_listeners(struct service *s)
{
	struct listeners_failure failure;
	struct log_record r;

	listeners_follow(&s->listeners, &s->addresses.list, &failure);
	if (!failure.error)
		return true;
	bind_failure_describe(&r, LOG_LEVEL_ERROR, "cannot listen",
			      &failure.address, failure.error);
	return start_failed(s, SERVICE_FAILED, &r);
}

/* Whether allocations will find their address. */
static bool try_relay(struct service *s)
{
	int fd = udp_open_relay(&s->force.turn.relay,
				s->conf->relay_buffer_bytes);
	struct log_record r;

	if (fd >= 0) {
		close(fd);
		return true;
	}
	bind_failure_describe(&r, LOG_LEVEL_ERROR, "cannot use relay.address",
			      &s->force.turn.relay, fd);
	return start_failed(s, SERVICE_FAILED, &r);
}

static bool fail_with_report(struct service *s, const struct report *report)
{
	const char *text = report->messages[REPORT_ERROR][0].text;
	const char *remedy = strstr(text, "; ");
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_ERROR, "no nonce key");
	log_bytes(&r, "reason",
		  bytes_of(text,
			   remedy ? (size_t)(remedy - text) : strlen(text)));
	if (remedy)
		log_text(&r, "remedy", remedy + 2);
	return start_failed(s, SERVICE_FAILED, &r);
}

static bool load_nonce_key(struct service *s,
			   const struct privileges_user *user)
{
	struct report *report;
	bool ok;

	if (s->force.turn.nonce.current.len > 0)
		return true;
	report = malloc(sizeof(*report));
	if (!report)
		return start_failed_because(s, "no nonce key", -ENOMEM, NULL);
	report_init(report);
	ok = nonce_key_load(s->conf->state_dir, user->uid, user->gid,
			    &s->force.turn.nonce.current, report);
	if (!ok)
		fail_with_report(s, report);
	free(report);
	return ok;
}

/* Whom to become if root has started us. */
static bool find_user(struct service *s, struct privileges_user *user)
{
	int error = privileges_find(s->conf->user, user);
	struct log_record r;

	if (!error && user->uid != 0 && user->gid != 0)
		return true;
	logger_begin(&r, LOG_LEVEL_ERROR,
		     error ? "the user to run as is unknown"
			   : "the user to run as is root");
	log_text(&r, "user", s->conf->user);
	if (error && error != -ENOENT)
		log_text(&r, "reason", strerror(-error));
	log_text(&r, "remedy",
		 "make it (useradd --system turnpike), or name another one "
		 "by the option user");
	return start_failed(s, SERVICE_CONFIG, &r);
}

static bool drop(struct service *s, const struct privileges_user *user)
{
	int error = privileges_drop(user);

	return !error ||
	       start_failed_because(s, "cannot give up the privileges of root",
				    error, "start as another user than root");
}

/* Clients must never be told an address that leads nowhere. */
static bool knows_advertise(struct service *s)
{
	const struct conf_advertise *a = &s->conf->advertise;
	struct advertised found;
	struct log_record r;

	if (a->is_known)
		return true;
	logger_begin(&r, LOG_LEVEL_ERROR, "no public address to advertise yet");
	log_text(&r, "file", a->path);
	log_text(&r, "reason",
		 advertised_explain(advertised_read(a->path, &found)));
	log_text(&r, "remedy",
		 "systemctl start turnpike-address; or set relay.advertise (a "
		 "template of Azure does); or name relay.stun_servers for it");
	return start_failed(s, SERVICE_FAILED, &r);
}

bool startup_prepare(struct service *s)
{
	struct privileges_user user = { .uid = (uid_t)-1, .gid = (gid_t)-1 };
	bool root = geteuid() == 0;
	int error = privileges_harden();

	if (error)
		return start_failed_because(s, "cannot forbid core dumps",
					    error, NULL);
	if (root && !find_user(s, &user))
		return false;
	if (!knows_advertise(s) || !open_addresses(s))
		return false;
	/* Listeners need descriptors, and their number how many. */
	raise_descriptors(s);
	if (!open_listeners(s) || !try_relay(s) || !load_nonce_key(s, &user))
		return false;
	raise_descriptors(s);
	if (!operator_prepare(s, (struct kept_owner){ user.uid, user.gid }))
		return false;
	return !root || drop(s, &user);
}
