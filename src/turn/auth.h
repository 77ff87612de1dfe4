/*
 * The long-term credential mechanism, RFC 8489 section 9.2.4.
 *
 * The checks come in the RFC's order and in two parts, since the key may have
 * to be looked up between them. A part that refuses has answered.
 */
#ifndef TURNPIKE_TURN_AUTH_H
#define TURNPIKE_TURN_AUTH_H

#include "turn/core.h"

/*
 * Everything that needs no key: is there integrity (401), is the request
 * whole (400), does it keep to the algorithms its nonce came with (400), is
 * the realm ours and USERHASH, if that names the user, on offer (401). Returns whether the request goes on.
 */
bool auth_before_key(struct request *r);

/*
 * Who the request says it is, as a credential source is asked. Valid after
 * auth_before_key() said yes.
 */
struct action_lookup auth_query(const struct request *r);

/*
 * Whether the allocation of the request holds the key that the request is to
 * be checked with: made for the same user and by the same algorithm. Then no
 * source need be asked.
 */
bool auth_allocation_has_key(const struct request *r);

/*
 * Whether a source may be asked for the key of the request: not while the
 * sender has been wrong too often (turn/throttle.h). If not, the request has
 * been dropped, or answered 438 where a nonce of ours is all it lacks. Valid
 * after auth_before_key() said yes.
 */
bool auth_may_ask(struct request *r);

/*
 * Everything that needs the key: is the user known (401), is the integrity
 * right (401), is the nonce valid (438). An unknown user is checked against a
 * key nobody has, so that the work is the same. `user` is NULL for an unknown
 * user. Returns whether the request has authenticated; then r->key is the
 * key, and answers are signed with it.
 */
bool auth_with_key(struct request *r, const struct turn_user *user,
		   struct bytes name);

/* The same with the key that the request's allocation holds. */
bool auth_with_allocation(struct request *r);

#endif
