#include <stdlib.h>
#include <string.h>

#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/doctor.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"

/* --- the configuration --- */

static void find_messages(struct doctor *d, const struct report *report,
			  enum report_kind kind, enum finding finding,
			  const char *meaning, const char *remedy)
{
	unsigned count = report->count[kind];

	for (unsigned i = 0; i < count && i < REPORT_MESSAGES_MAX; i++) {
		const struct report_message *m = &report->messages[kind][i];

		if (m->line > 0)
			doctor_find(d, finding, "configuration", meaning,
				    remedy, "%s:%u: %s", d->conf_path, m->line,
				    m->text);
		else
			doctor_find(d, finding, "configuration", meaning,
				    remedy, "%s: %s", d->conf_path, m->text);
	}
}

void doctor_configuration(struct doctor *d, const struct report *report)
{
	find_messages(d, report, REPORT_ERROR, FINDING_FAILED,
		      "turnpiked does not start with this file, and a reload "
		      "of it is refused",
		      "mend it, then: turnpiked --check");
	find_messages(d, report, REPORT_WARNING, FINDING_WARNING, NULL, NULL);
	if (!d->conf)
		return;
	d->relay = d->conf->turn.relay;
	d->advertise = d->conf->turn.relay_advertise;
	d->first_port = d->conf->turn.peers.relay_port_min;
	d->last_port = d->conf->turn.peers.relay_port_max;
	if (report->count[REPORT_WARNING] == 0)
		doctor_find(d, FINDING_OK, "configuration", NULL, NULL,
			    "%s has no mistake", d->conf_path);
}

/* --- the process --- */

#define PREFIX "turnpikectl: " /* of say() */

/* What was said on the way goes into the finding. */
static enum status ask_server(struct doctor *d, char **said)
{
	size_t bytes = 0;
	FILE *to = open_memstream(said, &bytes);
	enum status status;

	say_to(to);
	status = api_get(d->call, "/v1/server", &d->server);
	say_to(NULL);
	if (to)
		fclose(to);
	return status;
}

static void learn(struct doctor *d)
{
	const json_t *relay = member_at(d->server, "relay");

	addr_parse(member_text(relay, "address"), &d->relay);
	addr_parse(member_text(relay, "advertise"), &d->advertise);
	d->first_port = (uint16_t)member_number(relay, "first_port");
	d->last_port = (uint16_t)member_number(relay, "last_port");
}

static void find_pending(struct doctor *d)
{
	const json_t *list = member_at(d->server, "restart_pending");
	const json_t *option;
	size_t i;

	for (i = 0; (option = json_array_get(list, i)); i++)
		doctor_find(d, FINDING_WARNING, "restart-pending",
			    "the file says otherwise than what is in force",
			    "systemctl restart turnpiked",
			    "%s was changed and needs a restart",
			    json_string_value(option)
				    ? json_string_value(option)
				    : "an option");
}

void doctor_process(struct doctor *d)
{
	char *said = NULL, *end;
	enum status status = ask_server(d, &said);

	end = said ? strchr(said, '\n') : NULL;
	if (end)
		*end = '\0';
	if (status != STATUS_OK) {
		doctor_find(d, FINDING_FAILED, "process",
			    "nobody is relayed if turnpiked does not run; "
			    "what needs it is left out below",
			    "journalctl -u turnpiked says why it ended", "%s",
			    said && !strncmp(said, PREFIX, strlen(PREFIX))
				    ? said + strlen(PREFIX)
				    : "turnpiked cannot be reached");
		free(said);
		return;
	}
	free(said);
	learn(d);
	if (!strcmp(member_text(d->server, "state"), "draining"))
		doctor_find(d, FINDING_WARNING, "process",
			    "new clients are turned away",
			    "turnpikectl drain --end",
			    "turnpiked %s runs and drains",
			    member_text(d->server, "version"));
	else if (!member_is_true(d->server, "ready"))
		doctor_find(d, FINDING_FAILED, "process",
			    "clients are not served as they should be", NULL,
			    "turnpiked %s runs and is not ready: %s",
			    member_text(d->server, "version"),
			    member_text(d->server, "not_ready"));
	else
		doctor_find(d, FINDING_OK, "process", NULL, NULL,
			    "turnpiked %s runs and is ready",
			    member_text(d->server, "version"));
	find_pending(d);
}

/* --- where users are kept --- */

void doctor_redis(struct doctor *d)
{
	const char *state = member_text(d->server, "redis.state");

	if (!d->server || !member_is_there(d->server, "redis"))
		return;
	if (!strcmp(state, "up"))
		doctor_find(d, FINDING_OK, "redis", NULL, NULL,
			    "Redis at %s answers (%s)",
			    member_text(d->server, "redis.endpoint"),
			    member_text(d->server, "redis.mode"));
	else
		doctor_find(d, FINDING_FAILED, "redis",
			    "users that are kept there are let in only as "
			    "long as they are remembered",
			    "redis-cli -h HOST ping, and journalctl -u "
			    "turnpiked",
			    "Redis is %s, last tried at %s", state,
			    member_text(d->server, "redis.endpoint"));
}
