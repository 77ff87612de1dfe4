#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "conf/value.h"

static struct report report;

/* Reads `setting` ("= ..." without the name) as a value of the option. */
static bool read_setting(struct value *v, enum option_id id,
			 const char *setting)
{
	char text[1024];
	config_t config;
	bool ok;

	report_init(&report);
	memset(v, 0, sizeof(*v));
	snprintf(text, sizeof(text), "\nv = %s;\n", setting);
	config_init(&config);
	ck_assert_msg(config_read_string(&config, text) == CONFIG_TRUE, "%s",
		      setting);
	ok = value_read(v, id, config_lookup(&config, "v"), &report);
	config_destroy(&config);
	return ok;
}

static char *written(const struct value *v, enum option_id id)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	value_write(v, id, to);
	fclose(to);
	return text;
}

/* What is taken, and how it is written again. */
static const struct {
	enum option_id id;
	const char *setting;
	const char *written;
} good[] = {
	{ OPT_WORKERS, "0", "0" },
	{ OPT_WORKERS, "64", "64" },
	{ OPT_WORKERS, "+8", "8" },
	{ OPT_WORKERS, "8L", "8" },
	{ OPT_LISTEN_PORT, "65535", "65535" },
	{ OPT_USER, "\"a\"", "\"a\"" },
	{ OPT_USER, "\"a\" \"b\"", "\"ab\"" },
	{ OPT_USER, "\"q\\\"b\\\\c\\x07\"", "\"q\\\"b\\\\c\\x07\"" },
	{ OPT_AUTH_SHA256, "\"off\"", "\"off\"" },
	{ OPT_LOG_LEVEL, "\"debug\"", "\"debug\"" },
	{ OPT_NONCE_LIFETIME, "\"1s\"", "\"1s\"" },
	{ OPT_NONCE_LIFETIME, "\"60s\"", "\"1m\"" },
	{ OPT_NONCE_LIFETIME, "\"1h\"", "\"1h\"" },
	{ OPT_BUFFERS_RELAY, "\"4KiB\"", "\"4KiB\"" },
	{ OPT_BUFFERS_RELAY, "\"1024MiB\"", "\"1GiB\"" },
	{ OPT_LIMITS_USER_RATE, "\"0\"", "\"0\"" },
	{ OPT_LIMITS_USER_RATE, "\"0B/s\"", "\"0\"" },
	{ OPT_LIMITS_USER_RATE, "\"4Mbit/s\"", "\"4Mbit/s\"" },
	{ OPT_LIMITS_USER_RATE, "\"500kB/s\"", "\"4Mbit/s\"" },
	{ OPT_LIMITS_USER_RATE, "\"64kbit/s\"", "\"64kbit/s\"" },
	{ OPT_LIMITS_USER_RATE, "\"1500B/s\"", "\"12kbit/s\"" },
	{ OPT_LIMITS_USER_RATE, "\"1MB/s\"", "\"8Mbit/s\"" },
	{ OPT_LIMITS_USER_RATE, "\"100Gbit/s\"", "\"100Gbit/s\"" },
	{ OPT_LIMITS_USER_RATE, "\"12GB/s\"", "\"96Gbit/s\"" },
	{ OPT_USERS_RATE, "\"1B/s\"", "\"1B/s\"" },
	{ OPT_RELAY_ADDRESS, "\"192.0.2.1\"", "\"192.0.2.1\"" },
	{ OPT_RELAY_ADDRESS, "\"0.0.0.0\"", "\"0.0.0.0\"" },
	{ OPT_RELAY_ADVERTISE, "\"192.0.2.1\"", "\"192.0.2.1\"" },
	{ OPT_RELAY_ADVERTISE, "\"auto\"", "\"auto\"" },
	{ OPT_RELAY_PORTS, "[ 1024, 65535 ]", "[ 1024, 65535 ]" },
	{ OPT_RELAY_PORTS, "[ 5000, 5000 ]", "[ 5000, 5000 ]" },
	{ OPT_PEERS_DENY, "[ ]", "[ ]" },
	{ OPT_PEERS_DENY, "[ \"192.0.2.1\" ]", "[ \"192.0.2.1\" ]" },
	{ OPT_PEERS_DENY,
	  "[ \"192.0.2.1 port 5\", \"192.0.2.3-192.0.2.9 ports 1-2\" ]",
	  "[ \"192.0.2.1 port 5\", \"192.0.2.3-192.0.2.9 ports 1-2\" ]" },
	{ OPT_PEERS_DENY, "[ \"192.0.2.0/24\", \"2001:db8::/32\" ]",
	  "[ \"192.0.2.0/24\", \"2001:db8::/32\" ]" },
	{ OPT_SECRETS_NOT_AFTER, "\"2027-01-31T00:00:00Z\"",
	  "\"2027-01-31T00:00:00Z\"" },
	{ OPT_SECRETS_NOT_AFTER, "\"2028-02-29T23:59:59Z\"",
	  "\"2028-02-29T23:59:59Z\"" },
	{ OPT_SECRETS_NOT_BEFORE, "\"1970-01-01T00:00:01Z\"",
	  "\"1970-01-01T00:00:01Z\"" },
	{ OPT_SECRETS_NOT_BEFORE, "\"9999-12-31T23:59:59Z\"",
	  "\"9999-12-31T23:59:59Z\"" },
	{ OPT_REDIS_ENDPOINTS, "[ ]", "[ ]" },
	{ OPT_REDIS_ENDPOINTS, "[ \"a:1\", \"q\\\"\" ]",
	  "[ \"a:1\", \"q\\\"\" ]" },
	{ OPT_REDIS_STALE, "\"0s\"", "\"0s\"" },
	{ OPT_REDIS_STALE, "\"0h\"", "\"0s\"" },
	{ OPT_USERS_PASSWORD, "\"secret\"", "\"***\"" },
	{ OPT_USERS_KEY_MD5, "\"0123456789abcdef0123456789ABCDEF\"",
	  "\"***\"" },
};

