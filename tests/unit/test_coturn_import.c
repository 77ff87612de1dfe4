#include "unit.h"

#include <stdarg.h>
#include <string.h>

#include "conf_fixture.h"
#include "turnpikectl/coturn_import.h"

static struct coturn_conf lines;
static struct coturn_import *result;
static char *written;

static void teardown(void)
{
	coturn_import_free(result);
	result = NULL;
	coturn_conf_fini(&lines);
	free(written);
	written = NULL;
}

static char *text_of(bool masked)
{
	char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	ck_assert_ptr_nonnull(to);
	coturn_import_write(result, "/etc/turnserver.conf", masked, to);
	fclose(to);
	return text;
}

/* Imports, for a site of which nothing but its name is known. */
static void import_for(const struct coturn_site *site, const char *text)
{
	teardown();
	ck_assert_int_eq(coturn_conf_parse(&lines, bytes_str(text)),
			 COTURN_CONF_OK);
	result = coturn_import_new(&lines, site);
	ck_assert_ptr_nonnull(result);
	written = text_of(false);
}

static void import(const char *text)
{
	const struct coturn_site site = { .host = "turn.example.net" };

	import_for(&site, text);
}

/* What conf_parse() makes of it, which must be something. */
static struct conf *good(void)
{
	return conf_good(written, NULL);
}

static void expect_written(const char *part)
{
	ck_assert_msg(strstr(written, part) != NULL,
		      "written is:\n%sand not:%s", written, part);
}

static void expect_not_written(const char *part)
{
	ck_assert_msg(strstr(written, part) == NULL, "written is:\n%swith:%s",
		      written, part);
}

static void expect_note(size_t at, enum coturn_fate fate, const char *part)
{
	const struct coturn_note *n = &result->notes[at];

	ck_assert_uint_lt(at, lines.count);
	ck_assert_msg(n->fate == fate && strstr(n->text, part) != NULL,
		      "%s is %s: %s", n->line->key, coturn_fate_name(n->fate),
		      n->text);
}

static bool is_remarked(bool is_warning, const char *part)
{
	for (size_t i = 0; i < result->remark_count; i++)
		if (result->remarks[i].is_warning == is_warning &&
		    strstr(result->remarks[i].text, part))
			return true;
	return false;
}

#define expect_warning(part) ck_assert_msg(is_remarked(true, part), part)
#define expect_remark(part) ck_assert_msg(is_remarked(false, part), part)

#define SECRET                \
	"realm=example.org\n" \
	"static-auth-secret=north\n"

START_TEST(a_whole_configuration)
{
	struct conf *c;

	import("listening-ip=203.0.113.7\n"
	       "listening-port=3479\n"
	       "external-ip=198.51.100.1/203.0.113.7\n"
	       "min-port=50000\n"
	       "max-port=50999\n"
	       "realm=example.org\n"
	       "lt-cred-mech\n"
	       "user=alice:secret\n"
	       "user=bob:0x0123456789ABCDEF0123456789abcdef\n"
	       "user-quota=12\n"
	       "total-quota=300\n"
	       "max-bps=125000\n"
	       "bps-capacity=12500000\n"
	       "denied-peer-ip=198.51.100.0-198.51.100.255\n"
	       "allowed-peer-ip=198.51.100.77\n"
	       "relay-threads=3\n"
	       "stale-nonce=1200\n"
	       "sock-buf-size=65000\n"
	       "Verbose\n");
	for (size_t i = 0; i < lines.count; i++)
		ck_assert_msg(
			result->notes[i].fate == COTURN_MAPPED ||
				!strcmp(lines.lines[i].key, "lt-cred-mech"),
			"%s", lines.lines[i].key);

	c = good();
	ck_assert_uint_eq(c->listener_count, 1);
	ck_assert_uint_eq(c->listeners[0].address.port, 3479);
	ck_assert_uint_eq(addr_ipv4_value(&c->turn.relay), 0xcb007107);
	ck_assert_uint_eq(addr_ipv4_value(&c->turn.relay_advertise),
			  0xc6336401);
	ck_assert_uint_eq(c->turn.peers.relay_port_min, 50000);
	ck_assert_uint_eq(c->turn.peers.relay_port_max, 50999);
	ck_assert_str_eq(c->turn.realms[0].name, "example.org");
	ck_assert_uint_eq(static_users_count(c->users), 2);
	ck_assert_uint_eq(c->turn.limits.allocations, 300);
	ck_assert_uint_eq(c->turn.limits.allocations_per_user, 12);
	ck_assert_uint_eq(c->turn.limits.dynamic_allocations_per_user, 12);
	ck_assert_uint_eq(c->turn.limits.rates.allocation, 125000);
	ck_assert_uint_eq(c->turn.limits.rates.total, 12500000);
	ck_assert_uint_eq(c->turn.peers.deny_count, 1);
	ck_assert_uint_eq(c->turn.peers.allow_count, 1);
	ck_assert_uint_eq(c->turn.worker_count, 3);
	ck_assert_uint_eq(c->turn.nonce.lifetime_s, 1200);
	ck_assert_int_eq(c->relay_buffer_bytes, 64 << 10);
	ck_assert_int_eq(c->log_level, LOG_LEVEL_DEBUG);
	conf_free(c);
}
END_TEST

