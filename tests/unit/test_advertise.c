/* link: -Wl,--wrap=inotify_init1 */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "conf_fixture.h"
#include "worker/advertise.h"

#define BASE "realm = \"r\"; users = ( { name = \"a\"; password = \"b\"; } );\n"
#define AUTO BASE "relay = { advertise = \"auto\"; };\n"
#define GIVEN BASE "relay = { advertise = \"20.0.0.9\"; };\n"
#define STAYS "the advertised address stays as it was"

int __real_inotify_init1(int flags);
int __wrap_inotify_init1(int flags);

static bool no_inotify;

int __wrap_inotify_init1(int flags)
{
	if (!no_inotify)
		return __real_inotify_init1(flags);
	errno = EMFILE;
	return -1;
}

static char folder[] = "/tmp/turnpike-advertise-XXXXXX";
static char path[64];
static struct conf_machine machine;
static struct conf *conf;
static struct advertise advertise;
static struct logger *logger;
static int saved;
static FILE *log_file;
static char text[16 << 10];

static void put(const char *address, const char *source)
{
	struct advertised a = { .found_s = 1 };

	ck_assert(addr_parse(address, &a.address));
	snprintf(a.source, sizeof(a.source), "%s", source);
	ck_assert_int_eq(advertised_write(path, &a), 0);
}

static void spoil(void)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	fputs("spoilt\n", to);
	fclose(to);
}

static void set_up(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/advertised", folder);
	machine = conf_machine_one();
	machine.addrs[0] = addr_ipv4(0x0a000004, 0);
	machine.addr_count = 1;
	machine.runtime_dir = folder;
	machine.is_closed = false;

	/* The log goes to standard error. */
	saved = dup(STDERR_FILENO);
	log_file = tmpfile();
	ck_assert_ptr_nonnull(log_file);
	dup2(fileno(log_file), STDERR_FILENO);
	ck_assert_int_eq(logger_new(&logger, LOGGER_TEXT, LOG_LEVEL_INFO), 0);
}

static void tear_down(void)
{
	advertise_close(&advertise);
	conf_free(conf);
	conf = NULL;
	logger_free(logger);
	dup2(saved, STDERR_FILENO);
	close(saved);
	fclose(log_file);
	unlink(path);
	rmdir(folder);
}

static void open_with(const char *config)
{
	conf = conf_good(config, &machine);
	ck_assert_int_eq(advertise_open(&advertise, conf, logger), 0);
}

static void follow(const char *config)
{
	struct conf *before = conf;

	conf = conf_good(config, &machine);
	advertise_follow(&advertise, conf);
	/* Nothing of the former is looked at any more. */
	conf_free(before);
}

