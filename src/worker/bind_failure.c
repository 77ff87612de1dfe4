#include "worker/bind_failure.h"

#include <errno.h>
#include <string.h>

#include "worker/logger.h"

/* Why a socket cannot be bound, and what helps. */
static const char *remedy_of(int error)
{
	switch (-error) {
	case EADDRINUSE:
		return "another program has it: ss -lunp shows which";
	case EADDRNOTAVAIL:
		return "this machine does not have that address now: "
		       "ip address shows those it has";
	case EACCES:
		return "a port below 1024 needs privilege: start as root, or "
		       "with the drop-in privileged-port.conf";
	case EMFILE:
		return "raise LimitNOFILE= or ulimit -n";
	case ENOSPC:
		return "fewer listeners, or fewer addresses than "
		       "0.0.0.0 stands for";
	default:
		return "see turnpiked(8)";
	}
}

void bind_failure_describe(struct log_record *r, enum log_level level,
			   const char *message, const struct addr *address,
			   int error)
{
	logger_begin(r, level, message);
	log_addr(r, "address", address);
	log_text(r, "reason", strerror(-error));
	log_text(r, "remedy", remedy_of(error));
}
