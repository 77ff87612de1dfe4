/*
 * What Redis has for each realm besides its users: read, compared, told.
 *
 * Read whole when the connection comes up, when it is said to have changed,
 * and from time to time. Readers hear of it the first time, and then only if
 * it is not as it was. What the server does not say stays as it was.
 */
#ifndef TURNPIKE_STORE_REDIS_REALMS_H
#define TURNPIKE_STORE_REDIS_REALMS_H

#include "store/redis_connection.h"
#include "store/redis_readers.h"

struct redis_realms;

/* All that is given is borrowed. Returns NULL without memory. */
struct redis_realms *redis_realms_new(struct redis_loop *loop,
				      struct redis_connection *connection,
				      struct redis_readers *readers);

/* Wipes and frees; NULL is allowed. */
void redis_realms_free(struct redis_realms *r);

/* Asks for one realm, or all. One that is being read is read again. */
void redis_realms_read(struct redis_realms *r, uint8_t realm);
void redis_realms_read_all(struct redis_realms *r);

/* The connection is lost, and what was asked with it. */
void redis_realms_reset(struct redis_realms *r);

/* How often something was of no use. */
uint64_t redis_realms_unusable(const struct redis_realms *r);

#endif
