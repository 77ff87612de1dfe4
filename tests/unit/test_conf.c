#include "unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/options.h"
#include "conf_fixture.h"

#define SMALL              \
	"realm = \"r\";\n" \
	"users = ( { name = \"a\"; password = \"secret\"; } );\n"

START_TEST(the_smallest_configuration)
{
	struct conf *c = conf_good(SMALL, NULL);

	ck_assert_uint_eq(c->turn.realm_count, 1);
	ck_assert_str_eq(c->turn.realms[0].name, "r");
	ck_assert_uint_eq(c->turn.worker_count, 4);
	ck_assert_uint_eq(c->turn.limits.allocations, 16000);
	ck_assert_uint_eq(c->turn.limits.allocations_per_user, 0);
	ck_assert_uint_eq(c->turn.limits.allocations_per_source, 0);
	ck_assert_uint_eq(c->turn.limits.dynamic_allocations_per_user, 64);
	ck_assert_uint_eq(c->turn.limits.dynamic_allocations_per_source, 64);
	ck_assert_uint_eq(c->turn.limits.permissions_per_allocation, 32);
	ck_assert_uint_eq(c->turn.limits.channels_per_allocation, 32);
	ck_assert_uint_eq(c->turn.limits.peers.burst, 64);
	ck_assert_uint_eq(c->turn.limits.peers.per_s, 10);
	ck_assert_uint_eq(c->turn.limits.rates.allocation, 0);
	ck_assert_uint_eq(c->turn.limits.rates.user, 0);
	ck_assert_uint_eq(c->turn.limits.rates.total, 0);
	ck_assert_uint_eq(c->turn.limits.rates.burst_s, 2);
	ck_assert_uint_eq(c->turn.realms[0].allocation_rate, 0);
	ck_assert_uint_eq(c->turn.nonce.current.len, 0);
	ck_assert_uint_eq(c->turn.nonce.previous.len, 0);
	ck_assert_uint_eq(c->turn.nonce.lifetime_s, 600);
	ck_assert_uint_eq(c->turn.peers.generation, 1);
	ck_assert_uint_eq(c->turn.peers.allow_count, 0);
	ck_assert_uint_eq(c->turn.peers.own_ip_count, 0);
	ck_assert(!c->turn.lookups_are_async);
	ck_assert_int_eq(c->listener_buffer_bytes, 16 << 20);
	ck_assert_int_eq(c->relay_buffer_bytes, 208 << 10);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_INFO);
	ck_assert_int_eq(c->log_format, CONF_LOG_AUTO);
	ck_assert_str_eq(c->user, "turnpike");
	ck_assert_str_eq(c->state_dir, TURNPIKE_LOCALSTATEDIR "/lib/turnpike");
	conf_free(c);
}
END_TEST

