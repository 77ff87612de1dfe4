/*
 * The methods: one file and one constant each, and the table of them.
 */
#ifndef TURNPIKE_TURN_METHOD_H
#define TURNPIKE_TURN_METHOD_H

#include "turn/core.h"

struct method {
	enum stun_method number;
	bool authenticated;    /* long-term credentials are required */
	bool needs_allocation; /* 437 where the 5-tuple has none */
	/*
	 * Answers a request that has passed every general check of RFC 8489
	 * section 6.3 and 9.2.4 and RFC 8656 section 5.
	 */
	void (*handle)(struct request *r);
};

extern const struct method method_binding;
extern const struct method method_allocate;
extern const struct method method_refresh;
extern const struct method method_create_permission;
extern const struct method method_channel_bind;

/* The method of that number, or NULL. */
const struct method *method_find(uint16_t number);

/*
 * The lifetime of an Allocate or Refresh request (RFC 8656 section 7.2, 8.2):
 * what LIFETIME asks for between default and maximum, the default where it is
 * absent, 0 where it asks for 0. False if the attribute is malformed.
 */
bool method_lifetime(const struct request *r, uint32_t *lifetime_s);

/*
 * REQUESTED-ADDRESS-FAMILY or ADDITIONAL-ADDRESS-FAMILY: true with the value,
 * 0 where it is absent; false if it is malformed.
 */
bool method_family(const struct request *r, uint16_t type, uint8_t *family);

#endif