START_TEST(good_values_are_taken)
{
	struct value v;
	char *text;

	ck_assert_msg(read_setting(&v, good[_i].id, good[_i].setting), "%s",
		      good[_i].setting);
	ck_assert_uint_eq(report.count[REPORT_ERROR], 0);
	ck_assert(v.is_set && v.is_given && !v.is_wrong);
	ck_assert_uint_eq(v.line, 2);
	text = written(&v, good[_i].id);
	ck_assert_str_eq(text, good[_i].written);
	free(text);
	value_fini(&v, good[_i].id);
	ck_assert(!v.is_set);
}
END_TEST

#define WHOLE(max) "a whole number from 0 to " max
#define LIFETIME                                                         \
	"a duration with its unit, \"10s\", \"10m\" or \"1h\", from 1s " \
	"to 1h"
#define SIZE "a size with its unit, \"64KiB\" or \"16MiB\", from 4KiB to 1GiB"
#define RATE(min)                                                     \
	"a rate with its unit, \"4Mbit/s\" or \"500kB/s\", from " min \
	" to 100Gbit/s"
#define ADDRESS "an IPv4 address such as \"192.0.2.1\" (IPv6 is not served yet)"
#define AUTO "an IPv4 address such as \"192.0.2.1\", or \"auto\""
#define PORTS "[ FIRST, LAST ], two ports in order from 1024 to 65535"
#define RULES                                              \
	"an array of addresses, prefixes and ranges such " \
	"as [ \"192.0.2.0/24 port 443\" ], at most 512"
#define RULE                                                                   \
	"an address such as \"192.0.2.1\", a prefix such as \"192.0.2.0/24\" " \
	"without bits after its length, or a range such as "                   \
	"\"192.0.2.1-192.0.2.9\", and after it maybe \" port 443\" or "        \
	"\" ports 3478-3481\""

#define TIME "a time such as \"2027-01-31T00:00:00Z\", after 1970"
#define TEXTS "an array of texts, at most 8"