START_TEST(every_option_has_its_place)
{
	struct conf *c = conf_good(
		SMALL
		"workers = 3; user = \"relay\"; state_dir = \"/tmp/x\";\n"
		"limits = { allocations = 100; allocations_per_user = 5;\n"
		"permissions = 6; channels = 7; allocations_per_source = 8;\n"
		"dynamic_allocations_per_user = 9;\n"
		"dynamic_allocations_per_source = 10;\n"
		"peers = 8; new_peers_per_second = 9;\n"
		"allocation_rate = \"1kB/s\"; user_rate = \"2kB/s\";\n"
		"total_rate = \"3kB/s\"; rate_burst = \"1m\"; };\n"
		"peers = { allow = [ \"10.0.0.0/8\" ];\n"
		"deny = [ \"198.51.100.1\", \"2001:db8::/32\" ]; };\n"
		"nonce = { lifetime = \"1h\"; key = \"00112233445566778899"
		"aabbccddeeff00112233445566778899aabbccddeeff\"; };\n"
		"buffers = { listener = \"1MiB\"; relay = \"64KiB\"; };\n"
		"log = { level = \"error\"; format = \"journal\"; };\n",
		NULL);

	ck_assert_uint_eq(c->turn.worker_count, 3);
	ck_assert_str_eq(c->user, "relay");
	ck_assert_str_eq(c->state_dir, "/tmp/x");
	ck_assert_uint_eq(c->turn.limits.allocations, 100);
	ck_assert_uint_eq(c->turn.limits.allocations_per_user, 5);
	ck_assert_uint_eq(c->turn.limits.allocations_per_source, 8);
	ck_assert_uint_eq(c->turn.limits.dynamic_allocations_per_user, 9);
	ck_assert_uint_eq(c->turn.limits.dynamic_allocations_per_source, 10);
	ck_assert_uint_eq(c->turn.limits.permissions_per_allocation, 6);
	ck_assert_uint_eq(c->turn.limits.channels_per_allocation, 7);
	ck_assert_uint_eq(c->turn.limits.peers.burst, 8);
	ck_assert_uint_eq(c->turn.limits.peers.per_s, 9);
	ck_assert_uint_eq(c->turn.limits.rates.allocation, 1000);
	ck_assert_uint_eq(c->turn.limits.rates.user, 2000);
	ck_assert_uint_eq(c->turn.limits.rates.total, 3000);
	ck_assert_uint_eq(c->turn.limits.rates.burst_s, 60);
	ck_assert_uint_eq(c->turn.peers.allow_count, 1);
	ck_assert_uint_eq(addr_ipv4_value(&c->turn.peers.allow[0].last),
			  0x0affffff);
	ck_assert_uint_eq(c->turn.peers.deny_count, 2);
	ck_assert_uint_eq(c->turn.peers.deny[1].first.family, ADDR_IPV6);
	ck_assert_uint_eq(c->turn.nonce.lifetime_s, 3600);
	ck_assert_uint_eq(c->turn.nonce.current.len, NONCE_KEY_BYTES);
	ck_assert_uint_eq(c->turn.nonce.current.bytes[31], 0xff);
	ck_assert_int_eq(c->listener_buffer_bytes, 1 << 20);
	ck_assert_int_eq(c->relay_buffer_bytes, 64 << 10);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_ERROR);
	ck_assert_int_eq(c->log_format, CONF_LOG_JOURNAL);
	conf_expect_in_force(c, "\tkey = \"***\";");
	conf_expect_in_force(c, "workers = 3;");
	conf_free(c);
}
END_TEST

/* The order of words in the table is that of the types they stand for. */
START_TEST(words_mean_what_they_say)
{
	static const char *const levels[] = { "error", "warning", "notice",
					      "info", "debug" };
	static const char *const formats[] = { "auto", "text", "json",
					       "journal" };
	char text[256];

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		struct conf *c;

		snprintf(text, sizeof(text), SMALL "log = { level = \"%s\"; };",
			 levels[i]);
		c = conf_good(text, NULL);
		ck_assert_str_eq(log_level_name(c->log_level), levels[i]);
		conf_free(c);
	}
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		struct conf *c;

		snprintf(text, sizeof(text),
			 SMALL "log = { format = \"%s\"; };", formats[i]);
		c = conf_good(text, NULL);
		ck_assert_int_eq((int)c->log_format, (int)i);
		conf_free(c);
	}
}
END_TEST

START_TEST(the_number_of_workers_follows_the_cpus)
{
	static const struct {
		uint16_t cpus;
		unsigned workers;
	} cases[] = { { 0, 1 }, { 1, 1 }, { 2, 2 }, { 64, 64 }, { 300, 64 } };
	struct conf_machine m = conf_machine_one();

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct conf *c;

		m.cpus = cases[i].cpus;
		c = conf_good(SMALL, &m);
		ck_assert_uint_eq(c->turn.worker_count, cases[i].workers);
		conf_free(c);
	}
}
END_TEST

START_TEST(the_service_manager_names_a_state_directory)
{
	struct conf_machine m = conf_machine_one();
	struct conf *c;

	m.state_dir = "/var/lib/turnpike:/var/lib/other";
	c = conf_good(SMALL, &m);
	ck_assert_str_eq(c->state_dir, "/var/lib/turnpike");
	conf_expect_in_force(c, "state_dir = \"/var/lib/turnpike\"; # default: "
				"$STATE_DIRECTORY, else /var/lib/turnpike");
	conf_free(c);
	m.state_dir = "";
	c = conf_good(SMALL, &m);
	ck_assert_str_eq(c->state_dir, TURNPIKE_LOCALSTATEDIR "/lib/turnpike");
	conf_free(c);
	/* The file beats it. */
	m.state_dir = "/x";
	c = conf_good(SMALL "state_dir = \"/y:z\";", &m);
	ck_assert_str_eq(c->state_dir, "/y:z");
	conf_free(c);
}
END_TEST

