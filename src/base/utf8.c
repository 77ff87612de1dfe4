#include "base/utf8.h"

/* The length of a character by its first byte, 0 if it is none. */
static size_t len_of(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

static bool is_forbidden(uint32_t value, size_t len)
{
	return (len == 3 && value < 0x800) || (len == 4 && value < 0x10000) ||
	       (value >= 0xd800 && value <= 0xdfff) || value > 0x10ffff;
}

struct utf8_char utf8_first(struct bytes rest)
{
	struct utf8_char bad = { .value = rest.data[0], .len = 1 };
	size_t len = len_of(rest.data[0]);
	uint32_t value;

	if (len == 0 || len > rest.len)
		return bad;
	value = len == 1 ? rest.data[0] : rest.data[0] & (0xffU >> (len + 1));
	for (size_t i = 1; i < len; i++) {
		if (!utf8_continues(rest.data[i]))
			return bad;
		value = value << 6 | (rest.data[i] & 0x3f);
	}
	if (is_forbidden(value, len))
		return bad;
	return (struct utf8_char){ .value = value, .len = len, .valid = true };
}

/* How many bytes of ASCII the text begins with. */
static size_t ascii_len(struct bytes text)
{
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	size_t len = 0;
	uint64_t eight;

	for (; len + sizeof(eight) <= text.len; len += sizeof(eight)) {
		memcpy(&eight, text.data + len, sizeof(eight));
		if (eight & high_bits)
			break;
	}
	while (len < text.len && text.data[len] < 0x80)
		len++;
	return len;
}

bool utf8_is_valid(struct bytes text)
{
	for (;;) {
		size_t len = ascii_len(text);
		struct utf8_char c;

		text = bytes_of(text.data + len, text.len - len);
		if (text.len == 0)
			return true;
		c = utf8_first(text);
		if (!c.valid)
			return false;
		text = bytes_of(text.data + c.len, text.len - c.len);
	}
}
