#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "worker/operator_hooks.h"
#include "worker/reload.h"
#include "worker/service.h"
#include "worker/service_state.h"

/* So many are copied at a time. */
#define SESSIONS_AT_ONCE 64

/* False once the visitor has seen enough. */
static bool visit_worker(struct worker *w, struct turn_session *some,
			 control_visit *visit, void *visitor)
{
	uint32_t cursor = 0;
	unsigned count;

	while ((count = worker_sessions(w, &cursor, some, SESSIONS_AT_ONCE)))
		for (unsigned i = 0; i < count; i++)
			if (!visit(visitor, &some[i]))
				return false;
	return true;
}

void operator_sessions(void *arg, control_visit *visit, void *visitor)
{
	struct service *s = arg;
	struct turn_session *some = calloc(SESSIONS_AT_ONCE, sizeof(*some));

	for (uint16_t i = 0; some && i < s->workers_made; i++)
		if (!visit_worker(s->workers[i], some, visit, visitor))
			break;
	free(some);
}

static void tell(struct service *s, const char *message, const char *by,
		 const struct turn_session *t)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_NOTICE, message);
	log_text(&r, "by", by);
	if (t) {
		log_addr(&r, "client", &t->client);
		log_bytes(&r, "user", bytes_of(t->user, t->user_bytes));
	}
	logger_put(s->log, &r);
}

bool operator_end_session(void *arg, const struct turn_session *session,
			  const char *by)
{
	struct service *s = arg;

	if (!worker_end_session(s->workers[session->worker],
				session->allocation, TURN_CAUSE_KILLED))
		return false;
	tell(s, "operator has ended a session", by, session);
	return true;
}

bool operator_begin_drain(void *arg, int64_t deadline_s, const char *by)
{
	struct service *s = arg;

	if (!drain_begin(s, deadline_s < 0 ? DRAIN_UNTIL_ENDED : deadline_s))
		return false;
	tell(s, "operator drains the server", by, NULL);
	return true;
}

bool operator_end_drain(void *arg, const char *by)
{
	struct service *s = arg;

	if (!s->drain.on)
		return true;
	if (!drain_end(s))
		return false;
	tell(s, "operator has ended the drain", by, NULL);
	return true;
}

static void copy_messages(const struct service *s, const struct report *report,
			  enum report_kind kind, struct control_reload *out)
{
	for (unsigned i = 0;
	     i < report->count[kind] && i < REPORT_MESSAGES_MAX &&
	     out->message_count < CONTROL_MESSAGES_MAX;
	     i++) {
		const struct report_message *m = &report->messages[kind][i];

		out->messages[out->message_count++] = (struct control_mistake){
			.file = m->is_of_other ? report->other
					       : s->options->conf_path,
			.line = m->line,
			.text = m->text,
		};
	}
}

void operator_reload(void *arg, struct control_reload *out)
{
	struct service *s = arg;
	struct operator_state *o = &s->operator_state;

	/* Kept until the next one: what is told is borrowed from it. */
	if (!o->reload)
		o->reload = malloc(sizeof(*o->reload));
	out->ok = o->reload && reload_now(s, o->reload);
	if (!o->reload)
		return;
	copy_messages(s, &o->reload->report,
		      out->ok ? REPORT_WARNING : REPORT_ERROR, out);
	operator_name_pending(&o->reload->pending, &out->pending);
}

int operator_begin_self_test(void *arg, uint8_t realm, const struct addr *peer,
			     const char *by, struct control_self_test *out)
{
	struct service *s = arg;
	const struct test_credential *t = &s->test_credential;
	int error = test_credential_begin(s, realm, peer, by);

	*out = (struct control_self_test){
		.username = t->tester.name,
		.password = t->tester.password,
		.expires_wall_s = t->expires_wall_s,
		.allocations = TESTER_ALLOCATIONS_MAX,
		.packets = TESTER_PACKETS_MAX,
	};
	return error;
}

int operator_capture_begin(void *arg, const struct addr *client,
			   uint32_t seconds)
{
	return capture_run_begin(arg, client, seconds);
}

bool operator_capture_is_there(void *arg)
{
	return capture_run_is_there(arg);
}

bool operator_capture_next(void *arg, struct control_message *out)
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

uint64_t operator_capture_end(void *arg)
{
	return capture_run_end(arg);
}
