#include "turnpikectl/url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_unreserved(uint8_t c)
{
	return isalnum(c) || (c != '\0' && strchr("-._~", c));
}

const char *url_encode(struct bytes in, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	char *to = out;

	for (size_t i = 0; i < in.len; i++) {
		uint8_t c = in.data[i];

		if (is_unreserved(c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	*to = '\0';
	return out;
}

static void append(struct url *q, const char *before, const char *name,
		   const char *value)
{
	char *encoded = malloc(URL_ENCODED_BYTES(strlen(value)));
	char *text = NULL;

	if (encoded && q->text &&
	    asprintf(&text, "%s%s%s%s", q->text, before, name,
		     url_encode(bytes_str(value), encoded)) < 0)
		text = NULL;
	free(encoded);
	free(q->text);
	q->text = text;
}

void url_begin(struct url *q, const char *path, const char *part)
{
	*q = (struct url){ .text = strdup(path) };
	if (part)
		append(q, "", "", part);
}

void url_path(struct url *q, const char *rest)
{
	append(q, rest, "", "");
}

void url_add(struct url *q, const char *name, const char *value)
{
	char equals[64];

	if (!value)
		return;
	snprintf(equals, sizeof(equals), "%s=", name);
	append(q, q->has_question_mark ? "&" : "?", equals, value);
	q->has_question_mark = true;
}

void url_end(struct url *q)
{
	free(q->text);
	q->text = NULL;
}
