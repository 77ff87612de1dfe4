#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/url.h"
#include "turnpikectl/say.h"
#include "turnpikectl/term.h"
#include "turnpikectl/units.h"

enum { OPTION_LIMIT };

#define LIMIT_DEFAULT "10"

static const struct command_option why_options[] = {
	{ "limit", 0, "NUMBER", "show so many, the last first (10)" },
	{ NULL, 0, NULL, NULL },
};

/* An address, as it is or with a port; a user otherwise. */
static bool is_address(const char *text, char ip[ADDR_TEXT_BYTES])
{
	const char *end = text + strlen(text);
	const char *colon = strrchr(text, ':');
	struct addr a;

	if (text[0] == '[' && strchr(text, ']')) {
		end = strchr(text, ']');
		text++;
	} else if (colon && strchr(text, ':') == colon) {
		end = colon;
	}
	if ((size_t)(end - text) >= ADDR_TEXT_BYTES)
		return false;
	memcpy(ip, text, (size_t)(end - text));
	ip[end - text] = '\0';
	return addr_parse(ip, &a);
}

static void print_age(const char *text)
{
	char shown[UNITS_TEXT_BYTES];
	int64_t then, now = time(NULL);

	term_print(text, stdout);
	if (units_read_time(text, &then))
		printf(" (%s ago)",
		       units_duration(now > then ? (uint64_t)(now - then) : 0,
				      shown));
}

static void print_who(const json_t *r)
{
	fputs("  client ", stdout);
	term_print(member_text(r, "client"), stdout);
	if (*member_text(r, "user")) {
		fputs(", user ", stdout);
		term_print(member_text(r, "user"), stdout);
	} else if (member_is_true(r, "by_hash")) {
		fputs(", a user under a hash", stdout);
	}
	if (*member_text(r, "realm")) {
		fputs(", realm ", stdout);
		term_print(member_text(r, "realm"), stdout);
	}
	if (member_number(r, "code") > 0)
		printf("; answered %llu",
		       (unsigned long long)member_number(r, "code"));
	putchar('\n');
}

static void print_refusal(const json_t *r)
{
	print_age(member_text(r, "time"));
	printf("  %s", term_style(TERM_BOLD, stdout));
	term_print(*member_text(r, "text") ? member_text(r, "text")
					   : member_text(r, "cause"),
		   stdout);
	puts(term_style(TERM_PLAIN, stdout));
	print_who(r);
	if (*member_text(r, "option")) {
		fputs("  option ", stdout);
		term_print(member_text(r, "option"), stdout);
		putchar('\n');
	}
	if (*member_text(r, "remedy")) {
		fputs("  ", stdout);
		term_print(member_text(r, "remedy"), stdout);
		putchar('\n');
	}
}

static void print_none(const char *what, bool is_address)
{
	fputs("Nothing that is remembered was refused to ", stdout);
	term_print(what, stdout);
	puts(".");
	fputs(is_address
		      ? "Its packets may not arrive (firewall, network "
			"security group, a wrong port), or it\n"
			"has not tried yet. To see them come: tcpdump -ni any "
			"udp port 3478\n"
		      : "The client may have sent no such name, or its packets "
			"do not arrive; ask with its\n"
			"address, too. Names are compared byte by byte.\n",
	      stdout);
}

static enum status print(const struct call *call, const json_t *answer,
			 bool is_address, size_t limit)
{
	const json_t *list = member_at(answer, "refusals"), *refusal;
	size_t i, count = json_array_size(list);

	if (call->common.json) {
		member_print(answer);
	} else if (count == 0) {
		print_none(call->operands[0], is_address);
	} else {
		for (i = 0; (refusal = json_array_get(list, i)); i++)
			print_refusal(refusal);
		if (count == limit)
			puts("There may be more; --limit shows them.");
	}
	return count > 0 ? STATUS_OK : STATUS_FAILED;
}

static enum status run(const struct call *call)
{
	const char *limit = call->options[OPTION_LIMIT]
				    ? call->options[OPTION_LIMIT]
				    : LIMIT_DEFAULT;
	char ip[ADDR_TEXT_BYTES];
	bool by_address = is_address(call->operands[0], ip);
	json_t *answer = NULL;
	enum status status;
	struct url q;

	url_begin(&q, "/v1/refusals", NULL);
	url_add(&q, "address", by_address ? ip : NULL);
	url_add(&q, "user", by_address ? NULL : call->operands[0]);
	url_add(&q, "limit", limit);
	status = q.text ? api_get(call, q.text, &answer) : say_no_memory();
	url_end(&q);
	if (status == STATUS_OK)
		status = print(call, answer, by_address,
			       strtoul(limit, NULL, 10));
	json_decref(answer);
	return status;
}

const struct command command_why = {
	.name = "why",
	.operands = "ADDRESS|USER",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "explain what was refused to a client or a user",
	.help = "The last refusals are remembered, also those that the log "
		"holds back. The exit\n"
		"status is 1 if there are none.\n",
	.options = why_options,
	.run = run,
};
