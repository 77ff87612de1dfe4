#include "worker/reload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/machine.h"
#include "worker/service.h"
#include "worker/startup.h"
#include "worker/watch.h"

static bool refuse(struct service *s, struct reload_result *out, int error)
{
	report_init(&out->report);
	report_error(&out->report, 0, "the machine cannot be looked at: %s",
		     strerror(-error));
	out->ok = false;
	out->pending = s->force.pending;
	in_force_log_report(s->log, LOG_LEVEL_ERROR, "reload refused",
			    s->options->conf_path, &out->report, REPORT_ERROR);
	return false;
}

bool reload_now(struct service *s, struct reload_result *out)
{
	struct conf_machine *machine = malloc(sizeof(*machine));
	int error = machine ? machine_look(machine) : -ENOMEM;

	if (error)
		refuse(s, out, error);
	else
		in_force_reload(&s->force, s->options->conf_path, machine, out);
	free(machine);
	if (!out->ok)
		return false;
	advertise_follow(&s->advertise, s->force.conf);
	watch_advertise(s);
	startup_check_descriptors(s);
	watch_let_go(s);
	watch_tell_status(s);
	return true;
}
