/*
 * Base64 with padding, RFC 4648 section 4.
 */
#ifndef TURNPIKE_BASE_BASE64_H
#define TURNPIKE_BASE_BASE64_H

#include "base/bytes.h"

/* How many characters `bytes` bytes become. */
#define BASE64_CHARS(bytes) (((bytes) + 2) / 3 * 4)

/* Writes BASE64_CHARS(data.len) characters to `out`, not NUL-terminated. */
void base64_encode(struct bytes data, char *out);

#endif
