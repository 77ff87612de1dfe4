#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "net/trial.h"
#include "turnpikectl/api.h"
#include "turnpikectl/doctor.h"
#include "turnpikectl/member.h"

/* A credential as the server made it, and what is tried with it. */
struct treatment {
	struct doctor *doctor;
	const char *what; /* "a self-test credential" */
	const json_t *credential;
	struct addr server;
	int fds[2];
	struct addr local[2];
};

static void report(struct treatment *t, const char *way,
		   const struct trial_result *r)
{
	char at[ADDR_TEXT_BYTES], relayed[ADDR_TEXT_BYTES];

	addr_print(&t->server, at);
	if (r->ok)
		doctor_find(t->doctor, FINDING_OK, "relay", NULL, NULL,
			    "%s is relayed %s through udp %s by %s: %u packets "
			    "in %llu ms",
			    t->what, way, at, addr_print(&r->relayed, relayed),
			    r->packets, (unsigned long long)r->took_ms);
	else if (r->error > 0)
		doctor_find(t->doctor, FINDING_FAILED, "relay",
			    "clients meet the same", r->remedy,
			    "%s is not relayed %s through udp %s: %s (%d)",
			    t->what, way, at, r->reason, r->error);
	else
		doctor_find(t->doctor, FINDING_FAILED, "relay",
			    "clients meet the same", r->remedy,
			    "%s is not relayed %s through udp %s: %s", t->what,
			    way, at, r->reason);
}

static void try(struct treatment *t, bool direct)
{
	struct trial trial = {
		.server = t->server,
		.client.name =
			bytes_str(member_text(t->credential, "username")),
		.client.password =
			bytes_str(member_text(t->credential, "password")),
		.client.crypto = t->doctor->crypto,
		.client.random = &t->doctor->random,
		.client_fd = t->fds[0],
		.other_fd = t->fds[1],
		.peer = t->local[1],
	};
	struct trial_result result;

	if (direct)
		trial_run(&trial, &result);
	else
		trial_run_hairpin(&trial, &result);
	report(t, direct ? "to a peer" : "to another client", &result);
}

static bool open_sockets(struct treatment *t)
{
	t->fds[0] = doctor_socket(t->doctor, &t->server, &t->local[0]);
	t->fds[1] = doctor_socket(t->doctor, &t->doctor->relay, &t->local[1]);
	if (t->fds[0] >= 0 && t->fds[1] >= 0)
		return true;
	doctor_find(t->doctor, FINDING_WARNING, "relay",
		    "so nothing can be tried",
		    "leave some ports from 1024 on outside relay.ports",
		    "no socket could be had for a trial");
	return false;
}

static void close_sockets(struct treatment *t)
{
	for (unsigned i = 0; i < 2; i++)
		if (t->fds[i] >= 0)
			close(t->fds[i]);
}

static json_t *ask(struct treatment *t, const char *path, json_t *body,
		   unsigned *code)
{
	const struct api_request request = {
		.method = "POST",
		.path = path,
		.body = body,
	};
	struct api_answer answer = { 0 };

	if (body)
		api_ask(&t->doctor->call->common, &request, &answer);
	json_decref(body);
	*code = answer.code;
	return answer.json;
}

static void cannot_ask(struct treatment *t, const json_t *answer, unsigned code)
{
	doctor_find(t->doctor, FINDING_WARNING, "relay",
		    "so relaying with it is not tried",
		    *member_text(answer, "error.remedy")
			    ? member_text(answer, "error.remedy")
			    : NULL,
		    "the server makes no %s: %s (%u)", t->what + 2,
		    member_text(answer, "error.message"), code);
}

/* The direct way needs one more peer, which only that credential opens. */
static void try_self_test(struct treatment *t, const char *realm)
{
	char peer[ADDR_TEXT_BYTES];
	unsigned code;
	json_t *answer;

	t->what = "a self-test credential";
	answer = ask(t, "/v1/self-test",
		     json_pack("{s:s, s:s}", "peer",
			       addr_print(&t->local[1], peer), "realm", realm),
		     &code);
	t->credential = answer;
	if (code >= 200 && code < 300) {
		try(t, true);
		try(t, false);
	} else {
		cannot_ask(t, answer, code);
	}
	json_decref(answer);
}

static void try_time_limited(struct treatment *t, const char *realm)
{
	unsigned code;
	json_t *answer;

	if (member_number(t->doctor->server, "secrets") == 0)
		return;
	t->what = "a time-limited credential";
	answer = ask(t, "/v1/credentials",
		     json_pack("{s:s, s:s, s:i}", "user", "doctor", "realm",
			       realm, "lifetime_s", 60),
		     &code);
	t->credential = answer;
	if (code >= 200 && code < 300)
		try(t, false);
	else
		cannot_ask(t, answer, code);
	json_decref(answer);
}

void doctor_trials(struct doctor *d)
{
	const json_t *listener;

	/* One that drains takes nobody, and has said so. */
	if (d->relay.family != ADDR_IPV4 ||
	    !strcmp(member_text(d->server, "state"), "draining"))
		return;
	for (size_t i = 0;
	     (listener = json_array_get(member_at(d->server, "listeners"), i));
	     i++) {
		struct treatment t = { .doctor = d, .fds = { -1, -1 } };

		if (!doctor_listener(listener, &t.server))
			continue;
		if (open_sockets(&t)) {
			try_self_test(&t, member_text(listener, "realm"));
			try_time_limited(&t, member_text(listener, "realm"));
		}
		close_sockets(&t);
	}
}
