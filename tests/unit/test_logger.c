#include "unit.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "worker/logger.h"

/* Standard error is a pipe while a test runs. */
static int reader = -1;
static int saved = -1;
static char text[4 << 20];

static void redirect(void)
{
	int ends[2];

	unsetenv("JOURNAL_STREAM");
	ck_assert_int_eq(pipe(ends), 0);
	saved = dup(STDERR_FILENO);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	reader = ends[0];
}

static void restore(void)
{
	unsetenv("JOURNAL_STREAM");
	if (saved >= 0)
		dup2(saved, STDERR_FILENO);
	if (saved >= 0)
		close(saved);
	if (reader >= 0)
		close(reader);
	saved = reader = -1;
}

/* Everything up to the end of the pipe, whose writing end is closed here. */
static const char *read_all(void)
{
	size_t used = 0;
	ssize_t got;

	dup2(saved, STDERR_FILENO);
	while ((got = read(reader, text + used, sizeof(text) - 1 - used)) > 0)
		used += (size_t)got;
	ck_assert_int_eq(got, 0);
	text[used] = '\0';
	return text;
}

static void expect_match(const char *pattern)
{
	regex_t re;

	ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED), 0);
	ck_assert_msg(!regexec(&re, text, 0, NULL, 0), "%s is not %s", text,
		      pattern);
	regfree(&re);
}

static unsigned count_of(const char *what)
{
	const char *at = text;
	unsigned count = 0;

	while ((at = strstr(at, what))) {
		at += strlen(what);
		count++;
	}
	return count;
}

static struct logger *start(enum logger_format format, enum log_level level)
{
	struct logger *l;

	ck_assert_int_eq(logger_new(&l, format, level), 0);
	return l;
}

static void put(struct logger *l, enum log_level level, uint64_t number)
{
	struct log_record r;

	log_begin(&r, level, "tested", 1700000000);
	log_number(&r, "n", number);
	log_text(&r, "name", "two words");
	logger_put(l, &r);
}

START_TEST(a_line_has_time_level_message_and_fields)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);

	put(l, LOG_LEVEL_WARNING, 7);
	logger_free(l);
	ck_assert_str_eq(read_all(), "2023-11-14T22:13:20Z warning tested n=7 "
				     "name=\"two words\"\n");
}
END_TEST

START_TEST(json_is_an_object_a_line)
{
	struct logger *l = start(LOGGER_JSON, LOG_LEVEL_INFO);

	put(l, LOG_LEVEL_INFO, 7);
	put(l, LOG_LEVEL_ERROR, 8);
	logger_free(l);
	ck_assert_str_eq(read_all(),
			 "{\"time\":1700000000,\"level\":\"info\",\"message\":"
			 "\"tested\",\"n\":7,\"name\":\"two words\"}\n"
			 "{\"time\":1700000000,\"level\":\"error\",\"message\":"
			 "\"tested\",\"n\":8,\"name\":\"two words\"}\n");
}
END_TEST

START_TEST(a_word_has_the_present_time)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);

	logger_say(l, LOG_LEVEL_NOTICE, "hello");
	logger_free(l);
	read_all();
	expect_match("^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:"
		     "[0-9]{2}Z notice hello\n$");
}
END_TEST

START_TEST(what_is_less_urgent_is_left_out)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_WARNING);

	put(l, LOG_LEVEL_NOTICE, 1);
	put(l, LOG_LEVEL_WARNING, 2);
	logger_set_level(l, LOG_LEVEL_DEBUG);
	put(l, LOG_LEVEL_DEBUG, 3);
	logger_set_level(l, LOG_LEVEL_ERROR);
	put(l, LOG_LEVEL_WARNING, 4);
	logger_free(l);
	read_all();
	ck_assert_uint_eq(count_of("\n"), 2);
	ck_assert_uint_eq(count_of(" n=2 "), 1);
	ck_assert_uint_eq(count_of(" n=3 "), 1);
}
END_TEST

