/*
 * TLS towards Redis: OpenSSL under libevent, seen here only.
 *
 * TLS 1.2 or later, and the server's certificate is always verified, its name
 * included. There is no way to turn that off.
 */
#ifndef TURNPIKE_STORE_REDIS_TLS_H
#define TURNPIKE_STORE_REDIS_TLS_H

#include <event2/bufferevent.h>
#include <stdbool.h>
#include <stddef.h>

struct redis_tls;

/*
 * Settings that trust the authorities of the PEM file `ca`, or the system's
 * for "". Returns NULL, and why in `why`, if that cannot be.
 */
struct redis_tls *redis_tls_new(const char *ca, char *why, size_t size);

/* NULL is allowed. */
void redis_tls_free(struct redis_tls *tls);

/*
 * A connection that is still to be connected, to a server whose certificate
 * must be for `name`, a host name or an address. Returns NULL without memory.
 */
struct bufferevent *redis_tls_connection(struct redis_tls *tls,
					 struct event_base *base,
					 const char *name, int options);

/*
 * Why a connection of redis_tls_connection() failed, if TLS was the reason.
 * Returns false, `out` untouched, if it was not.
 */
bool redis_tls_explain(struct bufferevent *bev, char *out, size_t size);

#endif
