/*
 * Values of ours as JSON.
 */
#ifndef TURNPIKE_CTL_VALUES_H
#define TURNPIKE_CTL_VALUES_H

#include <jansson.h>

#include "base/addr.h"
#include "base/bytes.h"

/* All return a new reference, or NULL without memory. */

/* A text that came from outside: what is not UTF-8 in it becomes U+FFFD. */
json_t *value_text(struct bytes text);

/* "192.0.2.1:3478", without a port if that is 0. */
json_t *value_addr(const struct addr *a);

/* "2026-11-25T17:00:00Z". */
json_t *value_time(int64_t wall_s);

/* A number that never has more than 63 bits. */
json_t *value_number(uint64_t n);

/* The number, or null for 0. */
json_t *value_limit(uint64_t n);

/* A time, or null for 0. */
json_t *value_time_or_null(int64_t wall_s);

struct control_pending;

/* The options, as an array of texts. */
json_t *value_pending(const struct control_pending *pending);

/* {"packets":...,"bytes":...} */
json_t *value_traffic(uint64_t packets, uint64_t bytes);

/*
 * Writes a time as above, NUL-terminated, or the number where no calendar has
 * it. Returns `out`.
 */
#define VALUE_TIME_BYTES 32
const char *value_print_time(int64_t wall_s, char out[VALUE_TIME_BYTES]);

#endif