START_TEST(users_have_the_keys_they_had)
{
	struct turn_user user;
	struct conf *c;

	import("realm=example.org\nlt-cred-mech\n"
	       "user=bob:0x0123456789abcdef0123456789abcdef\n"
	       "user=carol:pass:with:colons\n");
	c = good();
	ck_assert(conf_user(c, 0, "bob", &user));
	ck_assert_uint_eq(user.keys[0].md5.len, 16);
	ck_assert_uint_eq(user.keys[0].md5.bytes[15], 0xef);
	ck_assert_uint_eq(user.keys[0].sha256.len, 0);
	ck_assert(conf_user(c, 0, "carol", &user));
	ck_assert_uint_eq(user.keys[0].sha256.len, 32);
	expect_written("password = \"pass:with:colons\"");
	conf_free(c);
}
END_TEST

START_TEST(of_a_user_who_comes_twice_the_last_counts)
{
	struct conf *c;

	import("realm=r\nlt-cred-mech\nuser=a:first\nuser=b:x\n"
	       "user=a:last\n");
	expect_warning("the name comes again");
	expect_not_written("first");
	expect_written("last");
	c = good();
	ck_assert_uint_eq(static_users_count(c->users), 2);
	conf_free(c);
}
END_TEST

START_TEST(users_that_cannot_be_are_told_without_their_secret)
{
	import("realm=r\n"
	       "user=alone\n"
	       "user=:nameless\n"
	       "user=empty:\n"
	       "user=short:0x1234\n"
	       "user=bell:a\007b\n"
	       "user=b\377d:password1\n");
	expect_note(1, COTURN_UNKNOWN, "expected NAME:PASSWORD");
	expect_note(2, COTURN_UNKNOWN, "expected NAME:PASSWORD");
	expect_note(3, COTURN_UNKNOWN, "expected NAME:PASSWORD");
	expect_note(4, COTURN_UNSUPPORTED, "the key is not of 32 digits");
	expect_note(5, COTURN_UNSUPPORTED, "the password is no UTF-8");
	expect_note(6, COTURN_UNSUPPORTED, "the name \"b\\xffd\" is no UTF-8");
	expect_not_written("users");
	conf_free(good());
}
END_TEST

START_TEST(secrets_are_taken_over)
{
	struct conf *c;

	import("realm=r\nuse-auth-secret\nstatic-auth-secret=north\n"
	       "static-auth-secret=so\"u\\th\nrest-api-separator=|\n");
	c = good();
	ck_assert_uint_eq(c->secrets.count, 2);
	ck_assert_uint_eq(c->secrets.items[1].len, 7);
	ck_assert_int_eq(memcmp(c->secrets.items[1].bytes, "so\"u\\th", 7), 0);
	ck_assert_int_eq(c->secrets.separator, '|');
	expect_remark("64 for a source address");
	conf_free(c);
}
END_TEST

