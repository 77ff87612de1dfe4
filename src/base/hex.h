/*
 * Bytes as hexadecimal digits: keys in files and in stores.
 */
#ifndef TURNPIKE_BASE_HEX_H
#define TURNPIKE_BASE_HEX_H

#include "base/bytes.h"

/*
 * Reads `len` bytes from exactly 2 * `len` digits, of either case. Returns
 * false if the text is anything else; `out` may then be partly written.
 */
bool hex_decode(struct bytes text, uint8_t *out, size_t len);

/* Writes 2 * data.len digits in lower case, not NUL-terminated, to `out`. */
void hex_encode(struct bytes data, char *out);

#endif
