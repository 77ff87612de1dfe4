/*
 * The table of coturn's keys, and what each becomes. What follows from
 * several of them together is coturn_decide.c's matter.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "turnpikectl/coturn_judge.h"
#include "turnpikectl/coturn_value.h"

enum kind {
	TEXT,   /* any value; what it may be is the function's matter */
	NUMBER, /* digits, or none where coturn has a default */
	FLAG,   /* on if there is no value; off is as if it were not there */
};

struct key {
	const char *name;
	enum kind kind;
	/* Where nothing is to be worked out: */
	enum coturn_fate fate;
	const char *text;
	const char *warning; /* NULL: none */
	coturn_judge *judge; /* else */
};

#define NO_TLS_YET "clients are not served over TLS yet"
#define NO_TCP_YET "clients are not served over TCP yet"
#define NO_CONSOLE "turnpikectl and the control API take its place"
#define OWN_LOG "the log goes to the journal, or to standard error"
#define ALWAYS_SO "it is always so"
#define NEVER_SO "it is never so"
#define NO_ALTERNATES \
	"clients are sent elsewhere while draining only: drain.alternates"
#define NO_RFC5780 "behaviour discovery (RFC 5780) is not served"
#define NO_OLD_STUN "RFC 3489 is not spoken"
#define NO_OAUTH "third-party authorization (RFC 7635) is not served"
#define BY_SERVICE "the service manager does that"
#define BY_BATCHES "packets are always sent and received in batches"
#define NO_MULTIPLEX "an allocation has a port of its own, as RFC 8656 has it"
#define GONE "coturn has it no longer"

#define FIXED(n, k, f, t)                                  \
	{                                                  \
		.name = n, .kind = k, .fate = f, .text = t \
	}
#define FIXED_WARN(n, k, f, t, w)                                        \
	{                                                                \
		.name = n, .kind = k, .fate = f, .text = t, .warning = w \
	}
#define JUDGED(n, k, j)                                         \
	{                                                       \
		.name = n, .kind = k, .judge = coturn_judge_##j \
	}

