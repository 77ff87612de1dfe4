/*
 * The target of a request, taken apart: "/v1/users/al%20ice?realm=x" is the
 * segments "v1", "users" and "al ice", and one parameter.
 *
 * Percent-decoding is strict, for a name in a path is data: what a client may
 * have meant otherwise is refused, not guessed.
 */
#ifndef TURNPIKE_CTL_QUERY_H
#define TURNPIKE_CTL_QUERY_H

#include "base/bytes.h"

#define QUERY_TARGET_MAX_BYTES 8192
#define QUERY_SEGMENTS_MAX 8
#define QUERY_PARAMETERS_MAX 16

/* Views of query.text; each is followed by a NUL and may hold others. */
struct query_parameter {
	struct bytes name;
	struct bytes value;
};

struct query {
	unsigned segment_count; /* "/" has none */
	unsigned parameter_count;
	struct bytes segments[QUERY_SEGMENTS_MAX];
	struct query_parameter parameters[QUERY_PARAMETERS_MAX];
	char text[QUERY_TARGET_MAX_BYTES + 2]; /* decoded */
};

/*
 * Reads a target in origin-form (RFC 9112 section 3.2.1). Returns false if it
 * is not that, is too long or has too many parts, or is not well encoded. In
 * parameters "+" is a blank, as forms have it.
 */
bool query_parse(struct query *q, struct bytes target);

#endif
