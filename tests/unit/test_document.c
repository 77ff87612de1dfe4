#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "conf/document.h"

static struct report report;
static struct document document;

static bool parse(const char *text)
{
	struct source s;
	bool ok;

	report_init(&report);
	ck_assert(source_copy(&s, bytes_str(text), &report));
	ok = document_parse(&document, &s, &report);
	source_fini(&s);
	return ok;
}

static void fini(void)
{
	document_fini(&document);
}

START_TEST(defaults_fill_what_is_absent)
{
	const struct document_list *listen = &document.lists[GROUP_LISTEN];

	ck_assert(parse("realm = \"r\";"));
	ck_assert(report_is_clean(&report));
	ck_assert_str_eq(document.values[OPT_REALM].as.text, "r");
	ck_assert(document.values[OPT_REALM].is_given);
	ck_assert_int_eq(document.values[OPT_LIMITS_CHANNELS].as.number, 32);
	ck_assert(!document.values[OPT_LIMITS_CHANNELS].is_given);
	ck_assert(!document.values[OPT_RELAY_ADDRESS].is_set);

	/* One listener of defaults, and no user. */
	ck_assert_uint_eq(listen->line, 0);
	ck_assert_uint_eq(listen->count, 1);
	ck_assert_uint_eq(listen->items[0].line, 0);
	ck_assert_int_eq(
		document_value(&listen->items[0], OPT_LISTEN_PORT)->as.number,
		3478);
	ck_assert(!document_value(&listen->items[0], OPT_LISTEN_REALM)->is_set);
	ck_assert_uint_eq(document.lists[GROUP_USERS].count, 0);
}
END_TEST

START_TEST(lists_have_lines)
{
	const struct document_list *users = &document.lists[GROUP_USERS];

	ck_assert(parse("realm = \"r\";\nusers = (\n { name = \"a\"; },\n"
			" { name = \"b\";\n password = \"p\"; } );\n"));
	ck_assert(report_is_clean(&report));
	ck_assert_uint_eq(users->line, 2);
	ck_assert_uint_eq(users->count, 2);
	ck_assert_uint_eq(users->items[0].line, 3);
	ck_assert_uint_eq(users->items[1].line, 4);
	ck_assert_uint_eq(
		document_value(&users->items[1], OPT_USERS_PASSWORD)->line, 5);
	ck_assert_str_eq(
		document_value(&users->items[1], OPT_USERS_NAME)->as.text, "b");
}
END_TEST

START_TEST(empty_lists_and_groups_are_lists_and_groups)
{
	ck_assert(parse("realm = \"r\"; listen = ( ); relay = { };"
			"users = [ ];"));
	ck_assert(report_is_clean(&report));
	ck_assert_uint_eq(document.lists[GROUP_LISTEN].line, 1);
	ck_assert_uint_eq(document.lists[GROUP_LISTEN].count, 0);
	ck_assert_uint_eq(document.lists[GROUP_USERS].line, 1);
	ck_assert_uint_eq(document.lists[GROUP_USERS].count, 0);
	ck_assert_int_eq(document.values[OPT_RELAY_PORTS].as.ports.min, 49152);
}
END_TEST

/* A wrong value leaves the default, marked. */
START_TEST(wrong_values_are_marked)
{
	ck_assert(parse(
		"realm = 5; workers = \"x\"; users = ( { name = 1; } );"));
	ck_assert_uint_eq(report.count[REPORT_ERROR], 3);
	ck_assert(!document.values[OPT_REALM].is_set);
	ck_assert(document.values[OPT_REALM].is_wrong);
	ck_assert(document.values[OPT_WORKERS].is_set);
	ck_assert(document.values[OPT_WORKERS].is_wrong);
	ck_assert_int_eq(document.values[OPT_WORKERS].as.number, 0);
}
END_TEST

START_TEST(a_wrong_form_is_no_document)
{
	ck_assert(!parse("realm = \"r\"\nusers = ;\n"));
	ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
	ck_assert_uint_eq(report.messages[REPORT_ERROR][0].line, 2);
}
END_TEST

/* What is written can be read again, and says the same. */
START_TEST(writing_is_the_inverse_of_reading)
{
	char *first = NULL, *second = NULL;
	size_t len;
	FILE *to = open_memstream(&first, &len);

	ck_assert(parse("realm = \"a \\\"quoted\\\" \\\\ realm\";\n"
			"listen = ( { port = 1; }, { address = \"192.0.2.1\"; "
			"realm = \"b\"; } );\n"
			"users = ( { name = \"x\"; allocations = 3; } );\n"
			"peers = { allow = [ \"10.0.0.0/8\", \"::1\",\n"
			"\"10.0.0.1-10.0.0.9 ports 1-2\" ]; };\n"
			"nonce = { lifetime = \"90s\"; };\n"
			"buffers = { listener = \"1MiB\"; };\n"
			"relay = { ports = [ 5000, 6000 ]; };\n"));
	ck_assert(report_is_clean(&report));
	document_write(&document, to);
	fclose(to);
	document_fini(&document);

	ck_assert(parse(first));
	ck_assert(report_is_clean(&report));
	to = open_memstream(&second, &len);
	document_write(&document, to);
	fclose(to);
	/* All is given now; but for that remark it is the same. */
	for (char *at; (at = strstr(first, " # default"));)
		memmove(at, strchr(at, '\n'), strlen(strchr(at, '\n')) + 1);
	ck_assert_str_eq(first, second);
	free(first);
	free(second);
}
END_TEST

/* A thousand groups in each other, and lists: nothing overflows. */
START_TEST(depth_is_no_danger)
{
	static char text[40000];
	size_t used = 0;

	for (int i = 0; i < 3000; i++) {
		memcpy(text + used, "a = { ", 6);
		used += 6;
	}
	text[used] = '\0';
	parse(text);
	ck_assert(!report_is_clean(&report));
}
END_TEST

static Suite *document_suite(void)
{
	Suite *s = suite_create("document");
	TCase *t = tcase_create("parse");

	tcase_add_checked_fixture(t, NULL, fini);
	tcase_add_test(t, defaults_fill_what_is_absent);
	tcase_add_test(t, lists_have_lines);
	tcase_add_test(t, empty_lists_and_groups_are_lists_and_groups);
	tcase_add_test(t, wrong_values_are_marked);
	tcase_add_test(t, a_wrong_form_is_no_document);
	tcase_add_test(t, writing_is_the_inverse_of_reading);
	tcase_add_test(t, depth_is_no_danger);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(document_suite)
