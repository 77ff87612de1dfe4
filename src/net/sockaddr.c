#include "net/sockaddr.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

socklen_t sockaddr_from_addr(const struct addr *a, union sockaddr_any *out)
{
	assert(a->family == ADDR_IPV4 || a->family == ADDR_IPV6);

	if (a->family == ADDR_IPV4) {
		out->in = (struct sockaddr_in){ .sin_family = AF_INET };
		out->in.sin_port = htons(a->port);
		memcpy(&out->in.sin_addr, a->ip, sizeof(out->in.sin_addr));
		return sizeof(out->in);
	}
	out->in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
	out->in6.sin6_port = htons(a->port);
	memcpy(&out->in6.sin6_addr, a->ip, sizeof(out->in6.sin6_addr));
	return sizeof(out->in6);
}

bool sockaddr_to_addr(const union sockaddr_any *sa, socklen_t len,
		      struct addr *out)
{
	*out = (struct addr){ .family = ADDR_NONE };
	if (len < sizeof(sa->any.sa_family))
		return false;
	if (sa->any.sa_family == AF_INET && len >= sizeof(sa->in)) {
		out->family = ADDR_IPV4;
		out->port = ntohs(sa->in.sin_port);
		memcpy(out->ip, &sa->in.sin_addr, sizeof(sa->in.sin_addr));
		return true;
	}
	if (sa->any.sa_family == AF_INET6 && len >= sizeof(sa->in6)) {
		out->family = ADDR_IPV6;
		out->port = ntohs(sa->in6.sin6_port);
		memcpy(out->ip, &sa->in6.sin6_addr, sizeof(sa->in6.sin6_addr));
		return true;
	}
	return false;
}