static const struct key keys[] = {
	JUDGED("listening-ip", TEXT, listening_ip),
	JUDGED("listening-port", NUMBER, listening_port),
	FIXED("listening-device", TEXT, COTURN_UNSUPPORTED,
	      "name the device's address in listen.address"),
	FIXED("tls-listening-port", NUMBER, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("alt-listening-port", NUMBER, COTURN_UNSUPPORTED, NO_RFC5780),
	FIXED("alt-tls-listening-port", NUMBER, COTURN_UNSUPPORTED, NO_RFC5780),
	FIXED("tcp-proxy-port", NUMBER, COTURN_UNSUPPORTED, NO_TCP_YET),
	JUDGED("aux-server", TEXT, aux_server),
	FIXED("udp-self-balance", FLAG, COTURN_DEFAULT,
	      "clients are spread over the workers"),
	JUDGED("no-udp", FLAG, no_udp),
	JUDGED("no-tcp", FLAG, no_tcp),
	JUDGED("no-tls", FLAG, no_tls),
	FIXED("no-dtls", FLAG, COTURN_DEFAULT,
	      "clients are not served over DTLS yet"),
	FIXED("dtls", FLAG, COTURN_UNSUPPORTED,
	      "clients are not served over DTLS yet"),

	JUDGED("relay-ip", TEXT, relay_ip),
	FIXED("relay-device", TEXT, COTURN_UNSUPPORTED,
	      "name the device's address in relay.address"),
	JUDGED("external-ip", TEXT, external_ip),
	JUDGED("min-port", NUMBER, min_port),
	JUDGED("max-port", NUMBER, max_port),
	JUDGED("no-udp-relay", FLAG, no_udp_relay),
	FIXED("no-tcp-relay", FLAG, COTURN_DEFAULT,
	      "TCP relays (RFC 6062) are not served"),
	FIXED_WARN("server-relay", FLAG, COTURN_UNSUPPORTED,
		   "peers need a permission, always",
		   "server-relay: coturn relayed to clients whatever anybody "
		   "sent; here a peer needs a permission of the client, and "
		   "nothing changes that"),

	JUDGED("realm", TEXT, realm),
	FIXED("server-name", TEXT, COTURN_UNSUPPORTED, NO_OAUTH),
	JUDGED("lt-cred-mech", FLAG, lt_cred_mech),
	JUDGED("no-auth", FLAG, no_auth),
	JUDGED("user", TEXT, user),
	JUDGED("use-auth-secret", FLAG, use_auth_secret),
	JUDGED("static-auth-secret", TEXT, static_auth_secret),
	JUDGED("rest-api-separator", TEXT, rest_api_separator),
	FIXED("oauth", FLAG, COTURN_UNSUPPORTED, NO_OAUTH),
	JUDGED("userdb", TEXT, userdb),
	JUDGED("db", TEXT, userdb),
	JUDGED("redis-userdb", TEXT, redis_userdb),
	FIXED("redis-statsdb", TEXT, COTURN_UNSUPPORTED,
	      "sessions are not published in Redis; see the control API and "
	      "the metrics"),
	JUDGED("psql-userdb", TEXT, other_db),
	JUDGED("sql-userdb", TEXT, other_db),
	JUDGED("mysql-userdb", TEXT, other_db),
	JUDGED("mongo-userdb", TEXT, other_db),
	FIXED("secret-key-file", TEXT, COTURN_UNSUPPORTED,
	      "it decrypts passwords of MySQL, which is not read"),
	FIXED("no-auth-pings", FLAG, COTURN_DEFAULT,
	      "Redis is not polled; it tells of changes"),
	JUDGED("no-dynamic-ip-list", FLAG, no_dynamic),
	JUDGED("no-dynamic-realms", FLAG, no_dynamic),
	FIXED("check-origin-consistency", FLAG, COTURN_UNSUPPORTED,
	      "ORIGIN is not looked at"),

	JUDGED("user-quota", NUMBER, user_quota),
	JUDGED("total-quota", NUMBER, total_quota),
	JUDGED("max-bps", NUMBER, max_bps),
	JUDGED("bps-capacity", NUMBER, bps_capacity),
	JUDGED("relay-threads", NUMBER, workers),
	JUDGED("cpus", NUMBER, workers),
	JUDGED("sock-buf-size", NUMBER, sock_buf_size),

	JUDGED("stale-nonce", NUMBER, stale_nonce),
	FIXED("stateless-nonce", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("stateless-nonce-secret", TEXT, COTURN_UNSUPPORTED,
	      "nonces are made in another way; give all servers of a fleet "
	      "the same nonce.key of 64 digits"),
	JUDGED("max-allocate-lifetime", NUMBER, max_allocate_lifetime),
	JUDGED("channel-lifetime", NUMBER, channel_lifetime),
	JUDGED("permission-lifetime", NUMBER, permission_lifetime),
	FIXED("max-allocate-timeout", NUMBER, COTURN_DEFAULT,
	      "a client without an allocation costs nothing"),

	JUDGED("cert", TEXT, certificate),
	JUDGED("pkey", TEXT, certificate),
	FIXED("pkey-pwd", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("cipher-list", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("dh-file", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("ec-curve-name", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("CA-file", TEXT, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED_WARN("tlsv1", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET,
		   "tlsv1: TLS 1.0 is broken, and coturn served it"),
	FIXED_WARN("tlsv1_1", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET,
		   "tlsv1_1: TLS 1.1 is broken, and coturn served it"),
	FIXED_WARN("no-tlsv1_2", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET,
		   "no-tlsv1_2: coturn was told not to serve what is safe"),
	FIXED("no-tlsv1", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("no-tlsv1_1", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("no-sslv2", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("no-sslv3", FLAG, COTURN_DEFAULT, NEVER_SO),
	FIXED("dh566", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("dh1066", FLAG, COTURN_UNSUPPORTED, NO_TLS_YET),
	FIXED("dh2066", FLAG, COTURN_UNSUPPORTED, GONE),

	JUDGED("allowed-peer-ip", TEXT, allowed_peer_ip),
	JUDGED("denied-peer-ip", TEXT, denied_peer_ip),
	FIXED("no-multicast-peers", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("no-loopback-peers", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED_WARN("allow-loopback-peers", FLAG, COTURN_UNSUPPORTED,
		   "peers.allow = [ \"127.0.0.0/8\" ] would do it",
		   "allow-loopback-peers: every client of coturn could reach "
		   "the services of the machine itself; it is left out"),

	FIXED("secure-stun", FLAG, COTURN_UNSUPPORTED,
	      "Binding is answered to everybody, within a budget"),
	FIXED("no-stun", FLAG, COTURN_UNSUPPORTED,
	      "Binding is answered to everybody, within a budget"),
	JUDGED("stun-only", FLAG, stun_only),
	FIXED("rfc5780", FLAG, COTURN_UNSUPPORTED, NO_RFC5780),
	FIXED("no-rfc5780", FLAG, COTURN_DEFAULT, NO_RFC5780),
	FIXED("response-origin-only-with-rfc5780", FLAG, COTURN_DEFAULT,
	      "RESPONSE-ORIGIN is never sent"),
	FIXED("stun-backward-compatibility", FLAG, COTURN_UNSUPPORTED,
	      NO_OLD_STUN),
	FIXED("no-stun-backward-compatibility", FLAG, COTURN_DEFAULT,
	      NO_OLD_STUN),
	FIXED("rfc3489-compatibility", FLAG, COTURN_UNSUPPORTED, NO_OLD_STUN),
	FIXED("fingerprint", FLAG, COTURN_DEFAULT,
	      "FINGERPRINT is sent to those who send it"),
	FIXED("software-attribute", FLAG, COTURN_UNSUPPORTED,
	      "SOFTWARE is never sent"),
	FIXED("no-software-attribute", FLAG, COTURN_DEFAULT,
	      "SOFTWARE is never sent"),
	FIXED("include-reason-string", FLAG, COTURN_UNSUPPORTED,
	      "answers are kept short; the log and turnpikectl have reasons"),
	FIXED("unauthorized-ratelimit", FLAG, COTURN_DEFAULT,
	      "answers to strangers have a budget, always"),
	FIXED("unauthorized-ratelimit-rps", NUMBER, COTURN_DEFAULT,
	      "answers to strangers have a budget, always"),
	FIXED("mobility", FLAG, COTURN_UNSUPPORTED,
	      "mobility (RFC 8016) is not served"),
	FIXED("keep-address-family", FLAG, COTURN_UNSUPPORTED,
	      "relays are of IPv4 only yet"),
	JUDGED("allocation-default-address-family", TEXT, address_family),

	FIXED("alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),
	FIXED("tls-alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),
	FIXED("udp-alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),
	FIXED("tcp-alternate-server", TEXT, COTURN_UNSUPPORTED, NO_ALTERNATES),

	FIXED("multiplex-peer", FLAG, COTURN_UNSUPPORTED, NO_MULTIPLEX),
	FIXED("multiplex-peer-port", NUMBER, COTURN_UNSUPPORTED, NO_MULTIPLEX),
	FIXED("multiplex-peer-max-peers", NUMBER, COTURN_UNSUPPORTED,
	      NO_MULTIPLEX),
	FIXED("udp-recvmmsg", FLAG, COTURN_DEFAULT, BY_BATCHES),
	FIXED("udp-gso", FLAG, COTURN_DEFAULT, BY_BATCHES),
	FIXED("ne", TEXT, COTURN_UNSUPPORTED, GONE),

	FIXED("log-file", TEXT, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("simple-log", FLAG, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("syslog", FLAG, COTURN_DEFAULT, OWN_LOG),
	FIXED("syslog-facility", TEXT, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("no-stdout-log", FLAG, COTURN_UNSUPPORTED, OWN_LOG),
	FIXED("new-log-timestamp", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("new-log-timestamp-format", TEXT, COTURN_UNSUPPORTED,
	      "the journal has its own"),
	JUDGED("log-min-level", TEXT, log_min_level),
	FIXED("log-binding", FLAG, COTURN_UNSUPPORTED,
	      "Binding is counted, not logged"),
	JUDGED("verbose", FLAG, verbose),
	JUDGED("Verbose", FLAG, very_verbose),

	JUDGED("prometheus", FLAG, prometheus),
	FIXED("prometheus-port", NUMBER, COTURN_UNSUPPORTED,
	      COTURN_OWN_METRICS),
	FIXED("prometheus-address", TEXT, COTURN_UNSUPPORTED,
	      COTURN_OWN_METRICS),
	FIXED("prometheus-path", TEXT, COTURN_UNSUPPORTED, COTURN_OWN_METRICS),
	FIXED("prometheus-username-labels", FLAG, COTURN_UNSUPPORTED,
	      "users are no label: there may be any number of them"),
	FIXED("prometheus-no-username-labels", FLAG, COTURN_DEFAULT, ALWAYS_SO),
	FIXED("prometheus-tls", FLAG, COTURN_UNSUPPORTED, COTURN_OWN_METRICS),
	FIXED("prometheus-cert", TEXT, COTURN_UNSUPPORTED, COTURN_OWN_METRICS),
	FIXED("prometheus-key", TEXT, COTURN_UNSUPPORTED, COTURN_OWN_METRICS),

	FIXED("cli", FLAG, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED("no-cli", FLAG, COTURN_DEFAULT, NO_CONSOLE),
	FIXED("cli-ip", TEXT, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED("cli-port", NUMBER, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED_WARN("cli-password", TEXT, COTURN_UNSUPPORTED, NO_CONSOLE,
		   "cli-password: the password of coturn's console stands in "
		   "its file and crosses the network in the clear: use it "
		   "nowhere else"),
	FIXED("cli-max-output-sessions", NUMBER, COTURN_UNSUPPORTED,
	      NO_CONSOLE),
	FIXED_WARN("web-admin", FLAG, COTURN_UNSUPPORTED, NO_CONSOLE,
		   "web-admin: coturn's administration page was on; close its "
		   "port in the firewall"),
	FIXED("web-admin-ip", TEXT, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED("web-admin-port", NUMBER, COTURN_UNSUPPORTED, NO_CONSOLE),
	FIXED_WARN("web-admin-listen-on-workers", FLAG, COTURN_UNSUPPORTED,
		   NO_CONSOLE,
		   "web-admin-listen-on-workers: coturn's administration page "
		   "was open to everybody who reaches the relay"),
	FIXED("acme-redirect", TEXT, COTURN_UNSUPPORTED,
	      "nothing listens at port 80"),

	FIXED("pidfile", TEXT, COTURN_DEFAULT, BY_SERVICE),
	FIXED("daemon", FLAG, COTURN_DEFAULT, BY_SERVICE),
	FIXED("proc-user", TEXT, COTURN_DEFAULT,
	      "it runs as user \"turnpike\""),
	FIXED("proc-group", TEXT, COTURN_DEFAULT,
	      "it runs as user \"turnpike\""),
	FIXED("drain-min-allocations", NUMBER, COTURN_UNSUPPORTED,
	      "a drain ends without allocations, or at its deadline"),
};

static const struct key *find_key(const char *name)
{
	for (size_t at = 0; at < sizeof(keys) / sizeof(keys[0]); at++)
		if (!strcmp(keys[at].name, name))
			return &keys[at];
	return NULL;
}

/* As coturn does, digits count up to what is none; there must be one. */
static bool read_number(const char *value, uint64_t *out)
{
	unsigned long long number;

	if (!isdigit((unsigned char)value[0]))
		return value[0] == '\0';
	errno = 0;
	number = strtoull(value, NULL, 10);
	if (errno != 0)
		return false;
	*out = number;
	return true;
}

static void judge_key(struct coturn_import *i, struct coturn_note *n,
		      const struct key *key)
{
	bool is_on = true;
	uint64_t number = 0;

	if (key->kind == FLAG && !coturn_conf_flag(n->line->value, &is_on)) {
		coturn_value_refuse(n, "yes or no");
		return;
	}
	if (key->kind == NUMBER && !read_number(n->line->value, &number)) {
		coturn_value_refuse(n, "a number");
		return;
	}
	if (!is_on) {
		coturn_default(n, "off, as if it were not there");
		return;
	}
	if (key->judge) {
		key->judge(i, n, number);
		return;
	}
	coturn_note(n, key->fate, "%s", key->text);
	if (key->warning)
		coturn_warn(i, n, "%s", key->warning);
}

void coturn_keys_judge(struct coturn_import *i, struct coturn_note *n)
{
	const struct key *key = find_key(n->line->key);

	if (key)
		judge_key(i, n, key);
	else
		coturn_unknown(n, "no key of coturn's that is known here");
}