/* Under systemd, lines begin with the level for the journal to read. */
START_TEST(systemd_is_told_the_level)
{
	struct logger *l;
	char stream[64];
	struct stat st;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu",
		 (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	put(l, LOG_LEVEL_WARNING, 7);
	logger_free(l);
	ck_assert_str_eq(read_all(),
			 "<4>warning tested n=7 name=\"two words\"\n");
}
END_TEST

/* The variable is inherited, also by those whose stderr is another one. */
START_TEST(a_stream_of_others_is_not_ours)
{
	struct logger *l;

	setenv("JOURNAL_STREAM", "1:2", 1);
	l = start(LOGGER_AUTO, LOG_LEVEL_INFO);
	put(l, LOG_LEVEL_WARNING, 7);
	logger_free(l);
	read_all();
	expect_match("^2023-11-14T22:13:20Z warning tested");
}
END_TEST

/* A reader that stops costs records, which are counted, and never a wait. */
START_TEST(too_much_is_lost_and_counted)
{
	enum { RECORDS = 5000 };
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	unsigned lines, lost = 0;
	const char *at;

	fcntl(reader, F_SETPIPE_SZ, 4096);
	for (unsigned i = 0; i < RECORDS; i++)
		put(l, LOG_LEVEL_INFO, i);
	ck_assert_uint_gt(logger_lost(l), 0);
	/* The reader goes on, and so does the log. */
	fcntl(reader, F_SETPIPE_SZ, 1 << 20);
	put(l, LOG_LEVEL_INFO, RECORDS);
	logger_free(l);
	read_all();
	for (at = text; (at = strstr(at, "log lines lost count="));) {
		at += strlen("log lines lost count=");
		lost += (unsigned)strtoul(at, NULL, 10);
	}
	lines = count_of(" info tested ");
	ck_assert_uint_gt(lost, 0);
	ck_assert_uint_gt(lines, 0);
	ck_assert_uint_eq(lines + lost, RECORDS + 1);
	ck_assert_uint_eq(count_of("warning log lines lost"),
			  count_of("since_start="));
}
END_TEST

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void *read_slowly(void *arg)
{
	size_t used = 0;
	ssize_t got;

	(void)arg;
	while ((got = read(reader, text + used, 4096)) > 0) {
		used += (size_t)got;
		usleep(100);
	}
	text[used] = '\0';
	return NULL;
}

/* At the end, many sessions are told of at once: none is lost. */
START_TEST(patience_loses_nothing)
{
	enum { RECORDS = 3000 };
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	pthread_t thread;

	fcntl(reader, F_SETPIPE_SZ, 4096);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_slowly, NULL), 0);
	logger_be_patient(l, 20000);
	for (unsigned i = 0; i < RECORDS; i++)
		put(l, LOG_LEVEL_INFO, i);
	logger_free(l);
	dup2(saved, STDERR_FILENO);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(count_of(" info tested "), RECORDS);
	ck_assert_uint_eq(count_of("lost"), 0);
}
END_TEST

START_TEST(patience_has_an_end)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	int64_t since_ms = now_ms();

	fcntl(reader, F_SETPIPE_SZ, 4096);
	logger_be_patient(l, 100);
	for (unsigned i = 0; i < 2000; i++)
		put(l, LOG_LEVEL_INFO, i);
	ck_assert_int_ge(now_ms() - since_ms, 100);
	ck_assert_int_lt(now_ms() - since_ms, 5000);
	fcntl(reader, F_SETPIPE_SZ, 1 << 20);
	logger_free(l);
	read_all();
	ck_assert_uint_gt(count_of("lost"), 0);
}
END_TEST

START_TEST(a_reader_that_is_gone_is_survived)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);

	close(reader);
	reader = -1;
	for (unsigned i = 0; i < 100; i++)
		put(l, LOG_LEVEL_INFO, i);
	logger_free(l);
}
END_TEST