START_TEST(allocations_are_bounded_by_ports)
{
	struct conf *c =
		conf_good(SMALL "relay = { ports = [ 50000, 50009 ]; };", NULL);

	ck_assert_uint_eq(c->turn.limits.allocations, 10);
	conf_expect_in_force(c, "\tallocations = 10; # default");
	conf_free(c);
	c = conf_good(SMALL "relay = { ports = [ 50000, 50009 ];\n"
			    "advertise = \"203.0.113.7\"; };\n"
			    "limits = { allocations = 11; };",
		      NULL);
	ck_assert_uint_eq(c->turn.limits.allocations, 10);
	conf_expect_messages(
		REPORT_WARNING,
		"t.conf:5: limits.allocations is 11, but relay.ports has 10 "
		"ports, one for each; 10 are possible\n");
	conf_free(c);
}
END_TEST

/* Secrets are nowhere in what is printed, nor kept beyond their keys. */
START_TEST(passwords_are_not_printed)
{
	struct conf *c = conf_good(
		SMALL "nonce = { key = \"abababababababababababababababab"
		      "abababababababababababababababab\"; };",
		NULL);
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	conf_write(c, to);
	fclose(to);
	ck_assert_ptr_null(strstr(text, "\"secret\""));
	ck_assert_ptr_null(strstr(text, "abab"));
	free(text);
	conf_free(c);
}
END_TEST

#define LONG_NAME "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

/* Texts that are not a configuration, and every word that is said to that. */
static const struct {
	const char *text;
	const char *errors;
} broken[] = {
	{ "", "t.conf: no realm; expected one, such as realm = "
	      "\"turn.example.com\";\n" },
	{ "realm = \"r\"\nusers ( );\n",
	  "t.conf:2: not of the form NAME = VALUE; here or on the line before; "
	  "expected texts in double quotes, groups in { }, lists of groups in "
	  "( ), arrays in [ ], each followed by a semicolon\n" },
	{ "realm = \"r\";\nworkers = 1;\nworkers = 2;\n",
	  "t.conf:3: an option for the second time in its group; expected each "
	  "once\n" },
	{ SMALL "peers = { allow = [ \"a\", 1 ]; };\n",
	  "t.conf:3: elements of different types in an array; expected one "
	  "type\n" },
	{ SMALL "@include \"/etc/passwd\"\n",
	  "t.conf:3: \"@\" outside a text; expected no @include: the "
	  "configuration is a single file\n" },
	{ SMALL "wrokers = 2;\n",
	  "t.conf:3: unknown option \"wrokers\"; expected realm, workers, "
	  "state_dir, user, users_file, listen, relay, users, secrets, "
	  "time_limited, redis, peers, realms, limits, auth, nonce, "
	  "drain, buffers, log or control\n" },
	/* What later versions know this one does not. */
	{ SMALL "tls = { cert = \"north\"; };\n",
	  "t.conf:3: unknown option \"tls\"; expected realm, workers, "
	  "state_dir, user, users_file, listen, relay, users, secrets, "
	  "time_limited, redis, peers, realms, limits, auth, nonce, "
	  "drain, buffers, log or control\n" },
	{ SMALL "relay = {\n prots = [ 1, 2 ]; };\n",
	  "t.conf:4: unknown option \"prots\" in relay; expected address, "
	  "advertise, stun_servers or ports\n" },
	{ SMALL "listen = ( { },\n { port = 1;\n adress = \"x\"; } );\n",
	  "t.conf:5: unknown option \"adress\" in listen; expected transport, "
	  "address, port or realm\n" },
	{ SMALL LONG_NAME LONG_NAME " = 1;\n",
	  "t.conf:3: unknown option \"" LONG_NAME "aaaaaaaaaaaaaaaaaaaa\"...; "
	  "expected realm, workers, state_dir, user, users_file, listen, "
	  "relay, users, secrets, time_limited, redis, "
	  "peers, realms, limits, auth, nonce, "
	  "drain, buffers, log or control\n" },
	{ SMALL "limits = 5;\n",
	  "t.conf:3: limits is a number; expected limits = { };\n" },
	{ SMALL "limits = ( { } );\n",
	  "t.conf:3: limits is a list ( ); expected limits = { };\n" },
	{ SMALL "listen = { port = 1; };\n",
	  "t.conf:3: listen is a group { }; expected listen = ( { }, ... );\n" },
	{ SMALL "listen = [ 5 ];\n",
	  "t.conf:3: listen is an array [ ]; expected listen = ( { }, ... );"
	  "\n" },
	{ SMALL "listen = ( 5 );\n",
	  "t.conf:3: an element of listen is a number; expected a group { }\n" },
	/* It may be a password that stands in the wrong place. */
	{ "realm = \"r\";\nusers = ( \"alice:secret\" );\n",
	  "t.conf:2: an element of users is a text of 12 bytes; expected a "
	  "group { }\n" },
	{ "realm = \"r\";\nusers = \"alice:secret\";\n",
	  "t.conf:2: users is a text of 12 bytes; expected users = "
	  "( { }, ... );\n" },
	{ SMALL "state_dir = \"lib\";\n",
	  "t.conf:3: state_dir is \"lib\"; expected a path that begins with "
	  "/\n" },
	/* All, by line, whatever order they are found in. */
	{ "workers = 65;\nlisten = ( { port = 70000; } );\nfoo = 1;\n"
	  "users = ( { name = \"a\"; } );\nlog = { level = \"loud\"; };\n",
	  "t.conf:1: workers is 65; expected a whole number from 0 to 64\n"
	  "t.conf:2: listen.port is 70000; expected a whole number from 1 to "
	  "65535\n"
	  "t.conf:3: unknown option \"foo\"; expected realm, workers, "
	  "state_dir, user, users_file, listen, relay, users, secrets, "
	  "time_limited, redis, peers, realms, limits, auth, nonce, "
	  "drain, buffers, log or control\n"
	  "t.conf:4: user \"a\" has neither a password nor a key; expected "
	  "either a password or a key\n"
	  "t.conf:5: log.level is \"loud\"; expected \"error\", \"warning\", "
	  "\"notice\", \"info\" or \"debug\"\n"
	  "t.conf: no realm; expected one, such as realm = "
	  "\"turn.example.com\";\n" },
};

