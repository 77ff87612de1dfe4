#include "unit.h"

#include <string.h>
#include <sys/stat.h>

#include "conf/acs_list.h"

#define DATE "date 2026-11-25\n"
#define NO_MEDIA                                                 \
	"no media for peers.acs_clouds; expected lines such as " \
	"\"media commercial 20.202.0.0/16\""

static struct acs_list list;
static struct report report;

/* Parses a copy, in the configuration's line 7. */
static bool parse_bytes(const char *text, size_t len, enum acs_clouds clouds)
{
	char *copy = malloc(len + 1);
	bool ok;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, text, len);
	copy[len] = '\0';
	report_init(&report);
	ok = acs_list_parse(copy, len, "a.list", clouds, 7, &list, &report);
	free(copy);
	ck_assert(ok == report_is_clean(&report));
	return ok;
}

static bool parse(const char *text, enum acs_clouds clouds)
{
	return parse_bytes(text, strlen(text), clouds);
}

static void has(uint16_t index, const char *rule)
{
	char text[PEER_RULE_TEXT_BYTES];

	ck_assert_uint_lt(index, list.count);
	ck_assert_str_eq(peer_rule_print(&list.media[index], text), rule);
}

static const char two_clouds[] =
	"# a comment\n"
	"\n"
	"date 2026-11-25 # of the comparison\n"
	"media commercial 20.202.0.0/16\n"
	"  media\tcommercial  2603:1063::/38\t# with blanks\r\n"
	"media gcc-high 52.238.114.160/32\n"
	"host commercial .skype.com\n"
	"deny-host commercial .cloudapp.azure.com\n"
	"media gcc-high 52.127.88.0/21"; /* no newline at the end */

START_TEST(the_media_of_a_cloud)
{
	ck_assert(parse(two_clouds, ACS_COMMERCIAL));
	ck_assert_uint_eq(list.count, 2);
	has(0, "20.202.0.0/16");
	has(1, "2603:1063::/38");
	ck_assert_str_eq(list.date, "2026-11-25");
	ck_assert(parse(two_clouds, ACS_GCC_HIGH));
	ck_assert_uint_eq(list.count, 2);
	has(0, "52.238.114.160");
	has(1, "52.127.88.0/21");
	ck_assert(parse(two_clouds, ACS_ALL));
	ck_assert_uint_eq(list.count, 4);
}
END_TEST

static const struct {
	const char *text;
	const char *error;
} bad[] = {
	{ "",
	  "\"a.list\", line 1: nothing in it; expected \"date YYYY-MM-DD\"" },
	{ "# a\n\n",
	  "\"a.list\", line 3: nothing in it; expected \"date YYYY-MM-DD\"" },
	{ "media commercial 20.202.0.0/16\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ "\ndate 2026-13-01\n",
	  "\"a.list\", line 2: no date first; expected \"date YYYY-MM-DD\"" },
	{ "date 2026-1-1\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ "date 2026-01-00\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ "date 2026-01-32\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ "date 1999-01-01\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ "date 2026-01-011\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ "date 2026-11-25 today\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ "date\n",
	  "\"a.list\", line 1: no date first; expected \"date YYYY-MM-DD\"" },
	{ DATE DATE,
	  "\"a.list\", line 2: not three words; expected KIND CLOUD VALUE" },
	{ DATE "media commercial\n",
	  "\"a.list\", line 2: not three words; expected KIND CLOUD VALUE" },
	{ DATE "media commercial 1.2.3.4 5.6.7.8\n",
	  "\"a.list\", line 2: not three words; expected KIND CLOUD VALUE" },
	{ DATE "Media commercial 1.2.3.4\n",
	  "\"a.list\", line 2: kind \"Media\"; expected media, host or deny-host" },
	{ DATE "media gov 1.2.3.4\n",
	  "\"a.list\", line 2: cloud \"gov\"; expected commercial or gcc-high" },
	{ DATE "host all x.example\n",
	  "\"a.list\", line 2: cloud \"all\"; expected commercial or gcc-high" },
	{ DATE "media commercial 20.202.0.1/16\n",
	  "\"a.list\", line 2: media \"20.202.0.1/16\"; expected a prefix such as "
	  "\"20.202.0.0/16\" without bits after its length" },
	{ DATE "media commercial x\x01y\n",
	  "\"a.list\", line 2: media \"x\\x01y\"; expected a prefix such as "
	  "\"20.202.0.0/16\" without bits after its length" },
	{ DATE, "\"a.list\", line 2: " NO_MEDIA },
	{ DATE "media gcc-high 1.2.3.4\n", "\"a.list\", line 3: " NO_MEDIA },
};

