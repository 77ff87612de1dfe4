#include "worker/bind_failure.h"

#include <errno.h>
#include <string.h>

#include "worker/logger.h"

const char *bind_failure_remedy(int error)
{
	switch (-error) {
	case EADDRINUSE:
		return "another program has it: ss -lunp shows which";
	case EADDRNOTAVAIL:
		return "this machine does not have that address now: "
		       "ip address shows those it has";
	case EACCES:
		return "a port below 1024 needs privilege, which is given up "
		       "after the start: start as root, or with the drop-in "
		       "privileged-port.conf";
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
	log_text(r, "remedy", bind_failure_remedy(error));
}
