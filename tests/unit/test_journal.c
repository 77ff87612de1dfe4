#include "unit.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/journal.h"

static struct journal_entry entry;

static void expect_field(unsigned i, const char *expected)
{
	ck_assert_uint_lt(i, entry.count);
	ck_assert_uint_eq(entry.fields[i].iov_len, strlen(expected));
	ck_assert_mem_eq(entry.fields[i].iov_base, expected, strlen(expected));
}

START_TEST(an_entry_has_the_line_and_each_field)
{
	struct addr client = addr_ipv4(0xc0000201, 5000);
	struct log_record r;

	log_begin(&r, LOG_LEVEL_NOTICE, "session began", 0);
	log_addr(&r, "client", &client);
	log_text(&r, "user", "al ice\n");
	log_number(&r, "to_peer_bytes", 12);
	journal_format(&entry, &r);
	ck_assert_uint_eq(entry.count, 6);
	expect_field(0, "MESSAGE=session began client=192.0.2.1:5000 "
			"user=\"al ice\\n\" to_peer_bytes=12");
	expect_field(1, "PRIORITY=5");
	expect_field(2, "SYSLOG_IDENTIFIER=turnpiked");
	expect_field(3, "TURNPIKE_CLIENT=192.0.2.1:5000");
	expect_field(4, "TURNPIKE_USER=al ice\\n");
	expect_field(5, "TURNPIKE_TO_PEER_BYTES=12");
}
END_TEST

START_TEST(the_largest_record_fits)
{
	struct log_record r;
	char value[LOG_VALUE_MAX_BYTES];
	size_t total = 0;

	/* Each byte becomes four characters, twice. */
	memset(value, 0xff, sizeof(value));
	log_begin(&r, LOG_LEVEL_ERROR, "large", 0);
	for (int i = 0; i < LOG_FIELDS_MAX; i++)
		log_bytes(&r, "field", bytes_of(value, sizeof(value)));
	while (r.field_count < LOG_FIELDS_MAX)
		log_number(&r, "number", UINT64_MAX);
	journal_format(&entry, &r);
	ck_assert_uint_eq(entry.count, JOURNAL_FIELDS_MAX);
	for (unsigned i = 0; i < entry.count; i++)
		total += entry.fields[i].iov_len;
	ck_assert_uint_gt(total, 2 * 4 * LOG_TEXT_BYTES);
	expect_field(entry.count - 1, "TURNPIKE_NUMBER=18446744073709551615");
}
END_TEST

START_TEST(stderr_is_the_journals_if_it_is_the_same_file)
{
	char stream[64];
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	unsetenv("JOURNAL_STREAM");
	ck_assert(!journal_is_stderr());
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	ck_assert(journal_is_stderr());
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino + 1);
	setenv("JOURNAL_STREAM", stream, 1);
	ck_assert(!journal_is_stderr());
	setenv("JOURNAL_STREAM", "nonsense", 1);
	ck_assert(!journal_is_stderr());
	unsetenv("JOURNAL_STREAM");
}
END_TEST

static Suite *journal_suite(void)
{
	Suite *s = suite_create("journal");
	TCase *t = tcase_create("entries");

	tcase_add_test(t, an_entry_has_the_line_and_each_field);
	tcase_add_test(t, the_largest_record_fits);
	tcase_add_test(t, stderr_is_the_journals_if_it_is_the_same_file);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(journal_suite)