START_TEST(what_is_wrong_is_told)
{
	conf_expect_errors(broken[_i].text, NULL, broken[_i].errors);
}
END_TEST

START_TEST(twenty_errors_are_told_and_the_rest_counted)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	fputs(SMALL, to);
	for (int i = 0; i < 30; i++)
		fprintf(to, "x%d = 1;\n", i);
	fclose(to);
	ck_assert_ptr_null(conf_of(text, NULL));
	ck_assert_uint_eq(conf_report.count[REPORT_ERROR], 30);
	ck_assert_uint_eq(conf_report.messages[REPORT_ERROR][19].line, 22);
	free(text);
}
END_TEST

/* --- files --- */

static char folder[] = "/tmp/turnpike-test-XXXXXX";
static char path[64];

static void make_folder(void)
{
	memcpy(folder + sizeof(folder) - 7, "XXXXXX", 6);
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/t.conf", folder);
	report_init(&conf_report);
}

static void remove_folder(void)
{
	unlink(path);
	rmdir(folder);
}

static void put(const char *text, mode_t mode)
{
	FILE *to = fopen(path, "w");

	ck_assert_ptr_nonnull(to);
	fputs(text, to);
	fclose(to);
	chmod(path, mode);
}

static struct conf *load(const char *text, mode_t mode)
{
	struct conf_machine m = conf_machine_one();

	put(text, mode);
	report_init(&conf_report);
	return conf_load(path, &m, &conf_report);
}

#define RELAY "relay = { advertise = \"203.0.113.7\"; };\n"

START_TEST(files_that_all_can_read_are_warned_of)
{
	char expected[256];

	conf_free(load(SMALL RELAY, 0640));
	conf_expect_messages(REPORT_WARNING, "");
	conf_free(load(SMALL RELAY, 0644));
	snprintf(expected, sizeof(expected),
		 "t.conf: holds passwords or keys, and every user of this "
		 "machine can read it; chmod 640 %s\n",
		 path);
	conf_expect_messages(REPORT_WARNING, expected);
	conf_free(load(SMALL RELAY, 0642));
	snprintf(expected, sizeof(expected),
		 "t.conf: holds passwords or keys, and every user of this "
		 "machine can write it; chmod 640 %s\n",
		 path);
	conf_expect_messages(REPORT_WARNING, expected);

	/* Without a secret in it that does not matter. */
	conf_free(load("realm = \"r\";" RELAY, 0644));
	ck_assert_uint_eq(conf_report.count[REPORT_WARNING], 1);
	conf_free(
		load("realm = \"r\"; nonce = { key = \"00112233445566778899"
		     "aabbccddeeff00112233445566778899aabbccddeeff\"; };" RELAY,
		     0644));
	ck_assert_uint_eq(conf_report.count[REPORT_WARNING], 2);
}
END_TEST

