/*
 * OpaqueString (RFC 8265 section 4.2): how names, realms and passwords of the
 * configuration are prepared before a key is made of them (RFC 8489 9.2.2).
 *
 * Names from the wire are not prepared: they are compared as bytes.
 */
#ifndef TURNPIKE_BASE_OPAQUE_H
#define TURNPIKE_BASE_OPAQUE_H

#include <stddef.h>

/*
 * Prepares the NUL-terminated UTF-8 string `in` and writes the result,
 * NUL-terminated, to `out` of `size` bytes: non-ASCII spaces become U+0020,
 * then Unicode normalization form C. Returns 0; -EINVAL if `in` is empty, not
 * UTF-8 or holds a character that the FreeformClass (RFC 8264 4.3) disallows;
 * -ENOSPC if `size` does not suffice; -ENOMEM.
 */
int opaque_string(const char *in, char *out, size_t size);

#endif
