#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "conf/options.h"

/* Tests run from the top of the tree. */
#define SAMPLE "etc/turnpike.conf"
#define MANUAL "man/turnpike.conf.5"
#define FILE_BYTES 65536

static char file[FILE_BYTES];

static const char *read_file(const char *path)
{
	FILE *in = fopen(path, "r");
	size_t len;

	ck_assert_msg(in != NULL, "cannot open %s: tests run at the top", path);
	len = fread(file, 1, sizeof(file) - 1, in);
	ck_assert_uint_lt(len, sizeof(file) - 1);
	file[len] = '\0';
	fclose(in);
	return file;
}

START_TEST(options_of_a_group_follow_each_other)
{
	for (int g = 0; g < GROUP_COUNT; g++) {
		enum group_id group = (enum group_id)g;
		size_t count = option_count(group);

		ck_assert_uint_gt(count, 0);
		for (size_t i = 0; i < count; i++)
			ck_assert_int_eq(options[option_first(group) + i].group,
					 group);
	}
}
END_TEST

/* What each row must have to be parsed, shown and explained. */
START_TEST(every_row_is_whole)
{
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option *o = &options[id];

		ck_assert_ptr_nonnull(o->name);
		ck_assert_msg(o->help != NULL, "%s", o->name);
		ck_assert_msg(strlen(o->help) <= 50, "%s", o->name);
		ck_assert_msg(o->max >= o->min, "%s", o->name);
		ck_assert_msg((o->words != NULL) == (o->type == OPTION_WORD),
			      "%s", o->name);
		/* Either a default, or what holds without one. */
		ck_assert_msg((o->value != NULL) != (o->absent != NULL), "%s",
			      o->name);
		ck_assert_msg((o->absent != NULL) == (o->sample != NULL), "%s",
			      o->name);
		ck_assert_msg(!o->required || !o->value, "%s", o->name);
		/* A key is never printed. */
		ck_assert_msg(o->type != OPTION_KEY || o->secret, "%s",
			      o->name);
	}
	for (int g = GROUP_TOP + 1; g < GROUP_COUNT; g++)
		ck_assert_ptr_nonnull(option_groups[g].help);
}
END_TEST

START_TEST(names_are_unique_where_they_stand)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		enum option_id found;
		enum group_id group;

		ck_assert(
			option_find(options[i].group, options[i].name, &found));
		ck_assert_int_eq((int)found, i);
		ck_assert(options[i].group != GROUP_TOP ||
			  !option_group_find(options[i].name, &group));
	}
}
END_TEST

START_TEST(names_are_found)
{
	enum option_id id = OPT_USER;
	enum group_id group = GROUP_LOG;

	ck_assert(option_find(GROUP_RELAY, "ports", &id));
	ck_assert_int_eq(id, OPT_RELAY_PORTS);
	ck_assert(!option_find(GROUP_TOP, "ports", &id));
	ck_assert(!option_find(GROUP_RELAY, "port", &id));
	ck_assert(!option_find(GROUP_RELAY, "", &id));
	ck_assert_int_eq(id, OPT_RELAY_PORTS);

	ck_assert(option_group_find("nonce", &group));
	ck_assert_int_eq(group, GROUP_NONCE);
	ck_assert(!option_group_find("", &group));
	ck_assert(!option_group_find("realm", &group));
	ck_assert_int_eq(group, GROUP_NONCE);
}
END_TEST

START_TEST(texts_are_made_from_the_table)
{
	char text[OPTION_TEXT_BYTES];

	ck_assert_str_eq(option_path(OPT_REALM, text), "realm");
	ck_assert_str_eq(option_path(OPT_RELAY_PORTS, text), "relay.ports");
	ck_assert_str_eq(option_names(GROUP_RELAY, text),
			 "address, advertise, stun_servers or ports");
	ck_assert_str_eq(option_expects(OPT_WORKERS, text),
			 "a whole number from 0 to 64");
	ck_assert_str_eq(option_expects(OPT_AUTH_SHA256, text),
			 "\"auto\", \"on\" or \"off\"");
	ck_assert_str_eq(option_expects(OPT_NONCE_KEY, text),
			 "64 hexadecimal digits");
	/* All fit: the functions assert it. */
	for (int id = 0; id < OPTION_COUNT; id++)
		option_expects((enum option_id)id, text);
	for (int g = 0; g < GROUP_COUNT; g++)
		option_names((enum group_id)g, text);
}
END_TEST