START_TEST(a_file_that_is_not_there)
{
	struct conf_machine m = conf_machine_one();

	ck_assert_ptr_null(conf_load(path, &m, &conf_report));
	conf_expect_messages(
		REPORT_ERROR,
		"t.conf: cannot be opened: No such file or directory\n");
	report_init(&conf_report);
	ck_assert_ptr_null(conf_load_relay(path, &m, &conf_report));
	conf_expect_messages(
		REPORT_ERROR,
		"t.conf: cannot be opened: No such file or directory\n");
}
END_TEST

/* For who has to do with the relay only: no key is made, no file read. */
START_TEST(the_relay_is_decided_alone)
{
	struct conf_machine m = conf_machine_one();
	struct conf *c;

	put(SMALL RELAY "users_file = \"nowhere\"; secrets = ( { secret_file = "
			"\"/nonexistent\"; } );\n",
	    0640);
	report_init(&conf_report);
	c = conf_load_relay(path, &m, &conf_report);
	ck_assert_ptr_nonnull(c);
	ck_assert_str_eq(c->turn.realms[0].name, "r");
	ck_assert_uint_eq(c->listener_count, 1);
	ck_assert_uint_eq(addr_ipv4_value(&c->turn.relay), 0xcb007107);
	ck_assert_ptr_null(c->users);
	ck_assert_uint_eq(c->secrets.count, 0);
	conf_free(c);

	/* What cannot be understood is told wherever it stands. */
	put(SMALL "limits = { permissions = \"many\"; };\n", 0640);
	report_init(&conf_report);
	ck_assert_ptr_null(conf_load_relay(path, &m, &conf_report));
	ck_assert_uint_eq(conf_report.count[REPORT_ERROR], 1);
}
END_TEST

/* Takes out the comment marks as somebody would who wants it all. */
static char *uncomment(const char *sample)
{
	char *text = malloc(65536), *to = text;
	bool at_start = true;

	ck_assert_ptr_nonnull(text);
	for (; *sample; sample++) {
		bool mark = at_start && *sample == '#' && sample[1] != ' ';

		at_start = *sample == '\n';
		if (!mark)
			*to++ = *sample;
	}
	*to = '\0';
	return text;
}

static char *read_sample(void)
{
	FILE *in = fopen("etc/turnpike.conf", "r");
	char *text = calloc(1, 65536);

	ck_assert_msg(in != NULL, "tests run at the top of the tree");
	ck_assert_uint_gt(fread(text, 1, 65535, in), 0);
	fclose(in);
	return text;
}

/* As shipped, it waits for a realm; with everything shown, it is sound. */
START_TEST(the_sample_file_is_a_configuration)
{
	char *sample = read_sample(), *whole = uncomment(sample), *at;
	struct conf *c;

	conf_expect_errors(sample, NULL,
			   "t.conf: no realm; expected one, such as realm = "
			   "\"turn.example.com\";\n");
	at = strstr(whole, "\t#password");
	ck_assert_ptr_nonnull(at);
	at[1] = ' ';
	at = strstr(whole, "\t#secret =");
	ck_assert_ptr_nonnull(at);
	at[1] = ' ';
	c = conf_good(whole, NULL);
	ck_assert_str_eq(c->turn.realms[0].name, "turn.example.com");
	ck_assert_uint_eq(static_users_count(c->users), 1);
	conf_free(c);
	free(whole);
	free(sample);
}
END_TEST

static char told[512];

static void tell(void *arg, unsigned option)
{
	char name[OPTION_TEXT_BYTES];
	size_t len = strlen(told);

	ck_assert_ptr_eq(arg, told);
	snprintf(told + len, sizeof(told) - len, "%s ",
		 option_path((enum option_id)option, name));
}

/* What of the second text needs a restart after the first. */
static const char *compare(const char *in_force, const char *wanted)
{
	struct conf *a = conf_good(in_force, NULL);
	struct conf *b = conf_good(wanted, NULL);

	told[0] = '\0';
	conf_compare(a, b, tell, told);
	conf_free(a);
	conf_free(b);
	return told;
}

START_TEST(what_needs_a_restart_is_named)
{
	ck_assert_str_eq(compare("realm = \"r\";", "realm = \"r\";"), "");
	ck_assert_str_eq(compare("realm = \"r\";",
				 "realm = \"r\"; users = ( { name = \"a\"; "
				 "password = \"p\"; } );"),
			 "");
	ck_assert_str_eq(compare("realm = \"r\";", "realm = \"s\";"), "realm ");
	ck_assert_str_eq(compare("realm = \"r\";",
				 "realm = \"r\"; workers = 5; "
				 "redis = { timeout = \"3s\"; };"),
			 "workers redis.timeout ");
	/* Listeners come and go, and so does the advertised address. */
	ck_assert_str_eq(compare("realm = \"r\";",
				 "realm = \"r\"; listen = ( { port = 1; }, "
				 "{ port = 2; realm = \"r\"; } );"),
			 "");
	ck_assert_str_eq(compare("realm = \"r\";",
				 "realm = \"r\"; relay = { advertise = "
				 "\"203.0.113.7\"; };"),
			 "");
}
END_TEST

