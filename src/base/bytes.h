/*
 * A borrowed view of bytes that somebody else owns.
 *
 * A view passed to a function is valid until that call returns and no longer,
 * unless the function's contract says otherwise. The bytes may hold anything,
 * NUL included.
 */
#ifndef TURNPIKE_BASE_BYTES_H
#define TURNPIKE_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *data; /* may be NULL only where len is 0 */
	size_t len;
};

/* A view of `len` bytes at `data`. */
static inline struct bytes bytes_of(const void *data, size_t len)
{
	return (struct bytes){ .data = data, .len = len };
}

/* A view of a NUL-terminated string, the NUL not included. */
static inline struct bytes bytes_str(const char *text)
{
	return bytes_of(text, strlen(text));
}

/*
 * Whether two views hold the same bytes. Not for secrets: the time it takes
 * tells where they differ (see crypto_equal).
 */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len && (a.len == 0 || !memcmp(a.data, b.data, a.len));
}

#endif