/* At the end, a reader that does not read is waited for, but not for ever. */
START_TEST(the_end_comes_in_spite_of_the_reader)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	int64_t since_ms;

	fcntl(reader, F_SETPIPE_SZ, 4096);
	for (unsigned i = 0; i < 400; i++)
		put(l, LOG_LEVEL_INFO, i);
	since_ms = now_ms();
	logger_free(l);
	ck_assert_int_lt(now_ms() - since_ms, 10000);
}
END_TEST

/* Somebody else may have made the terminal non-blocking. */
START_TEST(a_nonblocking_stderr_is_waited_for)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	size_t used = 0;
	ssize_t got;

	fcntl(reader, F_SETPIPE_SZ, 4096);
	fcntl(STDERR_FILENO, F_SETFL, O_NONBLOCK);
	for (unsigned i = 0; i < 400; i++)
		put(l, LOG_LEVEL_INFO, i);
	while (used < 400 * 62) {
		got = read(reader, text + used, sizeof(text) - 1 - used);
		ck_assert_int_gt(got, 0);
		used += (size_t)got;
		text[used] = '\0';
		if (strstr(text, " n=399 "))
			break;
	}
	logger_free(l);
	ck_assert_uint_eq(count_of(" info tested "), 400);
	ck_assert_uint_eq(count_of("lost"), 0);
}
END_TEST

#define THREADS 4
#define EACH 100

static void *put_many(void *arg)
{
	for (unsigned i = 0; i < EACH; i++)
		put(arg, LOG_LEVEL_INFO, i);
	return NULL;
}

START_TEST(many_threads_may_write)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	pthread_t threads[THREADS];

	fcntl(reader, F_SETPIPE_SZ, 1 << 20);
	for (unsigned i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, put_many, l),
				 0);
	for (unsigned i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	logger_free(l);
	read_all();
	ck_assert_uint_eq(count_of("Z info tested n="), THREADS * EACH);
	ck_assert_uint_eq(count_of("\n"), THREADS * EACH);
}
END_TEST

/* The largest record there can be, and bytes that are no text. */
START_TEST(any_record_is_a_line)
{
	struct logger *l = start(LOGGER_TEXT, LOG_LEVEL_INFO);
	struct log_record r;
	char value[LOG_VALUE_MAX_BYTES];

	memset(value, '\n', sizeof(value));
	log_begin(&r, LOG_LEVEL_INFO, "large", 0);
	for (int i = 0; i < LOG_FIELDS_MAX; i++)
		log_bytes(&r, "field", bytes_of(value, sizeof(value)));
	logger_put(l, &r);
	log_begin(&r, LOG_LEVEL_INFO, "empty", INT64_MAX);
	logger_put(l, &r);
	logger_free(l);
	read_all();
	ck_assert_uint_eq(count_of("\n"), 2);
	expect_match("^1970-01-01T00:00:00Z info large field=\"");
}
END_TEST

START_TEST(nothing_to_free)
{
	logger_free(NULL);
	logger_free(start(LOGGER_TEXT, LOG_LEVEL_INFO));
	ck_assert_str_eq(read_all(), "");
}
END_TEST

static Suite *logger_suite(void)
{
	Suite *s = suite_create("logger");
	TCase *t = tcase_create("stderr");

	tcase_add_checked_fixture(t, redirect, restore);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_line_has_time_level_message_and_fields);
	tcase_add_test(t, json_is_an_object_a_line);
	tcase_add_test(t, a_word_has_the_present_time);
	tcase_add_test(t, what_is_less_urgent_is_left_out);
	tcase_add_test(t, systemd_is_told_the_level);
	tcase_add_test(t, a_stream_of_others_is_not_ours);
	tcase_add_test(t, too_much_is_lost_and_counted);
	tcase_add_test(t, patience_loses_nothing);
	tcase_add_test(t, patience_has_an_end);
	tcase_add_test(t, a_reader_that_is_gone_is_survived);
	tcase_add_test(t, the_end_comes_in_spite_of_the_reader);
	tcase_add_test(t, a_nonblocking_stderr_is_waited_for);
	tcase_add_test(t, many_threads_may_write);
	tcase_add_test(t, any_record_is_a_line);
	tcase_add_test(t, nothing_to_free);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(logger_suite)
