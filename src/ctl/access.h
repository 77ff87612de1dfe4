/*
 * Who may use the control API.
 *
 * Over the unix socket, whom the kernel vouches for: root, our own user and
 * our own group. Over TCP, who knows the token; and no page of another site
 * may speak for its visitor, so that Host and Origin have to be our own.
 */
#ifndef TURNPIKE_CTL_ACCESS_H
#define TURNPIKE_CTL_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/addr.h"

#define ACCESS_TOKEN_MIN_BYTES 16
#define ACCESS_TOKEN_MAX_BYTES 256

/*
 * Whether the peer of a unix socket is let in: root, `uid`, or a member of
 * `gid` (SO_PEERCRED, SO_PEERGROUPS: as it was when it connected). `*peer` is
 * set to who it is, if that is known.
 */
bool access_peer(int fd, uid_t uid, gid_t gid, uid_t *peer);

/*
 * Whether a Host names us: localhost or the address listened at, or where that
 * is 0.0.0.0 or :: any address, but no other name, which could be anybody's.
 * The port does not matter: it may have been forwarded.
 */
bool access_host(const struct addr *http, const char *host);

/* Whether an Origin is a page that this Host has served. */
bool access_origin(const char *host, const char *origin);

/*
 * Whether the text can be a token: ACCESS_TOKEN_MIN_BYTES to _MAX_BYTES of
 * what RFC 6750 allows in one.
 */
bool access_is_token(const char *text);

/*
 * Whether the value of Authorization is "Bearer " and the token, in a time
 * that tells nothing of it but its length.
 */
bool access_token(const char *token, const char *authorization);

#endif
