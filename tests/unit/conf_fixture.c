#include "conf_fixture.h"

#include "unit.h"

#include <stdio.h>
#include <string.h>

struct report conf_report;

struct conf_machine conf_machine_one(void)
{
	struct conf_machine m = {
		.cpus = 4,
		.key = { 1, 2 },
		.is_closed = true,
	};

	ck_assert(addr_parse("127.0.0.1", &m.addrs[0]));
	ck_assert(addr_parse("203.0.113.7", &m.addrs[1]));
	ck_assert(addr_parse("fe80::1", &m.addrs[2]));
	m.addr_count = 3;
	return m;
}

struct conf *conf_of(const char *text, const struct conf_machine *machine)
{
	struct conf_machine one = conf_machine_one();

	report_init(&conf_report);
	return conf_parse(bytes_str(text), machine ? machine : &one,
			  &conf_report);
}

static char *printed(enum report_kind kind)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	report_print(&conf_report, kind, "t.conf", "", to);
	fclose(to);
	return text;
}

void conf_expect_messages(enum report_kind kind, const char *messages)
{
	char *text = printed(kind);

	ck_assert_str_eq(text, messages);
	free(text);
}

struct conf *conf_good(const char *text, const struct conf_machine *machine)
{
	struct conf *c = conf_of(text, machine);

	conf_expect_messages(REPORT_ERROR, "");
	ck_assert_ptr_nonnull(c);
	return c;
}

void conf_expect_errors(const char *text, const struct conf_machine *machine,
			const char *errors)
{
	struct conf *c = conf_of(text, machine);
	char *found = printed(REPORT_ERROR);

	ck_assert_msg(!strcmp(found, errors),
		      "this configuration:\n%s\ngives:\n%sand not:\n%s", text,
		      found, errors);
	ck_assert_msg(!c, "in spite of errors there is a configuration");
	free(found);
}

void conf_expect_in_force(const struct conf *c, const char *line)
{
	char *text = NULL, lines[512];
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	fputc('\n', to);
	conf_write(c, to);
	fclose(to);
	snprintf(lines, sizeof(lines), "\n%s\n", line);
	ck_assert_msg(strstr(text, lines) != NULL, "in force is:\n%sand not:%s",
		      text, lines);
	free(text);
}

bool conf_user(const struct conf *c, uint8_t realm, const char *name,
	       struct turn_user *user)
{
	struct store_query query = {
		.realm = realm,
		.name = bytes_str(name),
	};
	struct store_answer answer;

	static_users_source.lookup(c->users, &query, &answer);
	*user = answer.user;
	return answer.result == TURN_LOOKUP_FOUND;
}