START_TEST(each_mistake_is_told_with_its_line)
{
	ck_assert_msg(!parse(bad[_i].text, ACS_COMMERCIAL), "%s", bad[_i].text);
	ck_assert_str_eq(report.messages[REPORT_ERROR][0].text, bad[_i].error);
	ck_assert_uint_eq(report.messages[REPORT_ERROR][0].line, 7);
	ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
}
END_TEST

START_TEST(all_mistakes_are_told)
{
	ck_assert(!parse(DATE "x\nmedia commercial 1.2.3.4\ny\nz z z z\n",
			 ACS_ALL));
	ck_assert_uint_eq(report.count[REPORT_ERROR], 3);
}
END_TEST

START_TEST(nul_bytes_are_refused)
{
	static const char text[] = DATE "media commercial 1.2.3.4\0/1\n";

	ck_assert(!parse_bytes(text, sizeof(text) - 1, ACS_ALL));
	ck_assert_str_eq(report.messages[REPORT_ERROR][0].text,
			 "\"a.list\", line 2: a NUL byte; expected text");
}
END_TEST

START_TEST(ranges_are_bounded)
{
	char text[8192] = DATE;

	for (int i = 0; i < PEER_POLICY_ACS_MAX; i++)
		snprintf(text + strlen(text), 64, "media commercial 1.2.3.%d\n",
			 i);
	ck_assert(parse(text, ACS_ALL));
	ck_assert_uint_eq(list.count, PEER_POLICY_ACS_MAX);
	snprintf(text + strlen(text), 64, "media gcc-high 1.2.4.1\n");
	ck_assert(!parse(text, ACS_ALL));
	ck_assert_str_eq(
		report.messages[REPORT_ERROR][0].text,
		"\"a.list\", line 130: one more range; expected at most 128");
	ck_assert(parse(text, ACS_COMMERCIAL));
}
END_TEST

/* The list as shipped. Tests run from the top of the tree. */
START_TEST(our_own_list_is_good)
{
	report_init(&report);
	ck_assert(acs_list_read("etc/acs.list", ACS_COMMERCIAL, 0, &list,
				&report));
	has(0, "20.202.0.0/16");
	ck_assert(
		acs_list_read("etc/acs.list", ACS_GCC_HIGH, 0, &list, &report));
	ck_assert_uint_ge(list.count, 11);
	ck_assert(acs_list_read("etc/acs.list", ACS_ALL, 0, &list, &report));
	ck_assert_uint_ge(list.count, 12);
	ck_assert(report_is_clean(&report));
}
END_TEST

START_TEST(what_cannot_be_read_is_told)
{
	report_init(&report);
	ck_assert(!acs_list_read("etc/no.list", ACS_ALL, 7, &list, &report));
	ck_assert_str_eq(report.messages[REPORT_ERROR][0].text,
			 "\"etc/no.list\" cannot be opened: No such file or "
			 "directory; the preset \"acs\" takes its ranges from "
			 "it (peers.acs_file)");
	ck_assert_uint_eq(report.messages[REPORT_ERROR][0].line, 7);
	ck_assert(!acs_list_read("etc", ACS_ALL, 7, &list, &report));
	ck_assert_uint_eq(report.count[REPORT_ERROR], 2);
}
END_TEST

/* 2026-11-25 00:00:00 UTC */
#define DAY_S 1795564800

START_TEST(a_year_is_not_old)
{
	ck_assert(parse(two_clouds, ACS_ALL));
	ck_assert(!acs_list_is_old(&list, 0));
	ck_assert(!acs_list_is_old(&list, DAY_S));
	ck_assert(!acs_list_is_old(&list, DAY_S + 365 * 86400));
	ck_assert(!acs_list_is_old(&list, DAY_S + 366 * 86400 - 1));
	ck_assert(acs_list_is_old(&list, DAY_S + 366 * 86400));
	ck_assert(acs_list_is_old(&list, DAY_S + 4000LL * 86400));
}
END_TEST

static Suite *acs_list_suite(void)
{
	Suite *s = suite_create("acs_list");
	TCase *t = tcase_create("acs_list");

	tcase_add_test(t, the_media_of_a_cloud);
	tcase_add_loop_test(t, each_mistake_is_told_with_its_line, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(t, all_mistakes_are_told);
	tcase_add_test(t, nul_bytes_are_refused);
	tcase_add_test(t, ranges_are_bounded);
	tcase_add_test(t, our_own_list_is_good);
	tcase_add_test(t, what_cannot_be_read_is_told);
	tcase_add_test(t, a_year_is_not_old);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(acs_list_suite)