/* What is not, and what is said to that. */
static const struct {
	enum option_id id;
	const char *setting;
	const char *error;
} bad[] = {
	{ OPT_WORKERS, "65", "workers is 65; expected " WHOLE("64") },
	{ OPT_WORKERS, "-1", "workers is -1; expected " WHOLE("64") },
	{ OPT_WORKERS, "0x2", "workers is hexadecimal; expected " WHOLE("64") },
	/* libconfig would make 1 of it. */
	{ OPT_WORKERS, "0x100000001",
	  "workers is hexadecimal; expected " WHOLE("64") },
	{ OPT_WORKERS, "1.5",
	  "workers is a number with a fraction; expected " WHOLE("64") },
	{ OPT_WORKERS, "\"2\"", "workers is \"2\"; expected " WHOLE("64") },
	{ OPT_WORKERS, "true", "workers is true; expected " WHOLE("64") },
	{ OPT_WORKERS, "[ 2 ]",
	  "workers is an array [ ]; expected " WHOLE("64") },
	{ OPT_WORKERS, "( 2 )",
	  "workers is a list ( ); expected " WHOLE("64") },
	{ OPT_WORKERS, "{ }", "workers is a group { }; expected " WHOLE("64") },
	{ OPT_USER, "\"\"", "user is \"\"; expected a text of 1 to 255 bytes" },
	{ OPT_USER, "5", "user is 5; expected a text of 1 to 255 bytes" },
	{ OPT_AUTH_SHA256, "\"On\"",
	  "auth.sha256 is \"On\"; expected \"auto\", \"on\" or \"off\"" },
	{ OPT_AUTH_SHA256, "true",
	  "auth.sha256 is true; expected \"auto\", \"on\" or \"off\"" },
	{ OPT_LISTEN_TRANSPORT, "\"tls\"",
	  "listen.transport is \"tls\"; expected \"udp\" (others are not "
	  "served yet)" },
	{ OPT_NONCE_LIFETIME, "\"10\"",
	  "nonce.lifetime is \"10\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "600",
	  "nonce.lifetime is 600; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"0s\"",
	  "nonce.lifetime is \"0s\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"2h\"",
	  "nonce.lifetime is \"2h\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"61m\"",
	  "nonce.lifetime is \"61m\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"10 m\"",
	  "nonce.lifetime is \"10 m\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\" 10m\"",
	  "nonce.lifetime is \" 10m\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"-1m\"",
	  "nonce.lifetime is \"-1m\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"m\"",
	  "nonce.lifetime is \"m\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"10min\"",
	  "nonce.lifetime is \"10min\"; expected " LIFETIME },
	{ OPT_NONCE_LIFETIME, "\"99999999999999999999s\"",
	  "nonce.lifetime is \"99999999999999999999s\"; expected " LIFETIME },
	{ OPT_BUFFERS_RELAY, "\"16MB\"",
	  "buffers.relay is \"16MB\"; expected " SIZE },
	{ OPT_BUFFERS_RELAY, "\"2GiB\"",
	  "buffers.relay is \"2GiB\"; expected " SIZE },
	{ OPT_LIMITS_USER_RATE, "\"5\"",
	  "limits.user_rate is \"5\"; expected " RATE("0B/s") },
	{ OPT_LIMITS_USER_RATE, "0",
	  "limits.user_rate is 0; expected " RATE("0B/s") },
	{ OPT_LIMITS_USER_RATE, "\"4Mbps\"",
	  "limits.user_rate is \"4Mbps\"; expected " RATE("0B/s") },
	{ OPT_LIMITS_USER_RATE, "\"101Gbit/s\"",
	  "limits.user_rate is \"101Gbit/s\"; expected " RATE("0B/s") },
	{ OPT_LIMITS_USER_RATE, "\"9223372036854775807GB/s\"",
	  "limits.user_rate is \"9223372036854775807GB/s\"; "
	  "expected " RATE("0B/s") },
	{ OPT_USERS_RATE, "\"0\"",
	  "users.rate is \"0\"; expected " RATE("1B/s") },
	{ OPT_RELAY_ADDRESS, "\"::1\"",
	  "relay.address is \"::1\"; expected " ADDRESS },
	{ OPT_RELAY_ADDRESS, "\"auto\"",
	  "relay.address is \"auto\"; expected " ADDRESS },
	{ OPT_RELAY_ADVERTISE, "\"Auto\"",
	  "relay.advertise is \"Auto\"; expected " AUTO },
	{ OPT_RELAY_ADVERTISE, "5", "relay.advertise is 5; expected " AUTO },
	{ OPT_RELAY_ADDRESS, "\"192.0.2.1:3478\"",
	  "relay.address is \"192.0.2.1:3478\"; expected " ADDRESS },
	{ OPT_RELAY_ADDRESS, "\"192.0.2.01\"",
	  "relay.address is \"192.0.2.01\"; expected " ADDRESS },
	{ OPT_RELAY_ADDRESS, "\"turn.example.com\"",
	  "relay.address is \"turn.example.com\"; expected " ADDRESS },
	{ OPT_RELAY_PORTS, "[ 1023, 2000 ]",
	  "relay.ports is an array [ ]; expected " PORTS },
	{ OPT_RELAY_PORTS, "[ 2000, 1999 ]",
	  "relay.ports is an array [ ]; expected " PORTS },
	{ OPT_RELAY_PORTS, "[ 2000 ]",
	  "relay.ports is an array [ ]; expected " PORTS },
	{ OPT_RELAY_PORTS, "[ 2000, 65536 ]",
	  "relay.ports is an array [ ]; expected " PORTS },
	{ OPT_RELAY_PORTS, "[ \"2000\", \"3000\" ]",
	  "relay.ports is an array [ ]; expected " PORTS },
	{ OPT_RELAY_PORTS, "( 2000, 3000 )",
	  "relay.ports is a list ( ); expected " PORTS },
	{ OPT_RELAY_PORTS, "\"2000-3000\"",
	  "relay.ports is \"2000-3000\"; expected " PORTS },
	{ OPT_PEERS_DENY, "\"192.0.2.1\"",
	  "peers.deny is \"192.0.2.1\"; expected " RULES },
	{ OPT_PEERS_DENY, "[ \"192.0.2.1/24\" ]",
	  "in peers.deny an element is \"192.0.2.1/24\"; expected " RULE },
	{ OPT_PEERS_DENY, "[ \"192.0.2.1 port 0\" ]",
	  "in peers.deny an element is \"192.0.2.1 port 0\"; expected " RULE },
	{ OPT_PEERS_DENY, "[ 5 ]",
	  "in peers.deny an element is 5; expected " RULE },
	{ OPT_SECRETS_NOT_AFTER, "\"2027-01-31\"",
	  "secrets.not_after is \"2027-01-31\"; expected " TIME },
	{ OPT_SECRETS_NOT_AFTER, "\"2027-02-29T00:00:00Z\"",
	  "secrets.not_after is \"2027-02-29T00:00:00Z\"; expected " TIME },
	{ OPT_SECRETS_NOT_AFTER, "\"2027-01-31T24:00:00Z\"",
	  "secrets.not_after is \"2027-01-31T24:00:00Z\"; expected " TIME },
	{ OPT_SECRETS_NOT_AFTER, "\"2027-1-31T00:00:00Z\"",
	  "secrets.not_after is \"2027-1-31T00:00:00Z\"; expected " TIME },
	{ OPT_SECRETS_NOT_AFTER, "\"2027-01-31T00:00:00+01:00\"",
	  "secrets.not_after is \"2027-01-31T00:00:00+01:00\"; expected " TIME },
	{ OPT_SECRETS_NOT_AFTER, "\"2027-01-31T00:00:00Z \"",
	  "secrets.not_after is \"2027-01-31T00:00:00Z \"; expected " TIME },
	{ OPT_SECRETS_NOT_AFTER, "\"1970-01-01T00:00:00Z\"",
	  "secrets.not_after is \"1970-01-01T00:00:00Z\"; expected " TIME },
	{ OPT_SECRETS_NOT_AFTER, "1800000000",
	  "secrets.not_after is 1800000000; expected " TIME },
	{ OPT_REDIS_ENDPOINTS, "\"a:1\"",
	  "redis.endpoints is \"a:1\"; expected " TEXTS },
	{ OPT_REDIS_ENDPOINTS, "[ 5 ]",
	  "redis.endpoints is an array [ ]; expected " TEXTS },
	{ OPT_REDIS_ENDPOINTS,
	  "[ \"1\", \"2\", \"3\", \"4\", \"5\", \"6\", \"7\", \"8\", \"9\" ]",
	  "redis.endpoints is an array [ ]; expected " TEXTS },
	/* Of secrets only the length is told. */
	{ OPT_USERS_PASSWORD, "\"\"",
	  "users.password is a text of 0 bytes; expected a text of 1 to 1024 "
	  "bytes" },
	{ OPT_USERS_PASSWORD, "12345",
	  "users.password is a number; expected a text of 1 to 1024 bytes" },
	{ OPT_USERS_KEY_MD5, "\"0123456789abcdef0123456789abcde\"",
	  "users.key_md5 is a text of 31 bytes; expected 32 hexadecimal "
	  "digits" },
	{ OPT_USERS_KEY_MD5, "\"0123456789abcdef0123456789abcdeg\"",
	  "users.key_md5 is a text of 32 bytes; expected 32 hexadecimal "
	  "digits" },
	{ OPT_NONCE_KEY, "\"00\"",
	  "nonce.key is a text of 2 bytes; expected 64 hexadecimal digits" },
};

