#include "worker/operator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/control_token.h"
#include "config.h"
#include "worker/control_sockets.h"
#include "worker/service.h"
#include "worker/service_state.h"
#include "worker/start_failed.h"
#include "worker/telemetry.h"

#define SOCKET_FAILED "no socket for the control API"

static uint64_t clock_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- hooks --- */

static void hook_log(void *arg, const struct log_record *record)
{
	struct service *s = arg;

	logger_put(s->log, record);
}

static const char *hook_not_ready(void *arg)
{
	struct service *s = arg;

	if (s->conf->relay_is_makeshift)
		return "there is no address to relay through but loopback";
	return NULL;
}

static void look_at_realms(const struct service *s, struct control_server *out)
{
	const struct turn_config *turn = &s->force.turn;

	out->realm_count = turn->realm_count;
	for (uint8_t i = 0; i < turn->realm_count; i++)
		out->realms[i] = (struct control_realm){
			.name = turn->realms[i].name,
			.allocations = atomic_load(&s->shared.realms[i]),
			.allocations_max = turn->realms[i].allocations_max,
		};
}

static void look_at_listeners(const struct service *s,
			      struct control_server *out)
{
	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		const struct listener_place *p = &s->listeners.places[i];

		if (p->state == LISTENER_OPEN || p->state == LISTENER_SERVING)
			out->listeners[out->listener_count++] = p->listener;
	}
}

static void look_at_relay(const struct service *s, struct control_server *out)
{
	const struct turn_config *turn = &s->force.turn;

	out->relay = turn->relay;
	out->advertise = turn->relay_advertise;
	out->advertise_source = s->advertise.source;
	out->first_port = turn->peers.relay_port_min;
	out->last_port = turn->peers.relay_port_max;
	out->ports_used = atomic_load(&s->shared.ports.used) +
			  atomic_load(&s->shared.ports.reserved);
}

static void add_counters(const struct counters *c, struct control_server *out)
{
	struct counters_relayed sum = { 0 };

	counters_add_realms(c, &sum);
	out->to_peer_packets += sum.to_peer_packets;
	out->to_peer_bytes += sum.to_peer_bytes;
	out->to_client_packets += sum.to_client_packets;
	out->to_client_bytes += sum.to_client_bytes;
	out->hairpin_packets += counter_get(&c->hairpin_packets);
	out->allocations += counter_get(&c->allocations);
	out->allocations_begun += counter_get(&c->allocations_begun);
	out->kernel_drops += counter_get(&c->kernel_drops);
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		out->dropped += counter_get(&c->dropped[i]);
}

static void look_at_redis(struct service *s, struct control_server *out)
{
	struct redis_status *r = &s->operator.redis;

	if (!s->redis)
		return;
	redis_store_status(s->redis, r);
	out->redis = (struct control_redis){
		.state = redis_state_name(r->state),
		.mode = redis_mode_name(r->mode),
		.endpoint = r->endpoint,
		.since_wall_s = r->since_wall_s,
	};
}

static void hook_look(void *arg, struct control_server *out)
{
	struct service *s = arg;
	const struct in_force *f = &s->force;

	*out = (struct control_server){
		.version = PACKAGE_VERSION,
		.started_wall_s = s->operator.started_wall_s,
		.uptime_s = (clock_ms() - s->operator.started_ms) / 1000,
		.allocations_max = f->turn.limits.allocations,
		.workers = s->workers_made,
		.users_config = static_users_count(f->conf->users),
		.users_file = static_users_count(f->conf->file_users),
		.secrets = f->conf->secrets.count,
	};
	look_at_realms(s, out);
	look_at_listeners(s, out);
	look_at_relay(s, out);
	look_at_redis(s, out);
	for (uint16_t i = 0; i < s->workers_made; i++)
		add_counters(worker_counters(s->workers[i]), out);
}

static int hook_capture_begin(void *arg, const struct addr *client,
			      uint32_t seconds)
{
	return capture_run_begin(arg, client, seconds);
}

static bool hook_capture_is_there(void *arg)
{
	return capture_run_is_there(arg);
}

static bool hook_capture_next(void *arg, struct control_message *out)
{
	const struct service *s = arg;
	const struct capture_message *m = capture_run_next(arg);

	if (!m)
		return false;
	*out = (struct control_message){
		.wall_ms = m->wall_ms,
		.inbound = m->inbound,
		.client = m->client,
		.server = s->listeners.places[m->listener].listener.local,
		.datagram = bytes_of(m->data, m->bytes),
		.original_bytes = m->original_bytes,
	};
	return true;
}

static uint64_t hook_capture_end(void *arg)
{
	return capture_run_end(arg);
}

