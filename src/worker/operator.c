#include "worker/operator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "conf/control_token.h"
#include "worker/control_sockets.h"
#include "worker/operator_hooks.h"
#include "worker/service.h"
#include "worker/service_state.h"
#include "worker/start_failed.h"

#define SOCKET_FAILED "no socket for the control API"

static void hook_log(void *arg, const struct log_record *record)
{
	struct service *s = arg;

	logger_put(s->log, record);
}

void operator_init(struct operator_state *o)
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
	struct operator_state *o = &s->operator_state;
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
	ok = control_token_load(s->conf, owner, s->operator_state.config.token,
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
	struct control_config *config = &s->operator_state.config;
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
	struct operator_state *o = &s->operator_state;
	struct log_record r;

	if (o->socket_error) {
		describe_socket(&r, LOG_LEVEL_WARNING, s->conf->control.socket,
				o->socket_error);
		logger_put(s->log, &r);
	}
	o->started_wall_s = (int64_t)time(NULL);
	o->started_ms = operator_clock_ms();
	o->hooks = (struct control_hooks){
		.arg = s,
		.log = hook_log,
		.not_ready = operator_not_ready,
		.look = operator_look,
		.measure = operator_measure,
		.sessions = operator_sessions,
		.realm_name = operator_realm_name,
		.end_session = operator_end_session,
		.refusals = operator_refusals,
		.usage = operator_usage,
		.drain = operator_drain,
		.begin_drain = operator_begin_drain,
		.end_drain = operator_end_drain,
		.users = operator_users,
		.change_user = operator_change_user,
		.mint = operator_mint,
		.reload = operator_reload,
		.begin_self_test = operator_begin_self_test,
		.capture_begin = operator_capture_begin,
		.capture_is_there = operator_capture_is_there,
		.capture_next = operator_capture_next,
		.capture_end = operator_capture_end,
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
	struct operator_state *o = &s->operator_state;

	control_free(o->control);
	if (!o->control && o->config.socket_fd >= 0)
		close(o->config.socket_fd);
	if (!o->control && o->config.http_fd >= 0)
		close(o->config.http_fd);
	if (o->config.socket_fd >= 0)
		control_sockets_remove(s->conf->control.socket);
	o->control = NULL;
	free(o->reload);
	o->reload = NULL;
	operator_init(o);
	crypto_wipe(o->config.token, sizeof(o->config.token));
}
