#include "ctl/exposition.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S UINT64_C(1000000000)

/* As both formats write numbers that are labels: in the shortest form. */
static const char *const bounds[HISTOGRAM_BOUNDS + 1] = {
	"2.5e-05", "5e-05", "0.0001", "0.00025", "0.0005", "0.001",
	"0.0025",  "0.005", "0.01",   "0.025",   "0.05",   "0.1",
	"0.25",    "1.0",   "10.0",   "+Inf",
};

static void add_bytes(struct exposition *x, const char *text, size_t len)
{
	if (evbuffer_add(x->out, text, len))
		x->failed = true;
}

static void add_text(struct exposition *x, const char *text)
{
	add_bytes(x, text, strlen(text));
}

static void add_number(struct exposition *x, uint64_t number)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRIu64, number);

	add_bytes(x, text, (size_t)len);
}

static void add_seconds(struct exposition *x, uint64_t ns)
{
	char text[40];
	int len = snprintf(text, sizeof(text), "%" PRIu64 ".%09" PRIu64,
			   ns / NS_PER_S, ns % NS_PER_S);

	add_bytes(x, text, (size_t)len);
}

/* What is in quotes: backslash, quote and end of line are escaped. */
static void add_quoted(struct exposition *x, const char *text)
{
	while (*text) {
		size_t plain = strcspn(text, "\\\"\n");

		add_bytes(x, text, plain);
		text += plain;
		if (*text == '\n')
			add_text(x, "\\n");
		else if (*text)
			add_bytes(x, (const char[]){ '\\', *text }, 2);
		text += *text != '\0';
	}
}

static const char *type_name(const struct exposition *x)
{
	switch (x->type) {
	case EXPOSITION_COUNTER:
	case EXPOSITION_BARE_COUNTER:
		return "counter";
	case EXPOSITION_INFO:
		/* Text has no such type. */
		return x->openmetrics ? "info" : "gauge";
	case EXPOSITION_HISTOGRAM:
		return "histogram";
	case EXPOSITION_GAUGE:
		break;
	}
	return "gauge";
}

/* What samples have behind the name of their family. */
static const char *ending(const struct exposition *x)
{
	switch (x->type) {
	case EXPOSITION_COUNTER:
		return "_total";
	case EXPOSITION_INFO:
		return "_info";
	default:
		return "";
	}
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len > end_len && !strcmp(text + len - end_len, end);
}

/* A line about the family, which in text has its samples' name. */
static void add_about(struct exposition *x, const char *what, const char *text)
{
	add_text(x, "# ");
	add_text(x, what);
	add_text(x, " ");
	add_text(x, x->name);
	if (!x->openmetrics)
		add_text(x, ending(x));
	add_text(x, " ");
	add_text(x, text);
	add_text(x, "\n");
}

void exposition_family(struct exposition *x, enum exposition_type type,
		       const char *name, const char *help)
{
	assert(!x->openmetrics || type != EXPOSITION_BARE_COUNTER);
	x->name = name;
	x->type = type;
	add_about(x, "HELP", help);
	add_about(x, "TYPE", type_name(x));
	if (x->openmetrics && ends_in(name, "_seconds"))
		add_about(x, "UNIT", "seconds");
	if (x->openmetrics && ends_in(name, "_bytes"))
		add_about(x, "UNIT", "bytes");
}

static void add_name(struct exposition *x, const char *end,
		     unsigned label_count, const struct label *labels)
{
	add_text(x, x->name);
	add_text(x, end);
	for (unsigned i = 0; i < label_count; i++) {
		add_text(x, i ? "," : "{");
		add_text(x, labels[i].name);
		add_text(x, "=\"");
		add_quoted(x, labels[i].value);
		add_text(x, "\"");
	}
	add_text(x, label_count ? "} " : " ");
}

void exposition_add(struct exposition *x, uint64_t value, unsigned label_count,
		    const struct label *labels)
{
	assert(x->type != EXPOSITION_HISTOGRAM);
	add_name(x, ending(x), label_count, labels);
	add_number(x, value);
	add_text(x, "\n");
}

void exposition_add_ns(struct exposition *x, uint64_t value_ns)
{
	add_name(x, ending(x), 0, NULL);
	add_seconds(x, value_ns);
	add_text(x, "\n");
}

void exposition_add_histogram(struct exposition *x,
			      const uint64_t buckets[HISTOGRAM_BOUNDS + 1],
			      uint64_t sum_ns)
{
	uint64_t count = 0;

	assert(x->type == EXPOSITION_HISTOGRAM);
	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++) {
		const struct label le = { "le", bounds[i] };

		count += buckets[i];
		add_name(x, "_bucket", 1, &le);
		add_number(x, count);
		add_text(x, "\n");
	}
	add_name(x, "_sum", 0, NULL);
	add_seconds(x, sum_ns);
	add_text(x, "\n");
	add_name(x, "_count", 0, NULL);
	add_number(x, count);
	add_text(x, "\n");
}

int exposition_end(struct exposition *x)
{
	if (x->openmetrics)
		add_text(x, "# EOF\n");
	return x->failed ? -ENOMEM : 0;
}