START_TEST(bad_values_are_refused)
{
	struct value v;

	ck_assert_msg(!read_setting(&v, bad[_i].id, bad[_i].setting), "%s",
		      bad[_i].setting);
	ck_assert_uint_eq(report.count[REPORT_ERROR], 1);
	ck_assert_str_eq(report.messages[REPORT_ERROR][0].text, bad[_i].error);
	ck_assert_uint_eq(report.messages[REPORT_ERROR][0].line, 2);
	ck_assert(!v.is_set && v.is_given && v.is_wrong);
	value_fini(&v, bad[_i].id);
}
END_TEST

START_TEST(each_bad_rule_is_told)
{
	struct value v;

	ck_assert(!read_setting(&v, OPT_PEERS_ALLOW,
				"[ \"a\",\n \"10.0.0.0/8\",\n \"b\", \"c\" ]"));
	ck_assert_uint_eq(report.count[REPORT_ERROR], 3);
}
END_TEST

START_TEST(rules_are_bounded)
{
	size_t used;
	struct value v;

	for (unsigned count = 512; count <= 513; count++) {
		char *file = NULL;
		FILE *to = open_memstream(&file, &used);
		config_t config;

		ck_assert_ptr_nonnull(to);
		fputs("v = [ ", to);
		for (unsigned i = 0; i < count; i++)
			fprintf(to, "%s\"10.0.0.%u\"", i > 0 ? ", " : "",
				i % 256);
		fputs(" ];\n", to);
		fclose(to);
		report_init(&report);
		memset(&v, 0, sizeof(v));
		config_init(&config);
		ck_assert_int_eq(config_read_string(&config, file),
				 CONFIG_TRUE);
		ck_assert(value_read(&v, OPT_PEERS_ALLOW,
				     config_lookup(&config, "v"),
				     &report) == (count == 512));
		value_fini(&v, OPT_PEERS_ALLOW);
		config_destroy(&config);
		free(file);
	}
}
END_TEST