START_TEST(numbers_get_the_largest_unit)
{
	static const struct {
		const struct option_unit *units;
		int64_t number;
		const char *text;
	} cases[] = {
		{ option_duration_units, 1, "1s" },
		{ option_duration_units, 59, "59s" },
		{ option_duration_units, 60, "1m" },
		{ option_duration_units, 90, "90s" },
		{ option_duration_units, 3600, "1h" },
		{ option_duration_units, 5400, "90m" },
		{ option_size_units, 4096, "4KiB" },
		{ option_size_units, 16 << 20, "16MiB" },
		{ option_size_units, 1 << 30, "1GiB" },
		{ option_size_units, 1000, "1000" },
		{ option_size_units, 0, "0KiB" },
		{ option_duration_units, 0, "0s" },
		{ option_rate_units, 500000, "4Mbit/s" },
		{ option_rate_units, 125000000, "1Gbit/s" },
		{ option_rate_units, 12500000000, "100Gbit/s" },
		{ option_rate_units, 1000, "8kbit/s" },
		{ option_rate_units, 1, "1B/s" },
		{ option_rate_units, 0, "0B/s" },
		{ NULL, 64, "64" },
	};
	char text[OPTION_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(
			option_with_unit(cases[i].units, cases[i].number, text),
			cases[i].text);
}
END_TEST

/*
 * The sample file is the table's own. To make it anew after a change:
 * WRITE_SAMPLE=etc/turnpike.conf build/tests/unit/test_options
 */
START_TEST(the_sample_file_is_the_tables)
{
	const char *path = getenv("WRITE_SAMPLE");
	char *made = NULL;
	size_t len;
	FILE *to = path ? fopen(path, "w") : open_memstream(&made, &len);

	ck_assert_ptr_nonnull(to);
	options_write_sample(to);
	ck_assert_int_eq(fclose(to), 0);
	if (path)
		return;
	ck_assert_msg(!strcmp(made, read_file(SAMPLE)),
		      "%s is not what the table says: "
		      "WRITE_SAMPLE=%s build/tests/unit/test_options",
		      SAMPLE, SAMPLE);
	free(made);
}
END_TEST

/* The lines that turnpike.conf(5) must have for an option. */
static void expect_lines(const struct option *o, enum option_id id, char *out,
			 size_t size)
{
	char expects[OPTION_TEXT_BYTES];
	int len;

	len = snprintf(out, size, "\n.It Ic %s\nTakes %s; ", o->name,
		       option_expects(id, expects));
	if (o->value)
		snprintf(out + len, size - (size_t)len, "default %s.\n",
			 o->value);
	else if (o->required)
		snprintf(out + len, size - (size_t)len, "required.\n");
	else
		snprintf(out + len, size - (size_t)len, "otherwise %s.\n",
			 o->absent);
}

/* The part of the page about one group, cut out by its headings. */
static char *cut_section(char *page, const char *group)
{
	char heading[64], *start, *end;

	snprintf(heading, sizeof(heading), "\n.Ss %s\n",
		 *group ? group : "Outside groups");
	start = strstr(page, heading);
	ck_assert_msg(start != NULL, "%s has no section%s", MANUAL, heading);
	start = strdup(start + strlen(heading));
	/* To the next .Ss or .Sh; .Sx is within. */
	end = strstr(start, "\n.S");
	while (end && end[3] == 'x')
		end = strstr(end + 1, "\n.S");
	ck_assert_ptr_nonnull(end);
	end[1] = '\0';
	return start;
}

static size_t count_of(const char *text, const char *what)
{
	size_t count = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		count++;
	}
	return count;
}

START_TEST(the_manual_page_has_every_option)
{
	static char page[FILE_BYTES];

	strncpy(page, read_file(MANUAL), sizeof(page) - 1);
	for (int g = 0; g < GROUP_COUNT; g++) {
		char *section = cut_section(page, option_groups[g].name);
		enum option_id first = option_first((enum group_id)g);

		for (size_t i = 0; i < option_count((enum group_id)g); i++) {
			enum option_id id = (enum option_id)(first + i);
			char lines[1024];

			expect_lines(&options[id], id, lines, sizeof(lines));
			ck_assert_msg(strstr(section, lines) != NULL,
				      "%s lacks these lines:%s", MANUAL, lines);
		}
		/* And no other. */
		ck_assert_uint_eq(count_of(section, "\n.It Ic "),
				  option_count((enum group_id)g));
		free(section);
	}
}
END_TEST

static Suite *options_suite(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("table");

	tcase_add_test(t, options_of_a_group_follow_each_other);
	tcase_add_test(t, every_row_is_whole);
	tcase_add_test(t, names_are_unique_where_they_stand);
	tcase_add_test(t, names_are_found);
	tcase_add_test(t, texts_are_made_from_the_table);
	tcase_add_test(t, numbers_get_the_largest_unit);
	suite_add_tcase(s, t);

	t = tcase_create("documents");
	tcase_add_test(t, the_sample_file_is_the_tables);
	tcase_add_test(t, the_manual_page_has_every_option);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(options_suite)