START_TEST(secrets_that_cannot_be)
{
	char text[4096] = "realm=r\nstatic-auth-secret=\nrest-api-separator=7\n"
			  "static-auth-secret=";
	size_t len = strlen(text);

	memset(text + len, 'x', 300);
	for (int i = 0; i < 17; i++)
		strncpy(text + strlen(text), "\nstatic-auth-secret=s",
			sizeof(text) - strlen(text) - 1);
	import(text);
	expect_note(1, COTURN_UNKNOWN, "empty");
	expect_note(2, COTURN_UNKNOWN, "no digit");
	expect_note(3, COTURN_UNSUPPORTED, "at most 256 bytes");
	expect_note(19, COTURN_MAPPED, "secrets");
	expect_note(20, COTURN_UNSUPPORTED, "at most 16 secrets");
	conf_free(good());
}
END_TEST

START_TEST(users_beside_secrets_stay_out_as_they_were)
{
	struct turn_user user;
	struct conf *c;

	import(SECRET "lt-cred-mech\nuser=alice:password1\n");
	expect_warning("takes the secrets alone");
	c = good();
	ck_assert(conf_user(c, 0, "alice", &user));
	ck_assert(user.disabled);
	conf_free(c);
}
END_TEST

START_TEST(nobody_gets_in_without_a_credential)
{
	import("realm=r\n");
	expect_warning("let everybody relay");
	import("realm=r\nno-auth\n");
	expect_warning("let everybody relay");
	import(SECRET "no-auth\n");
	expect_warning("no-auth");
	import("realm=r\nno-auth=no\nlt-cred-mech\nuser=a:b\n");
	ck_assert_uint_eq(coturn_import_warnings(result), 0);
}
END_TEST

START_TEST(where_users_are_in_a_database_it_is_told)
{
	import("realm=r\nlt-cred-mech\n");
	expect_warning("/var/lib/turn/turndb");
	import("realm=r\nuse-auth-secret\n");
	expect_warning("secrets are in its database");
	import("realm=r\nlt-cred-mech\nmysql-userdb=\"host=h password=p\"\n");
	expect_warning("mysql-userdb: the users");
	import("realm=r\nlt-cred-mech\nuserdb=/var/db/turndb\n");
	expect_warning("SQLite");
}
END_TEST

START_TEST(nobody_may_relay_where_only_stun_was_served)
{
	import(SECRET "user=a:password1\nredis-userdb=\"ip=10.0.0.1\"\n"
		      "stun-only\n");
	expect_not_written("north");
	expect_not_written("password1");
	expect_not_written("redis");
	conf_free(good());
}
END_TEST

START_TEST(redis_is_taken_over)
{
	struct conf *c;

	import("realm=r\nlt-cred-mech\n"
	       "redis-userdb=\"ip=10.9.8.7 port=6380 dbname=2 user=u "
	       "password=hush connect_timeout=4 tls=1 tls-ca=/ca.pem "
	       "sni=redis.example\"\n");
	c = good();
	ck_assert_uint_eq(c->redis.store.endpoint_count, 1);
	ck_assert_str_eq(c->redis.store.endpoints[0].host, "10.9.8.7");
	ck_assert_uint_eq(c->redis.store.endpoints[0].port, 6380);
	ck_assert_uint_eq(c->redis.store.database, 2);
	ck_assert_str_eq(c->redis.store.login.user, "u");
	ck_assert_str_eq(c->redis.store.login.password, "hush");
	ck_assert_uint_eq(c->redis.store.timeout_ms, 4000);
	ck_assert(c->redis.store.tls);
	ck_assert_str_eq(c->redis.store.tls_ca, "/ca.pem");
	ck_assert_str_eq(c->redis.store.tls_name, "redis.example");
	conf_free(c);
}
END_TEST

