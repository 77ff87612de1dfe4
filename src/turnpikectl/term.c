#include "turnpikectl/term.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/utf8.h"

/* Characters that could move, hide or turn what stands around them. */
static bool is_control(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad ||
	       c == 0x61c || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
	       c == 0xfeff || (c >= 0xe0000 && c <= 0xe007f);
}

/* One character as it may be shown; returns its length. */
static size_t escape_one(struct utf8_char c, const uint8_t *bytes, char out[16])
{
	if (!c.valid || (c.value < 0x80 && is_control(c.value)))
		return (size_t)snprintf(out, 16, "\\x%02x", bytes[0]);
	if (is_control(c.value))
		return (size_t)snprintf(out, 16, "\\u%04x", (unsigned)c.value);
	if (c.value == '\\')
		return (size_t)snprintf(out, 16, "\\\\");
	memcpy(out, bytes, c.len);
	return c.len;
}

size_t term_escape(struct bytes text, char *out, size_t size)
{
	size_t used = 0;

	while (text.len > 0) {
		struct utf8_char c = utf8_first(text);
		char one[16];
		size_t len = escape_one(c, text.data, one);

		if (used + len >= size)
			break;
		memcpy(out + used, one, len);
		used += len;
		text.data += c.len;
		text.len -= c.len;
	}
	out[used] = '\0';
	return used;
}

void term_print(const char *text, FILE *to)
{
	struct bytes rest = bytes_str(text);

	while (rest.len > 0) {
		struct utf8_char c = utf8_first(rest);
		char one[16];
		size_t len = escape_one(c, rest.data, one);

		fwrite(one, 1, len, to);
		rest.data += c.len;
		rest.len -= c.len;
	}
}

size_t term_width(const char *escaped)
{
	size_t width = 0;

	for (; *escaped; escaped++)
		width += !utf8_continues((uint8_t)*escaped);
	return width;
}

static bool is_colourful(FILE *to)
{
	const char *term = getenv("TERM");
	const char *no_color = getenv("NO_COLOR");

	return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 &&
	       isatty(fileno(to));
}

const char *term_style(enum term_style style, FILE *to)
{
	static const char *const codes[] = {
		[TERM_PLAIN] = "\033[0m",    [TERM_BOLD] = "\033[1m",
		[TERM_DIM] = "\033[2m",      [TERM_GOOD] = "\033[32m",
		[TERM_WARNING] = "\033[33m", [TERM_BAD] = "\033[31m",
	};

	return is_colourful(to) ? codes[style] : "";
}