static void hook_measure(void *arg, struct metrics_snapshot *out)
{
	telemetry_measure(arg, out);
}

/* --- life --- */

void operator_init(struct operator* o)
{
	o->config.socket_fd = o->config.http_fd = -1;
}

static const char *socket_remedy(int error)
{
	if (error == -EADDRINUSE)
		return "another turnpiked serves it: give this one another "
		       "control.socket";
	if (error == -EEXIST)
		return "remove what stands there, or name another path by "
		       "control.socket";
	return "make its directory and let the server's user write to it, or "
	       "name another path by control.socket";
}

static void describe_socket(struct log_record *r, enum log_level level,
			    const char *path, int error)
{
	logger_begin(r, level, SOCKET_FAILED);
	log_text(r, "path", path);
	log_text(r, "reason", strerror(-error));
	log_text(r, "remedy", socket_remedy(error));
}

static bool open_unix(struct service *s, struct kept_owner owner)
{
	const struct conf_control *c = &s->conf->control;
	struct operator* o = & s->operator;
	struct log_record r;
	int fd;

	if (!c->socket)
		return true;
	fd = control_sockets_open_unix(c->socket, owner);
	if (fd >= 0) {
		o->config.socket_fd = fd;
		return true;
	}
	o->socket_error = fd;
	if (!c->socket_is_needed)
		return true;
	describe_socket(&r, LOG_LEVEL_ERROR, c->socket, fd);
	return start_failed(s, SERVICE_FAILED, &r);
}

static bool load_token(struct service *s, struct kept_owner owner)
{
	struct report *report = malloc(sizeof(*report));
	struct log_record r;
	bool ok;

	if (!report)
		return start_failed_because(s, "no control token", -ENOMEM,
					    NULL);
	report_init(report);
	ok = control_token_load(s->conf, owner, s->operator.config.token,
				report);
	if (!ok) {
		logger_begin(&r, LOG_LEVEL_ERROR, "no control token");
		log_text(&r, "reason", report->messages[REPORT_ERROR][0].text);
		start_failed(s, SERVICE_FAILED, &r);
	}
	free(report);
	return ok;
}

static bool open_http(struct service *s, struct kept_owner owner)
{
	struct control_config *config = &s->operator.config;
	struct log_record r;

	config->http = s->conf->control.http;
	if (config->http.family == ADDR_NONE)
		return true;
	config->http_fd = control_sockets_open_tcp(&config->http);
	if (config->http_fd >= 0)
		return load_token(s, owner);
	logger_begin(&r, LOG_LEVEL_ERROR, "cannot listen for the control API");
	log_addr(&r, "address", &config->http);
	log_text(&r, "reason", strerror(-config->http_fd));
	log_text(&r, "remedy",
		 config->http_fd == -EADDRINUSE
			 ? "another program has it (ss -ltnp shows which): set "
			   "control.http to another port, or to \"\" for none"
			 : "set control.http to an address of this machine, "
			   "or to \"\" for none");
	return start_failed(s, SERVICE_FAILED, &r);
}

bool operator_prepare(struct service *s, struct kept_owner owner)
{
	return open_unix(s, owner) && open_http(s, owner);
}

bool operator_start(struct service *s)
{
	struct operator* o = & s->operator;
	struct log_record r;

	if (o->socket_error) {
		describe_socket(&r, LOG_LEVEL_WARNING, s->conf->control.socket,
				o->socket_error);
		logger_put(s->log, &r);
	}
	o->started_wall_s = (int64_t)time(NULL);
	o->started_ms = clock_ms();
	o->hooks = (struct control_hooks){
		.arg = s,
		.log = hook_log,
		.not_ready = hook_not_ready,
		.look = hook_look,
		.measure = hook_measure,
		.capture_begin = hook_capture_begin,
		.capture_is_there = hook_capture_is_there,
		.capture_next = hook_capture_next,
		.capture_end = hook_capture_end,
	};
	o->config.uid = geteuid();
	o->config.gid = getegid();
	o->control = control_new(&o->config, &o->hooks, s->base);
	if (!o->control) {
		operator_init(o);
		return start_failed_because(s, "cannot serve the control API",
					    -ENOMEM, NULL);
	}
	return true;
}

void operator_stop(struct service *s)
{
	struct operator* o = & s->operator;

	control_free(o->control);
	if (!o->control && o->config.socket_fd >= 0)
		close(o->config.socket_fd);
	if (!o->control && o->config.http_fd >= 0)
		close(o->config.http_fd);
	if (o->config.socket_fd >= 0)
		control_sockets_remove(s->conf->control.socket);
	o->control = NULL;
	operator_init(o);
	crypto_wipe(o->config.token, sizeof(o->config.token));
}
