/*
 * Between our address type and the kernel's socket addresses.
 *
 * No name resolution, no text: only the two binary forms.
 */
#ifndef TURNPIKE_NET_SOCKADDR_H
#define TURNPIKE_NET_SOCKADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/addr.h"

/* Room for a socket address of either family. */
union sockaddr_any {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/*
 * Writes `a`, which must be of a family, as a socket address and returns its
 * length.
 */
socklen_t sockaddr_from_addr(const struct addr *a, union sockaddr_any *out);

/*
 * Reads a socket address of `len` bytes. Returns false, with `out` of family
 * ADDR_NONE, if it is not a whole one of AF_INET or AF_INET6.
 */
bool sockaddr_to_addr(const union sockaddr_any *sa, socklen_t len,
		      struct addr *out);

#endif