START_TEST(redis_in_other_words)
{
	struct conf *c;

	import("realm=r\nredis-userdb=\n");
	c = good();
	ck_assert_str_eq(c->redis.store.endpoints[0].host, "127.0.0.1");
	ck_assert_uint_eq(c->redis.store.endpoints[0].port, 6379);
	conf_free(c);

	import("realm=r\nredis-userdb=\"host=2001:db8::1 db=1 user=u "
	       "connect_timeout=99 verify=none tls-cert=/c bogus\"\n");
	expect_written("endpoints = [ \"[2001:db8::1]:6379\" ]");
	expect_written("timeout = \"8s\"");
	expect_not_written("user = ");
	expect_warning("did not verify");
	expect_remark("\"tls-cert\" is not taken over");
	conf_free(good());

	import("realm=r\nredis-userdb=\"host=a;b\"\n"
	       "redis-userdb=\"port=0\"\nredis-userdb=\"dbname=70000\"\n");
	for (size_t i = 1; i < 4; i++)
		expect_note(i, COTURN_UNKNOWN, "is wrong");
	expect_not_written("redis");
}
END_TEST

START_TEST(addresses_of_several_kinds)
{
	import(SECRET "listening-ip=203.0.113.7\nlistening-ip=::1\n"
		      "listening-ip=turn.example.org\n"
		      "listening-ip=203.0.113.7\n"
		      "aux-server=203.0.113.7:3480\n"
		      "aux-server=[::1]:3480\naux-server=203.0.113.7\n"
		      "aux-server=203.0.113.7:0\n");
	expect_note(3, COTURN_UNSUPPORTED, "IPv6");
	expect_note(4, COTURN_UNKNOWN, "names are not looked up");
	expect_note(6, COTURN_MAPPED, "203.0.113.7:3480");
	expect_note(7, COTURN_UNSUPPORTED, "IPv6");
	expect_note(8, COTURN_UNKNOWN, "ADDRESS:PORT");
	expect_note(9, COTURN_UNKNOWN, "ADDRESS:PORT");
	conf_free(good());
	ck_assert_uint_eq(result->listener_count, 2);
}
END_TEST

START_TEST(one_relay_address_is_chosen)
{
	const struct coturn_site site = {
		.host = "h",
		.outward = addr_ipv4(0xcb007107, 0),
	};

	import_for(&site, SECRET);
	expect_written("address = \"203.0.113.7\"");
	expect_remark("relays from one");
	import_for(&site, SECRET "listening-ip=203.0.113.7\n");
	ck_assert_uint_eq(result->relay.family, ADDR_NONE);
	import_for(&site, SECRET "relay-ip=203.0.113.9\nrelay-ip=203.0.113.8\n"
				 "relay-ip=203.0.113.9\n");
	expect_written("address = \"203.0.113.9\"");
	expect_note(3, COTURN_UNSUPPORTED, "one relay address");
	expect_note(4, COTURN_MAPPED, "relay.address");
}
END_TEST

START_TEST(one_advertised_address_is_chosen)
{
	import(SECRET "external-ip=198.51.100.1/10.0.0.1\n"
		      "external-ip=198.51.100.2/10.0.0.2\nrelay-ip=10.0.0.2\n");
	expect_written("advertise = \"198.51.100.2\"");
	expect_note(2, COTURN_UNSUPPORTED, "one relay address");
	expect_warning("a second turnpiked");

	import(SECRET "external-ip=198.51.100.1\nexternal-ip=198.51.100.2\n");
	expect_written("advertise = \"198.51.100.1\"");
	expect_warning("given again without /PRIVATE");

	import(SECRET "external-ip=198.51.100.1/10.0.0.1\n");
	expect_written("address = \"10.0.0.1\"");

	import(SECRET "external-ip=198.51.100.1/10.0.0.1\nrelay-ip=10.0.0.9\n");
	expect_not_written("advertise");
	import(SECRET "external-ip=$(curl -s ifconfig.me)\n"
		      "external-ip=2001:db8::1\n"
		      "external-ip=198.51.100.1/x\n");
	expect_not_written("advertise");
	expect_note(2, COTURN_UNKNOWN, "names are not looked up");
	expect_note(3, COTURN_UNSUPPORTED, "IPv6");
	expect_note(4, COTURN_UNKNOWN, "names are not looked up");
	ck_assert_uint_eq(coturn_import_warnings(result), 3);
	expect_warning("relay.advertise, or \"auto\"");
}
END_TEST