#define LIMITS "realm = \"r\"; limits = { allocations = 9; permissions = 9; "

/* Pools are as large as they were made, and may hold less. */
START_TEST(what_is_raised_needs_a_restart)
{
	ck_assert_str_eq(
		compare(LIMITS "channels = 9; };", LIMITS "channels = 8; };"),
		"");
	ck_assert_str_eq(
		compare(LIMITS "channels = 9; };", LIMITS "channels = 10; };"),
		"limits.channels ");
	ck_assert_str_eq(compare(LIMITS "};", "realm = \"r\";"),
			 "limits.allocations limits.permissions ");
}
END_TEST

#define REDIS "realm = \"r\"; redis = { endpoints = [ \"127.0.0.1:1\" ]; "

/* Though none of them is a text that could be compared any more. */
START_TEST(another_secret_needs_a_restart)
{
	ck_assert_str_eq(compare(REDIS "password = \"a\"; };",
				 REDIS "password = \"a\"; };"),
			 "");
	ck_assert_str_eq(compare(REDIS "password = \"a\"; };",
				 REDIS "password = \"b\"; };"),
			 "redis.password ");
	ck_assert_str_eq(compare(REDIS "};", REDIS "password = \"b\"; };"),
			 "redis.password ");
	ck_assert_str_eq(
		compare(REDIS "sentinel = \"m\"; sentinel_password = \"a\"; };",
			REDIS
			"sentinel = \"m\"; sentinel_password = \"b\"; };"),
		"redis.sentinel_password ");
}
END_TEST

/* The file is the same one. */
START_TEST(another_secret_in_its_file_needs_a_restart)
{
	struct conf_machine machine = conf_machine_one();
	char secret[] = "/tmp/turnpike-conf-XXXXXX", config[256];
	struct conf *a, *b;
	int fd = mkstemp(secret);

	ck_assert_int_eq(write(fd, "one", 3), 3);
	snprintf(config, sizeof(config), REDIS "password_file = \"%s\"; };",
		 secret);
	machine.is_closed = false;
	a = conf_good(config, &machine);
	ck_assert_int_eq(pwrite(fd, "two", 3, 0), 3);
	b = conf_good(config, &machine);
	told[0] = '\0';
	conf_compare(a, a, tell, told);
	ck_assert_str_eq(told, "");
	conf_compare(a, b, tell, told);
	ck_assert_str_eq(told, "redis.password_file ");
	conf_free(a);
	conf_free(b);
	close(fd);
	unlink(secret);
}
END_TEST

static Suite *conf_suite(void)
{
	Suite *s = suite_create("conf");
	TCase *t = tcase_create("decide");

	tcase_add_test(t, the_smallest_configuration);
	tcase_add_test(t, every_option_has_its_place);
	tcase_add_test(t, words_mean_what_they_say);
	tcase_add_test(t, the_number_of_workers_follows_the_cpus);
	tcase_add_test(t, the_service_manager_names_a_state_directory);
	tcase_add_test(t, allocations_are_bounded_by_ports);
	tcase_add_test(t, passwords_are_not_printed);
	tcase_add_loop_test(t, what_is_wrong_is_told, 0,
			    sizeof(broken) / sizeof(broken[0]));
	tcase_add_test(t, twenty_errors_are_told_and_the_rest_counted);
	tcase_add_test(t, what_needs_a_restart_is_named);
	tcase_add_test(t, what_is_raised_needs_a_restart);
	tcase_add_test(t, another_secret_needs_a_restart);
	tcase_add_test(t, another_secret_in_its_file_needs_a_restart);
	suite_add_tcase(s, t);

	t = tcase_create("files");
	tcase_add_checked_fixture(t, make_folder, remove_folder);
	tcase_add_test(t, files_that_all_can_read_are_warned_of);
	tcase_add_test(t, the_relay_is_decided_alone);
	tcase_add_test(t, a_file_that_is_not_there);
	tcase_add_test(t, the_sample_file_is_a_configuration);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(conf_suite)
