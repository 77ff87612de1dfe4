#include "ctl/access.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/crypto.h"

#define SCHEME "Bearer "
#define HTTP "http://"

/* Room for the groups of a peer; whoever has more is asked for once more. */
#define GROUPS 64

static bool is_member(const gid_t *groups, size_t count, gid_t gid)
{
	for (size_t i = 0; i < count; i++)
		if (groups[i] == gid)
			return true;
	return false;
}

static bool has_group(int fd, gid_t gid)
{
	gid_t few[GROUPS], *many;
	socklen_t len = sizeof(few);
	bool found;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, few, &len) == 0)
		return is_member(few, len / sizeof(gid_t), gid);
	/* The kernel has set how much there is. */
	if (errno != ERANGE || !(many = malloc(len)))
		return false;
	found = getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, many, &len) == 0 &&
		is_member(many, len / sizeof(gid_t), gid);
	free(many);
	return found;
}

bool access_peer(int fd, uid_t uid, gid_t gid, uid_t *peer)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return false;
	*peer = cred.uid;
	return cred.uid == 0 || cred.uid == uid || cred.gid == gid ||
	       has_group(fd, gid);
}

/* The name or address in a Host, without brackets and port. */
static bool host_name(const char *host, char *out, size_t size)
{
	bool bracket = *host == '[';
	const char *begin = host + bracket;
	size_t len = strcspn(begin, bracket ? "]" : ":");
	const char *rest = begin + len + (bracket && begin[len] == ']');

	if (len == 0 || len >= size || (bracket && begin[len] != ']'))
		return false;
	if (*rest == ':')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (*rest != '\0')
		return false;
	memcpy(out, begin, len);
	out[len] = '\0';
	return true;
}

bool access_host(const struct addr *http, const char *host)
{
	char name[ADDR_TEXT_BYTES];
	struct addr a;

	if (!host || !host_name(host, name, sizeof(name)))
		return false;
	if (!strcasecmp(name, "localhost"))
		return true;
	return addr_parse(name, &a) &&
	       (addr_is_unspecified(http) || addr_same_ip(&a, http));
}

bool access_origin(const char *host, const char *origin)
{
	return host && !strncasecmp(origin, HTTP, sizeof(HTTP) - 1) &&
	       !strcasecmp(origin + sizeof(HTTP) - 1, host);
}

bool access_is_token(const char *text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "abcdefghijklmnopqrstuvwxyz"
				      "0123456789-._~+/=";
	size_t len = strlen(text);

	return len >= ACCESS_TOKEN_MIN_BYTES && len <= ACCESS_TOKEN_MAX_BYTES &&
	       strspn(text, allowed) == len;
}

bool access_token(const char *token, const char *authorization)
{
	size_t len = strlen(token);
	const char *given;

	if (!authorization ||
	    strncasecmp(authorization, SCHEME, sizeof(SCHEME) - 1) != 0)
		return false;
	given = authorization + sizeof(SCHEME) - 1;
	return strlen(given) == len && crypto_equal(given, token, len);
}