START_TEST(ports_become_a_range_that_can_be)
{
	import(SECRET "min-port=60000\n");
	expect_written("ports = [ 60000, 65535 ]");
	import(SECRET "min-port=60000\nmax-port=50000\n");
	expect_written("ports = [ 49152, 65535 ]");
	expect_warning("no range that can be used");
	import(SECRET "min-port=80\nmax-port=5000\n");
	expect_written("ports = [ 1024, 3477 ]");
	expect_warning("begin at 1024");
	expect_warning("the listener's port 3478");
	import(SECRET "min-port=3000\nmax-port=5000\n");
	expect_written("ports = [ 3479, 5000 ]");
	conf_free(good());
	import(SECRET "min-port=0\nmax-port=65536\nlistening-port=0\n");
	for (size_t i = 2; i < 5; i++)
		expect_note(i, COTURN_UNKNOWN, "a port");
}
END_TEST

START_TEST(a_realm_is_found)
{
	const struct coturn_site told = { .realm = "told", .host = "h" };
	const struct coturn_site nameless = { .host = "" };

	import("static-auth-secret=north\n");
	expect_written("realm = \"turn.example.net\"");
	expect_warning("no realm");
	import_for(&nameless, "static-auth-secret=north\n");
	expect_written("realm = \"localhost\"");
	import_for(&told, SECRET);
	expect_written("realm = \"told\"");
	import("realm=a\nrealm=b\nstatic-auth-secret=x\n");
	expect_written("realm = \"b\"");
	expect_warning("given again");
	import("realm=a\nrealm=\001\n");
	expect_note(1, COTURN_UNKNOWN, "control characters");
	expect_written("realm = \"a\"");
}
END_TEST

START_TEST(limits_that_cannot_be_are_the_nearest)
{
	import(SECRET "user-quota=70000\ntotal-quota=100000\n"
		      "max-bps=99999999999999\nrelay-threads=0\n"
		      "stale-nonce=86400\nsock-buf-size=1\n");
	expect_written("allocations_per_user = 65535");
	expect_written("allocations = 64512");
	expect_written("allocation_rate = \"100Gbit/s\"");
	expect_written("workers = 1;");
	expect_written("lifetime = \"1h\"");
	expect_written("relay = \"4KiB\"");
	conf_free(good());
	import(SECRET "user-quota=0\ntotal-quota=0\nmax-bps=0\n"
		      "bps-capacity=0\nstale-nonce\nstale-nonce=600\n");
	for (size_t i = 2; i < lines.count; i++)
		expect_note(i, COTURN_DEFAULT, "");
	import(SECRET "user-quota=many\nuser-quota=-1\n"
		      "max-bps=99999999999999999999999\n");
	for (size_t i = 2; i < lines.count; i++)
		expect_note(i, COTURN_UNKNOWN, "a number");
	import(SECRET "bps-capacity=1000\n");
	expect_warning("bps-capacity without max-bps");
	import(SECRET "stale-nonce=0\n");
	expect_warning("stale-nonce=0");
	import(SECRET "relay-threads=1000\nmin-port=50000 # old\n");
	expect_written("workers = 64;");
	expect_written("50000");
}
END_TEST

