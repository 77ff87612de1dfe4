#include "conf/acs_list.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/source.h"

#define WORDS_MAX 3
#define BLANKS " \t\r"

struct reader {
	char path[REPORT_QUOTE_BYTES]; /* quoted */
	enum acs_clouds clouds;
	unsigned conf_line; /* where the configuration names the list */
	struct acs_list *list;
	struct report *report;
	unsigned line; /* of the list */
	bool dated;
	bool ok;
};

/* What is wrong with the line; of `found` a word is quoted, if it is there. */
static void refuse(struct reader *r, const char *what, const char *found,
		   const char *expected)
{
	char quoted[REPORT_QUOTE_BYTES] = "";

	if (found)
		report_quote(bytes_str(found), quoted);
	report_error(r->report, r->conf_line,
		     "%s, line %u: %s%s%s; expected %s", r->path, r->line, what,
		     found ? " " : "", quoted, expected);
	r->ok = false;
}

/* Words before the comment; more than WORDS_MAX are counted as one more. */
static int split(char *line, const char *words[WORDS_MAX])
{
	char *rest, *word;
	int count = 0;

	line[strcspn(line, "#")] = '\0';
	word = strtok_r(line, BLANKS, &rest);
	for (; word; word = strtok_r(NULL, BLANKS, &rest)) {
		if (count == WORDS_MAX)
			return WORDS_MAX + 1;
		words[count++] = word;
	}
	return count;
}

/* A day as a number that grows with it; 0 if the text is none. */
static unsigned day_of(const char *text)
{
	char again[ACS_DATE_BYTES + 32];
	unsigned year, month, day;

	if (sscanf(text, "%4u-%2u-%2u", &year, &month, &day) != 3 ||
	    month < 1 || month > 12 || day < 1 || day > 31 || year < 2000)
		return 0;
	snprintf(again, sizeof(again), "%04u-%02u-%02u", year, month, day);
	return strcmp(text, again) ? 0 : (year * 100 + month) * 100 + day;
}

/* The first line that is not empty. */
static void read_date(struct reader *r, int count, const char *const *words)
{
	r->dated = true;
	if (count == 2 && !strcmp(words[0], "date") && day_of(words[1]))
		memcpy(r->list->date, words[1], ACS_DATE_BYTES);
	else
		refuse(r, "no date first", NULL, "\"date YYYY-MM-DD\"");
}

static bool find_word(const char *word, const char *const *words, int *out)
{
	for (int i = 0; words[i]; i++) {
		if (!strcmp(word, words[i])) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void read_media(struct reader *r, const char *text)
{
	struct acs_list *list = r->list;
	struct peer_rule rule;

	if (!peer_rule_parse(text, &rule)) {
		refuse(r, "media", text,
		       "a prefix such as \"20.202.0.0/16\" without bits after "
		       "its length");
		return;
	}
	if (list->count == PEER_POLICY_ACS_MAX) {
		refuse(r, "one more range", NULL, "at most 128");
		return;
	}
	list->media[list->count++] = rule;
}

static void read_line(struct reader *r, char *line)
{
	/* In the order of enum acs_clouds. */
	static const char *const clouds[] = { "commercial", "gcc-high", NULL };
	static const char *const kinds[] = { "media", "host", "deny-host",
					     NULL };
	const char *words[WORDS_MAX];
	int count = split(line, words);
	int kind, cloud;

	if (count == 0)
		return;
	if (!r->dated)
		read_date(r, count, words);
	else if (count != WORDS_MAX)
		refuse(r, "not three words", NULL, "KIND CLOUD VALUE");
	else if (!find_word(words[0], kinds, &kind))
		refuse(r, "kind", words[0], "media, host or deny-host");
	else if (!find_word(words[1], clouds, &cloud))
		refuse(r, "cloud", words[1], "commercial or gcc-high");
	else if (kind == 0 && (r->clouds == ACS_ALL || (int)r->clouds == cloud))
		read_media(r, words[2]);
}

bool acs_list_parse(char *text, size_t len, const char *path,
		    enum acs_clouds clouds, unsigned line, struct acs_list *out,
		    struct report *report)
{
	struct reader r = {
		.clouds = clouds,
		.conf_line = line,
		.list = out,
		.report = report,
		.ok = true,
	};
	char *end = text + len;

	_Static_assert(PEER_POLICY_ACS_MAX == 128, "as the message says");
	memset(out, 0, sizeof(*out));
	report_quote(bytes_str(path), r.path);
	while (text < end) {
		char *next = memchr(text, '\n', (size_t)(end - text));

		next = next ? next : end;
		*next = '\0';
		r.line++;
		/* A NUL in the line would hide what follows it. */
		if (strlen(text) != (size_t)(next - text))
			refuse(&r, "a NUL byte", NULL, "text");
		else
			read_line(&r, text);
		text = next + 1;
	}
	r.line++;
	if (!r.dated)
		refuse(&r, "nothing in it", NULL, "\"date YYYY-MM-DD\"");
	else if (r.ok && out->count == 0)
		refuse(&r, "no media for peers.acs_clouds", NULL,
		       "lines such as \"media commercial 20.202.0.0/16\"");
	return r.ok;
}

static bool read_source(struct source *source, const char *path, unsigned line,
			struct report *report)
{
	struct report *own = malloc(sizeof(*own));
	char quoted[REPORT_QUOTE_BYTES];
	bool ok;

	if (!own) {
		report_error(report, line, "no memory to read it");
		return false;
	}
	report_init(own);
	ok = source_read(source, path, own);
	if (!ok)
		report_error(report, line,
			     "%s %s; the preset \"acs\" takes its ranges from "
			     "it (peers.acs_file)",
			     report_quote(bytes_str(path), quoted),
			     own->messages[REPORT_ERROR][0].text);
	free(own);
	return ok;
}

bool acs_list_read(const char *path, enum acs_clouds clouds, unsigned line,
		   struct acs_list *out, struct report *report)
{
	struct source source;
	bool ok;

	if (!read_source(&source, path, line, report))
		return false;
	ok = acs_list_parse(source.text, source.len, path, clouds, line, out,
			    report);
	source_fini(&source);
	return ok;
}

bool acs_list_is_old(const struct acs_list *list, int64_t now_s)
{
	time_t now = (time_t)now_s;
	struct tm tm;
	unsigned a_year_ago;

	if (!gmtime_r(&now, &tm))
		return false;
	a_year_ago = ((unsigned)(tm.tm_year + 1899) * 100 +
		      (unsigned)(tm.tm_mon + 1)) *
			     100 +
		     (unsigned)tm.tm_mday;
	return day_of(list->date) < a_year_ago;
}