START_TEST(defaults_are_values)
{
	for (int i = 0; i < OPTION_COUNT; i++) {
		enum option_id id = (enum option_id)i;
		struct value v = { .is_set = false };
		char *text;

		if (!options[id].value)
			continue;
		value_set_default(&v, id);
		ck_assert(v.is_set && !v.is_given && v.line == 0);
		text = written(&v, id);
		ck_assert_str_eq(text, options[id].value);
		free(text);
		value_fini(&v, id);
	}
}
END_TEST

START_TEST(keys_are_wiped)
{
	struct value v;

	ck_assert(read_setting(&v, OPT_USERS_KEY_MD5,
			       "\"ffffffffffffffffffffffffffffffff\""));
	ck_assert_uint_eq(v.as.key[15], 0xff);
	value_fini(&v, OPT_USERS_KEY_MD5);
	for (size_t i = 0; i < sizeof(v.as.key); i++)
		ck_assert_uint_eq(v.as.key[i], 0);
}
END_TEST

static Suite *value_suite(void)
{
	Suite *s = suite_create("value");
	TCase *t = tcase_create("read");

	tcase_add_loop_test(t, good_values_are_taken, 0,
			    sizeof(good) / sizeof(good[0]));
	tcase_add_loop_test(t, bad_values_are_refused, 0,
			    sizeof(bad) / sizeof(bad[0]));
	tcase_add_test(t, each_bad_rule_is_told);
	tcase_add_test(t, rules_are_bounded);
	tcase_add_test(t, defaults_are_values);
	tcase_add_test(t, keys_are_wiped);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(value_suite)