START_TEST(what_rules_would_open_is_looked_at)
{
	static const char *const refused[] = {
		"127.0.0.1",
		"0.0.0.0-255.255.255.255",
		"169.254.0.0-169.254.255.255",
		"168.63.129.16",
		"::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"::1",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		snprintf(text, sizeof(text), SECRET "allowed-peer-ip=%s\n",
			 refused[i]);
		import(text);
		expect_note(2, COTURN_UNSUPPORTED, "this would open");
		expect_warning("would open");
		expect_not_written("allow");
	}
	import(SECRET "allowed-peer-ip=10.0.0.5\n");
	expect_written("allow = [ \"10.0.0.5\" ]");
	expect_warning("not public");
	import(SECRET "allowed-peer-ip=198.51.101.5\n");
	expect_written("allow = [ \"198.51.101.5\" ]");
}
END_TEST

START_TEST(rules_that_cannot_be)
{
	static char text[32768] = SECRET;
	struct conf *c;

	import(SECRET "denied-peer-ip=10.0.0.9-10.0.0.1\n"
		      "denied-peer-ip=here\ndenied-peer-ip=10.0.0.1 port 5\n");
	for (size_t i = 2; i < lines.count; i++)
		expect_note(i, COTURN_UNKNOWN, "ADDRESS-ADDRESS");
	for (int i = 0; i < 513; i++)
		strncpy(text + strlen(text), "denied-peer-ip=198.51.100.1\n",
			sizeof(text) - strlen(text) - 1);
	import(text);
	expect_note(514, COTURN_UNSUPPORTED, "at most 512");
	expect_warning("this rule is lost");
	c = good();
	ck_assert_uint_eq(c->turn.peers.deny_count, 512);
	conf_free(c);
}
END_TEST

START_TEST(private_peers_are_told_of_once_they_were_open)
{
	import(SECRET);
	expect_remark("private addresses");
	import(SECRET "denied-peer-ip=10.0.0.0-10.255.255.255\n"
		      "denied-peer-ip=172.16.0.0-172.31.255.255\n"
		      "denied-peer-ip=192.168.0.0-192.168.255.255\n");
	ck_assert(!is_remarked(false, "private addresses"));
}
END_TEST

START_TEST(what_is_dangerous_is_warned_of)
{
	static const char *const keys[] = {
		"allow-loopback-peers",
		"server-relay",
		"no-udp",
		"no-udp-relay",
		"tlsv1",
		"tlsv1_1",
		"no-tlsv1_2",
		"cli-password=x",
		"web-admin",
		"web-admin-listen-on-workers",
		"verbose",
		"cert=/c",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(text, sizeof(text), SECRET "%s\n", keys[i]);
		import(text);
		ck_assert_msg(coturn_import_warnings(result) == 1, "%s",
			      keys[i]);
		conf_free(good());
	}
	/* Off is as good as not there. */
	import(SECRET "allow-loopback-peers=0\nserver-relay=no\n");
	ck_assert_uint_eq(coturn_import_warnings(result), 0);
	expect_note(2, COTURN_DEFAULT, "as if it were not there");
	import(SECRET "server-relay=perhaps\n");
	expect_note(2, COTURN_UNKNOWN, "yes or no");
}
END_TEST

START_TEST(keys_of_other_kinds)
{
	import(SECRET "channel-lifetime=600\nchannel-lifetime=900\n"
		      "permission-lifetime=300\nmax-allocate-lifetime=3600\n"
		      "max-allocate-lifetime=60\nno-tls\nno-tcp\n"
		      "allocation-default-address-family=ipv4\n"
		      "allocation-default-address-family=keep\n"
		      "log-min-level=WARN\nlog-min-level=loud\n"
		      "no-such-key=1\n");
	expect_note(2, COTURN_DEFAULT, "600 s");
	expect_note(3, COTURN_UNSUPPORTED, "600 s");
	expect_note(4, COTURN_DEFAULT, "300 s");
	expect_note(5, COTURN_DEFAULT, "3600 s");
	expect_note(6, COTURN_UNSUPPORTED, "3600 s");
	expect_note(9, COTURN_DEFAULT, "IPv4");
	expect_note(10, COTURN_UNSUPPORTED, "IPv4");
	expect_note(11, COTURN_MAPPED, "warning");
	expect_note(12, COTURN_UNKNOWN, "\"loud\"");
	expect_note(13, COTURN_UNKNOWN, "no key of coturn's");
	ck_assert_uint_eq(coturn_import_count(result, COTURN_UNKNOWN), 2);
}
END_TEST

