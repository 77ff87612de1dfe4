#include "ctl/values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/utf8.h"
#include "ctl/hooks.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define REPLACEMENT_BYTES (sizeof(REPLACEMENT) - 1)

static json_t *mended(struct bytes text)
{
	char *out = malloc(text.len * REPLACEMENT_BYTES), *end = out;
	json_t *json;

	if (!out)
		return NULL;
	while (text.len > 0) {
		struct utf8_char c = utf8_first(text);

		memcpy(end, c.valid ? (const char *)text.data : REPLACEMENT,
		       c.valid ? c.len : REPLACEMENT_BYTES);
		end += c.valid ? c.len : REPLACEMENT_BYTES;
		text = bytes_of(text.data + c.len, text.len - c.len);
	}
	json = json_stringn_nocheck(out, (size_t)(end - out));
	free(out);
	return json;
}

json_t *value_text(struct bytes text)
{
	if (utf8_is_valid(text))
		return json_stringn_nocheck(
			text.len > 0 ? (const char *)text.data : "", text.len);
	return mended(text);
}

json_t *value_addr(const struct addr *a)
{
	char text[ADDR_TEXT_BYTES];

	return json_string(addr_print(a, text));
}

const char *value_print_time(int64_t wall_s, char out[VALUE_TIME_BYTES])
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(out, VALUE_TIME_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, VALUE_TIME_BYTES, "%" PRId64, wall_s);
	return out;
}

json_t *value_time(int64_t wall_s)
{
	char text[VALUE_TIME_BYTES];

	return json_string(value_print_time(wall_s, text));
}

json_t *value_time_or_null(int64_t wall_s)
{
	return wall_s != 0 ? value_time(wall_s) : json_null();
}

json_t *value_pending(const struct control_pending *pending)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < pending->count; i++)
		json_array_append_new(list, json_string(pending->options[i]));
	return list;
}

json_t *value_number(uint64_t n)
{
	return json_integer((json_int_t)n);
}

json_t *value_limit(uint64_t n)
{
	return n > 0 ? value_number(n) : json_null();
}

json_t *value_traffic(uint64_t packets, uint64_t bytes)
{
	return json_pack("{s:o, s:o}", "packets", value_number(packets),
			 "bytes", value_number(bytes));
}
