#include "worker/start_failed.h"

#include <string.h>

#include "worker/service.h"
#include "worker/service_state.h"

/*
 * The log may not be open yet: it has a thread, and a process gives up its
 * privileges before it has any. But one that fails needs none any more.
 */
bool start_failed(struct service *s, int exit_status,
		  const struct log_record *r)
{
	s->exit_status = exit_status;
	if (s->log || !service_open_log(s))
		logger_put(s->log, r);
	return false;
}

bool start_failed_because(struct service *s, const char *message, int error,
			  const char *remedy)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_ERROR, message);
	log_text(&r, "reason", strerror(-error));
	if (remedy)
		log_text(&r, "remedy", remedy);
	return start_failed(s, SERVICE_FAILED, &r);
}