START_TEST(metrics_keep_their_names)
{
	import(SECRET "prometheus\nprometheus-port=9999\n");
	expect_note(2, COTURN_MAPPED, "control.coturn_metrics");
	expect_note(3, COTURN_UNSUPPORTED, "control.http");
	expect_written("coturn_metrics = \"on\"");
	conf_free(good());
	import(SECRET);
	expect_not_written("coturn_metrics");
}
END_TEST

START_TEST(secrets_are_in_the_file_alone)
{
	static const char *const secrets[] = { "north-secret", "hush-alice",
					       "hush-redis",   "hush-cli",
					       "hush-pkey",    "hush-mysql" };
	char *masked;

	import("realm=r\nstatic-auth-secret=north-secret\n"
	       "user=alice:hush-alice\n"
	       "redis-userdb=\"ip=10.0.0.1 password=hush-redis\"\n"
	       "cli-password=hush-cli\npkey-pwd=hush-pkey\n"
	       "mysql-userdb=\"host=x password=hush-mysql\"\n");
	masked = text_of(true);
	for (size_t s = 0; s < sizeof(secrets) / sizeof(secrets[0]); s++) {
		ck_assert_ptr_null(strstr(masked, secrets[s]));
		for (size_t i = 0; i < lines.count; i++)
			ck_assert_ptr_null(
				strstr(result->notes[i].text, secrets[s]));
		for (size_t i = 0; i < result->remark_count; i++)
			ck_assert_ptr_null(
				strstr(result->remarks[i].text, secrets[s]));
	}
	free(masked);
	for (size_t s = 0; s < 3; s++)
		expect_written(secrets[s]);
	expect_not_written("hush-cli");
}
END_TEST

