/*
 * UTF-8 (RFC 3629) in bytes that may hold anything.
 */
#ifndef TURNPIKE_BASE_UTF8_H
#define TURNPIKE_BASE_UTF8_H

#include "base/bytes.h"

/* One code point, or one byte that is not UTF-8. */
struct utf8_char {
	uint32_t value;
	size_t len;
	bool valid;
};

/*
 * The first character of `rest`, which has at least one byte. Not the
 * shortest form, surrogates and what is beyond U+10FFFF are not valid.
 */
struct utf8_char utf8_first(struct bytes rest);

/* Whether this byte is not the first of a character. */
static inline bool utf8_continues(uint8_t byte)
{
	return (byte & 0xc0) == 0x80;
}

/* Whether all of the text is valid. */
bool utf8_is_valid(struct bytes text);

#endif