static bool has_news(void)
{
	struct pollfd p = { .fd = advertise.fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1;
}

static void expect(const char *address)
{
	const struct advertised *found = advertise_look(&advertise);
	char printed[ADDR_TEXT_BYTES];

	ck_assert_int_eq(found != NULL, address != NULL);
	if (found)
		ck_assert_str_eq(addr_print(&found->address, printed), address);
	ck_assert(!has_news());
}

/* How many lines with that have been logged; the log is at its end then. */
static unsigned logged(const char *line)
{
	unsigned count = 0;
	size_t len;

	logger_free(logger);
	logger = NULL;
	rewind(log_file);
	len = fread(text, 1, sizeof(text) - 1, log_file);
	text[len] = '\0';
	for (const char *at = text; (at = strstr(at, line)); at++)
		count++;
	return count;
}

START_TEST(another_address_is_news)
{
	put("20.0.0.1", "azure-metadata");
	open_with(AUTO);
	ck_assert_str_eq(advertise.source, "azure-metadata");
	ck_assert(!has_news());
	put("20.0.0.2", "azure-load-balancer");
	ck_assert(has_news());
	expect("20.0.0.2");
	/* Whether it is in force is for others to say. */
	ck_assert_str_eq(advertise.source, "azure-metadata");
	advertise_taken(&advertise);
	ck_assert_str_eq(advertise.source, "azure-load-balancer");
	/* It is asked for every minute, too. */
	expect("20.0.0.2");
	ck_assert_uint_eq(logged("\n"), 0);
}
END_TEST

START_TEST(a_file_that_is_gone_is_no_news)
{
	put("20.0.0.1", "azure-metadata");
	open_with(AUTO);
	unlink(path);
	ck_assert(has_news());
	expect(NULL);
	expect(NULL);
	spoil();
	ck_assert(has_news());
	expect(NULL);
	put("10.0.0.9", "azure-metadata");
	expect(NULL);
	put("20.0.0.1", "azure-metadata");
	expect("20.0.0.1");
	unlink(path);
	expect(NULL);
	ck_assert_str_eq(advertise.source, "azure-metadata");
	/* Each trouble once; the first one twice, since it went between. */
	ck_assert_uint_eq(logged(STAYS), 4);
	ck_assert_ptr_nonnull(strstr(text, "is not there"));
	ck_assert_ptr_nonnull(strstr(text, "is not as turnpike-address"));
	ck_assert_ptr_nonnull(strstr(text, "not a public one"));
	ck_assert_ptr_nonnull(strstr(text, path));
}
END_TEST

START_TEST(a_directory_made_anew_is_watched)
{
	put("20.0.0.1", "azure-metadata");
	open_with(AUTO);
	unlink(path);
	ck_assert_int_eq(rmdir(folder), 0);
	expect(NULL);
	ck_assert_int_eq(mkdir(folder, 0700), 0);
	expect(NULL);
	put("20.0.0.2", "azure-metadata");
	ck_assert(has_news());
	expect("20.0.0.2");
}
END_TEST

START_TEST(what_is_given_is_not_looked_for)
{
	put("20.0.0.1", "azure-metadata");
	open_with(GIVEN);
	ck_assert_str_eq(advertise.source, "file");
	put("20.0.0.2", "azure-metadata");
	ck_assert(!has_news());
	expect(NULL);
}
END_TEST

START_TEST(a_public_relay_address_is_not_looked_for)
{
	machine.addrs[0] = addr_ipv4(0x14000009, 0);
	put("20.0.0.1", "azure-metadata");
	open_with(AUTO);
	ck_assert_str_eq(advertise.source, "relay.address");
	expect(NULL);
}
END_TEST

START_TEST(a_reload_changes_who_says_it)
{
	put("20.0.0.1", "azure-metadata");
	open_with(GIVEN);
	follow(AUTO);
	ck_assert_str_eq(advertise.source, "azure-metadata");
	put("20.0.0.2", "azure-metadata");
	ck_assert(has_news());
	expect("20.0.0.2");
	follow(GIVEN);
	ck_assert_str_eq(advertise.source, "file");
	put("20.0.0.1", "azure-metadata");
	expect(NULL);
}
END_TEST

START_TEST(what_changed_after_the_file_was_read_is_seen)
{
	put("20.0.0.1", "azure-metadata");
	conf = conf_good(AUTO, &machine);
	put("20.0.0.2", "azure-metadata");
	ck_assert_int_eq(advertise_open(&advertise, conf, logger), 0);
	ck_assert(!has_news());
	expect("20.0.0.2");
}
END_TEST

/* The reload has warned of it; a second line says nothing new. */
START_TEST(a_reload_without_an_address_changes_nothing)
{
	put("20.0.0.1", "azure-metadata");
	open_with(AUTO);
	unlink(path);
	follow(AUTO);
	ck_assert_str_eq(advertise.source, "azure-metadata");
	expect(NULL);
	ck_assert_uint_eq(logged(STAYS), 0);
}
END_TEST

START_TEST(without_inotify_it_is_closed)
{
	conf = conf_good(GIVEN, &machine);
	no_inotify = true;
	ck_assert_int_eq(advertise_open(&advertise, conf, logger), -EMFILE);
	no_inotify = false;
	ck_assert_ptr_null(advertise_look(&advertise));
	advertise_close(&advertise);
}
END_TEST

static Suite *advertise_suite(void)
{
	Suite *s = suite_create("advertise");
	TCase *t = tcase_create("watch");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, another_address_is_news);
	tcase_add_test(t, a_file_that_is_gone_is_no_news);
	tcase_add_test(t, a_directory_made_anew_is_watched);
	tcase_add_test(t, what_is_given_is_not_looked_for);
	tcase_add_test(t, a_public_relay_address_is_not_looked_for);
	tcase_add_test(t, a_reload_changes_who_says_it);
	tcase_add_test(t, what_changed_after_the_file_was_read_is_seen);
	tcase_add_test(t, a_reload_without_an_address_changes_nothing);
	tcase_add_test(t, without_inotify_it_is_closed);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(advertise_suite)