/* Every key in the sample file of coturn 4.17, and some that are older. */
START_TEST(keys_of_coturn_are_known)
{
	static const char *const keys[] = {
		"listening-device",
		"listening-port",
		"tls-listening-port",
		"alt-listening-port",
		"alt-tls-listening-port",
		"tcp-proxy-port",
		"listening-ip",
		"aux-server",
		"udp-self-balance",
		"relay-device",
		"relay-ip",
		"external-ip",
		"relay-threads",
		"cpus",
		"min-port",
		"max-port",
		"verbose",
		"Verbose",
		"fingerprint",
		"lt-cred-mech",
		"no-auth",
		"use-auth-secret",
		"static-auth-secret",
		"server-name",
		"oauth",
		"user",
		"userdb",
		"psql-userdb",
		"mysql-userdb",
		"secret-key-file",
		"mongo-userdb",
		"redis-userdb",
		"redis-statsdb",
		"realm",
		"check-origin-consistency",
		"user-quota",
		"total-quota",
		"max-bps",
		"bps-capacity",
		"no-udp",
		"no-tcp",
		"no-tls",
		"no-dtls",
		"dtls",
		"no-udp-relay",
		"no-tcp-relay",
		"stale-nonce",
		"max-allocate-lifetime",
		"channel-lifetime",
		"permission-lifetime",
		"cert",
		"pkey",
		"pkey-pwd",
		"cipher-list",
		"CA-file",
		"ec-curve-name",
		"dh566",
		"dh1066",
		"dh2066",
		"dh-file",
		"no-stdout-log",
		"log-file",
		"syslog",
		"syslog-facility",
		"simple-log",
		"new-log-timestamp",
		"new-log-timestamp-format",
		"log-binding",
		"log-min-level",
		"alternate-server",
		"tls-alternate-server",
		"udp-alternate-server",
		"tcp-alternate-server",
		"stun-only",
		"no-software-attribute",
		"software-attribute",
		"no-stun",
		"rest-api-separator",
		"allow-loopback-peers",
		"no-loopback-peers",
		"no-multicast-peers",
		"max-allocate-timeout",
		"allowed-peer-ip",
		"denied-peer-ip",
		"pidfile",
		"daemon",
		"secure-stun",
		"mobility",
		"keep-address-family",
		"allocation-default-address-family",
		"proc-user",
		"proc-group",
		"cli",
		"no-cli",
		"cli-ip",
		"cli-port",
		"cli-password",
		"cli-max-output-sessions",
		"web-admin",
		"web-admin-ip",
		"web-admin-port",
		"web-admin-listen-on-workers",
		"acme-redirect",
		"server-relay",
		"ne",
		"tlsv1",
		"tlsv1_1",
		"no-tlsv1",
		"no-tlsv1_1",
		"no-tlsv1_2",
		"rfc5780",
		"no-rfc5780",
		"stun-backward-compatibility",
		"no-stun-backward-compatibility",
		"rfc3489-compatibility",
		"response-origin-only-with-rfc5780",
		"include-reason-string",
		"unauthorized-ratelimit",
		"unauthorized-ratelimit-rps",
		"sock-buf-size",
		"stateless-nonce",
		"stateless-nonce-secret",
		"no-auth-pings",
		"no-dynamic-ip-list",
		"no-dynamic-realms",
		"multiplex-peer",
		"multiplex-peer-port",
		"multiplex-peer-max-peers",
		"udp-recvmmsg",
		"udp-gso",
		"prometheus",
		"prometheus-port",
		"prometheus-address",
		"prometheus-path",
		"prometheus-username-labels",
		"prometheus-tls",
		"prometheus-cert",
		"prometheus-key",
		"drain-min-allocations",
	};
	char text[128];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		snprintf(text, sizeof(text), "%s=1\n", keys[i]);
		import(text);
		ck_assert_msg(!strstr(result->notes[0].text, "no key of"), "%s",
			      keys[i]);
		ck_assert_msg(result->notes[0].text[0] != '\0', "%s", keys[i]);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("coturn_import");
	TCase *t = tcase_create("keys");

	tcase_add_checked_fixture(t, NULL, teardown);
	tcase_add_test(t, a_whole_configuration);
	tcase_add_test(t, users_have_the_keys_they_had);
	tcase_add_test(t, of_a_user_who_comes_twice_the_last_counts);
	tcase_add_test(t, users_that_cannot_be_are_told_without_their_secret);
	tcase_add_test(t, secrets_are_taken_over);
	tcase_add_test(t, secrets_that_cannot_be);
	tcase_add_test(t, users_beside_secrets_stay_out_as_they_were);
	tcase_add_test(t, nobody_gets_in_without_a_credential);
	tcase_add_test(t, where_users_are_in_a_database_it_is_told);
	tcase_add_test(t, nobody_may_relay_where_only_stun_was_served);
	tcase_add_test(t, redis_is_taken_over);
	tcase_add_test(t, redis_in_other_words);
	tcase_add_test(t, addresses_of_several_kinds);
	tcase_add_test(t, one_relay_address_is_chosen);
	tcase_add_test(t, one_advertised_address_is_chosen);
	tcase_add_test(t, ports_become_a_range_that_can_be);
	tcase_add_test(t, a_realm_is_found);
	tcase_add_test(t, limits_that_cannot_be_are_the_nearest);
	tcase_add_test(t, what_rules_would_open_is_looked_at);
	tcase_add_test(t, rules_that_cannot_be);
	tcase_add_test(t, private_peers_are_told_of_once_they_were_open);
	tcase_add_test(t, what_is_dangerous_is_warned_of);
	tcase_add_test(t, keys_of_other_kinds);
	tcase_add_test(t, metrics_keep_their_names);
	tcase_add_test(t, secrets_are_in_the_file_alone);
	tcase_add_test(t, keys_of_coturn_are_known);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
