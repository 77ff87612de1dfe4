/*
 * libFuzzer target: any text as an Accept field, and as the name of a realm.
 *
 * The format is one of ours, and the same without what no format hangs on. A
 * label stays on its line and says, read back, what it was.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/exposition.h"
#include "ctl/metrics.h"

#define BEFORE "x{realm=\""
#define AFTER "\"} 1\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_format(const char *accept)
{
	enum metrics_format format = metrics_negotiate(accept);
	size_t bytes = strlen(accept) + sizeof(",text/html");
	char *more = malloc(bytes);

	assert(more);
	snprintf(more, bytes, "%s,text/html", accept);
	assert(format == METRICS_TEXT || format == METRICS_OPENMETRICS);
	assert(metrics_negotiate(more) == format);
	free(more);
	if (format == METRICS_OPENMETRICS)
		assert(strcasestr(accept, "application/openmetrics-text"));
}

/* Reads a label as the formats say; `quoted` is up to its last quote. */
static void check_label(const char *quoted, size_t len, const char *text)
{
	for (size_t i = 0; i < len; i++) {
		char c = quoted[i];

		assert(c != '\n' && c != '"');
		if (c == '\\') {
			c = quoted[++i];
			assert(i < len);
			assert(c == '\\' || c == '"' || c == 'n');
			if (c == 'n')
				c = '\n';
		}
		assert(c == *text++);
	}
	assert(!*text);
}

static void check_realm(const char *text)
{
	struct exposition x = { .out = evbuffer_new() };
	const struct label label = { "realm", text };
	size_t len;
	char *line;

	assert(x.out);
	exposition_family(&x, EXPOSITION_GAUGE, "x", "Some.");
	evbuffer_drain(x.out, evbuffer_get_length(x.out));
	exposition_add(&x, 1, 1, &label);
	assert(exposition_end(&x) == 0);
	len = evbuffer_get_length(x.out);
	line = malloc(len);
	assert(line && len > strlen(BEFORE AFTER) - 1);
	evbuffer_remove(x.out, line, len);
	assert(!memcmp(line, BEFORE, strlen(BEFORE)));
	assert(!memcmp(line + len - strlen(AFTER), AFTER, strlen(AFTER)));
	check_label(line + strlen(BEFORE), len - strlen(BEFORE) - strlen(AFTER),
		    text);
	free(line);
	evbuffer_free(x.out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);

	assert(text);
	memcpy(text, data, size);
	text[size] = '\0';
	check_format(text);
	check_realm(text);
	free(text);
	return 0;
}
