#include "conf/options.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "base/addr.h"
#include "base/crypto.h"
#include "discovery/discover.h"
#include "stun/attr.h"
#include "store/redis_store.h"
#include "store/time_limited.h"
#include "stun/channel_data.h"
#include "turn/bucket.h"
#include "turn/config.h"
#include "turn/nonce.h"
#include "turn/peer_policy.h"

#define WORKERS_MAX 64
#define RELAY_PORT_MIN 1024
#define RELAY_PORT_MAX 65535
#define PATH_MAX_BYTES 4000 /* room is left for a file's name */
#define LOGIN_MAX_BYTES 255
#define SOCKET_PATH_MAX_BYTES 107 /* what sun_path holds */
#define PASSWORD_MAX_BYTES 1024

/* What fits into the core's types; the kernel refuses much earlier. */
#define BUFFER_MIN_BYTES 4096
#define BUFFER_MAX_BYTES (1 << 30)
#define CHANNELS (CHANNEL_NUMBER_MAX - CHANNEL_NUMBER_MIN + 1)
#define USER_ALLOCATIONS_MAX 65535
#define REDIS_DATABASE_MAX 65535
#define REDIS_CACHE_MAX 10000000
#define HOUR_S 3600
#define WEEK_S (7 * 24 * HOUR_S)
#define DRAIN_MAX_S (24 * HOUR_S)

static const char *const transports[] = { "udp", NULL };
static const char *const settings[] = { "auto", "on", "off", NULL };
static const char *const switches[] = { "off", "on", NULL };
static const char *const hashes[] = { "sha1", "sha256", NULL };
static const char *const presets[] = { "public", "acs", "lan", NULL };
static const char *const clouds[] = { "commercial", "gcc-high", "all", NULL };
static const char *const levels[] = { "error", "warning", "notice",
				      "info",  "debug",   NULL };
static const char *const formats[] = { "auto", "text", "json", "journal",
				       NULL };

const struct option_group option_groups[GROUP_COUNT] = {
	[GROUP_TOP] = { .name = "" },
	[GROUP_LISTEN] = {
		.name = "listen",
		.is_list = true,
		.items = 1,
		.help = "Where clients reach the server: a group for each "
			"address and port.",
	},
	[GROUP_RELAY] = {
		.name = "relay",
		.help = "The addresses and ports that peers see.",
	},
	[GROUP_USERS] = {
		.name = "users",
		.is_list = true,
		.help = "Who may use the server: a group for each user, with "
			"a password or keys.",
	},
	[GROUP_SECRETS] = {
		.name = "secrets",
		.is_list = true,
		.help = "Secrets shared with whoever makes time-limited "
			"credentials: a group for each.",
	},
	[GROUP_TIME_LIMITED] = {
		.name = "time_limited",
		.help = "Credentials EXPIRY:NAME whose password follows from "
			"a secret.",
	},
	[GROUP_REDIS] = {
		.name = "redis",
		.help = "Users, secrets and limits that are kept in Redis.",
	},
	[GROUP_PEERS] = {
		.name = "peers",
		.help = "Which peers can be reached. Addresses that are not "
			"public are denied anyway.",
	},
	[GROUP_REALMS] = {
		.name = "realms",
		.is_list = true,
		.help = "What differs between realms: a group for each realm "
			"that has something of its own.",
	},
	[GROUP_LIMITS] = {
		.name = "limits",
		.help = "How much there can be at a time.",
	},
	[GROUP_AUTH] = {
		.name = "auth",
		.help = "Which of RFC 8489's newer means of authentication "
			"are offered.",
	},
	[GROUP_NONCE] = {
		.name = "nonce",
		.help = "The challenge that clients answer.",
	},
	[GROUP_DRAIN] = {
		.name = "drain",
		.help = "How the server ends, while who is there goes on for "
			"a while.",
	},
	[GROUP_BUFFERS] = {
		.name = "buffers",
		.help = "What the kernel may hold back for a socket, each "
			"way.",
	},
	[GROUP_LOG] = {
		.name = "log",
		.help = "What is logged, and how.",
	},
	[GROUP_CONTROL] = {
		.name = "control",
		.help = "Where operators and their programs ask: the control "
			"API.",
	},
};

const struct option options[OPTION_COUNT] = {
	[OPT_REALM] = {
		.name = "realm",
		.group = GROUP_TOP,
		.type = OPTION_TEXT,
		.required = true,
		.min = 1,
		.max = STUN_REALM_MAX_BYTES,
		.absent = "required",
		.sample = "\"turn.example.com\"",
		.help = "the domain of the users, told to every client",
	},
	[OPT_WORKERS] = {
		.name = "workers",
		.group = GROUP_TOP,
		.type = OPTION_INTEGER,
		.restart = true,
		.min = 0,
		.max = WORKERS_MAX,
		.value = "0",
		.help = "threads that relay; 0: one for each CPU",
	},
	[OPT_STATE_DIR] = {
		.name = "state_dir",
		.group = GROUP_TOP,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = PATH_MAX_BYTES,
		.absent = "$STATE_DIRECTORY, else /var/lib/turnpike",
		.sample = "\"/var/lib/turnpike\"",
		.help = "where the server keeps what outlives it",
	},
	[OPT_USER] = {
		.name = "user",
		.group = GROUP_TOP,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = LOGIN_MAX_BYTES,
		.value = "\"turnpike\"",
		.help = "who the server becomes when root starts it",
	},
	[OPT_USERS_FILE] = {
		.name = "users_file",
		.group = GROUP_TOP,
		.type = OPTION_TEXT,
		.min = 1,
		.max = PATH_MAX_BYTES,
		.absent = "state_dir/users",
		.sample = "\"/var/lib/turnpike/users\"",
		.help = "more users, with keys and no passwords",
	},
	[OPT_LISTEN_TRANSPORT] = {
		.name = "transport",
		.group = GROUP_LISTEN,
		.type = OPTION_WORD,
		.words = transports,
		.value = "\"udp\"",
		.help = "between client and server",
	},
	[OPT_LISTEN_ADDRESS] = {
		.name = "address",
		.group = GROUP_LISTEN,
		.type = OPTION_ADDRESS,
		.value = "\"0.0.0.0\"",
		.help = "0.0.0.0: every address of the machine",
	},
	[OPT_LISTEN_PORT] = {
		.name = "port",
		.group = GROUP_LISTEN,
		.type = OPTION_INTEGER,
		.min = 1,
		.max = UINT16_MAX,
		.value = "3478",
		.help = "3478 is the one that clients assume",
	},
	[OPT_LISTEN_REALM] = {
		.name = "realm",
		.group = GROUP_LISTEN,
		.type = OPTION_TEXT,
		.min = 1,
		.max = STUN_REALM_MAX_BYTES,
		.absent = "realm",
		.sample = "\"turn.example.com\"",
		.help = "another domain for this listener",
	},
	[OPT_RELAY_ADDRESS] = {
		.name = "address",
		.group = GROUP_RELAY,
		.type = OPTION_ADDRESS,
		.restart = true,
		.absent = "the listeners' single address",
		.sample = "\"10.0.0.4\"",
		.help = "bound; an address of this machine",
	},
	[OPT_RELAY_ADVERTISE] = {
		.name = "advertise",
		.group = GROUP_RELAY,
		.type = OPTION_AUTO,
		.absent = "relay.address",
		.sample = "\"20.202.255.255\"",
		.help = "told to clients: a NAT's public address, or \"auto\"",
	},
	[OPT_RELAY_STUN_SERVERS] = {
		.name = "stun_servers",
		.group = GROUP_RELAY,
		.type = OPTION_TEXTS,
		.max = DISCOVER_STUN_MAX,
		.value = "[ ]",
		.help = "\"IP:PORT\", asked last where advertise is \"auto\"",
	},
	[OPT_RELAY_PORTS] = {
		.name = "ports",
		.group = GROUP_RELAY,
		.type = OPTION_PORTS,
		.restart = true,
		.min = RELAY_PORT_MIN,
		.max = RELAY_PORT_MAX,
		.value = "[ 49152, 65535 ]",
		.help = "first and last; open them in the firewall",
	},
	[OPT_USERS_NAME] = {
		.name = "name",
		.group = GROUP_USERS,
		.type = OPTION_TEXT,
		.required = true,
		.min = 1,
		.max = STUN_USERNAME_MAX_BYTES,
		.absent = "required",
		.sample = "\"alice\"",
		.help = "as the client sends it",
	},
	[OPT_USERS_PASSWORD] = {
		.name = "password",
		.group = GROUP_USERS,
		.type = OPTION_TEXT,
		.secret = true,
		.min = 1,
		.max = PASSWORD_MAX_BYTES,
		.absent = "one of the keys",
		.sample = "\"a long random text\"",
		.help = "as the client uses it",
	},
	[OPT_USERS_KEY_MD5] = {
		.name = "key_md5",
		.group = GROUP_USERS,
		.type = OPTION_KEY,
		.secret = true,
		.max = CRYPTO_MD5_BYTES,
		.absent = "made from the password",
		.sample = "\"0123456789abcdef0123456789abcdef\"",
		.help = "in place of a password",
	},
	[OPT_USERS_KEY_SHA256] = {
		.name = "key_sha256",
		.group = GROUP_USERS,
		.type = OPTION_KEY,
		.secret = true,
		.max = CRYPTO_SHA256_BYTES,
		.absent = "made from the password",
		.sample = "\"64 digits\"",
		.help = "beside key_md5",
	},
	[OPT_USERS_REALM] = {
		.name = "realm",
		.group = GROUP_USERS,
		.type = OPTION_TEXT,
		.min = 1,
		.max = STUN_REALM_MAX_BYTES,
		.absent = "realm",
		.sample = "\"turn.example.com\"",
		.help = "the domain this user belongs to",
	},
	[OPT_USERS_ALLOCATIONS] = {
		.name = "allocations",
		.group = GROUP_USERS,
		.type = OPTION_INTEGER,
		.min = 1,
		.max = USER_ALLOCATIONS_MAX,
		.absent = "limits.allocations_per_user",
		.sample = "32",
		.help = "this user's own limit",
	},
	[OPT_USERS_RATE] = {
		.name = "rate",
		.group = GROUP_USERS,
		.type = OPTION_RATE,
		.min = 1,
		.max = BUCKET_RATE_MAX,
		.absent = "limits.user_rate",
		.sample = "\"10Mbit/s\"",
		.help = "of all its sessions together, each way",
	},
	[OPT_USERS_DISABLED] = {
		.name = "disabled",
		.group = GROUP_USERS,
		.type = OPTION_WORD,
		.words = switches,
		.value = "\"off\"",
		.help = "on: known, but not let in",
	},
	[OPT_SECRETS_SECRET] = {
		.name = "secret",
		.group = GROUP_SECRETS,
		.type = OPTION_TEXT,
		.secret = true,
		.min = 1,
		.max = SHARED_SECRET_MAX_BYTES,
		.absent = "what is in secret_file",
		.sample = "\"a long random text\"",
		.help = "known to this server and the other one",
	},
	[OPT_SECRETS_SECRET_FILE] = {
		.name = "secret_file",
		.group = GROUP_SECRETS,
		.type = OPTION_TEXT,
		.min = 1,
		.max = PATH_MAX_BYTES,
		.absent = "secret",
		.sample = "\"/run/credentials/turnpiked.service/secret\"",
		.help = "holds the secret in its place",
	},
	[OPT_SECRETS_HASH] = {
		.name = "hash",
		.group = GROUP_SECRETS,
		.type = OPTION_WORD,
		.words = hashes,
		.value = "\"sha1\"",
		.help = "of the HMAC that is the password",
	},
	[OPT_SECRETS_NOT_BEFORE] = {
		.name = "not_before",
		.group = GROUP_SECRETS,
		.type = OPTION_TIME,
		.max = INT64_MAX,
		.absent = "at once",
		.sample = "\"2027-01-01T00:00:00Z\"",
		.help = "from when it is in force",
	},
	[OPT_SECRETS_NOT_AFTER] = {
		.name = "not_after",
		.group = GROUP_SECRETS,
		.type = OPTION_TIME,
		.max = INT64_MAX,
		.absent = "for ever",
		.sample = "\"2027-01-31T00:00:00Z\"",
		.help = "until when it is",
	},
	[OPT_SECRETS_REALM] = {
		.name = "realm",
		.group = GROUP_SECRETS,
		.type = OPTION_TEXT,
		.min = 1,
		.max = STUN_REALM_MAX_BYTES,
		.absent = "every realm",
		.sample = "\"turn.example.com\"",
		.help = "the domain it is good for",
	},
	[OPT_TIME_LIMITED_SEPARATOR] = {
		.name = "separator",
		.group = GROUP_TIME_LIMITED,
		.type = OPTION_TEXT,
		.min = 1,
		.max = 1,
		.value = "\":\"",
		.help = "between the time and the name",
	},
	[OPT_TIME_LIMITED_SKEW] = {
		.name = "skew",
		.group = GROUP_TIME_LIMITED,
		.type = OPTION_DURATION,
		.min = 0,
		.max = HOUR_S,
		.value = "\"0s\"",
		.help = "how long a credential outlives its time",
	},
	[OPT_TIME_LIMITED_END_SESSIONS] = {
		.name = "end_sessions",
		.group = GROUP_TIME_LIMITED,
		.type = OPTION_WORD,
		.words = switches,
		.value = "\"off\"",
		.help = "on: sessions end with their credential",
	},
	[OPT_TIME_LIMITED_END_WITHDRAWN] = {
		.name = "end_withdrawn",
		.group = GROUP_TIME_LIMITED,
		.type = OPTION_WORD,
		.words = switches,
		.value = "\"off\"",
		.help = "on: sessions end when their secret is withdrawn",
	},
	[OPT_REDIS_ENDPOINTS] = {
		.name = "endpoints",
		.group = GROUP_REDIS,
		.type = OPTION_TEXTS,
		.restart = true,
		.max = REDIS_ENDPOINTS_MAX,
		.value = "[ ]",
		.help = "\"HOST:PORT\" or \"unix:/PATH\"; none: no Redis",
	},
	[OPT_REDIS_USER] = {
		.name = "user",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = REDIS_USER_BYTES - 1,
		.absent = "none, the password alone",
		.sample = "\"turnpike\"",
		.help = "who the server is to Redis",
	},
	[OPT_REDIS_PASSWORD] = {
		.name = "password",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.secret = true,
		.min = 1,
		.max = REDIS_PASSWORD_BYTES - 1,
		.absent = "what is in password_file, else none",
		.sample = "\"a long random text\"",
		.help = "for AUTH",
	},
	[OPT_REDIS_PASSWORD_FILE] = {
		.name = "password_file",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = PATH_MAX_BYTES,
		.absent = "password",
		.sample = "\"/run/credentials/turnpiked.service/redis\"",
		.help = "holds the password in its place",
	},
	[OPT_REDIS_DATABASE] = {
		.name = "database",
		.group = GROUP_REDIS,
		.type = OPTION_INTEGER,
		.restart = true,
		.min = 0,
		.max = REDIS_DATABASE_MAX,
		.value = "0",
		.help = "for SELECT",
	},
	[OPT_REDIS_TLS] = {
		.name = "tls",
		.group = GROUP_REDIS,
		.type = OPTION_WORD,
		.restart = true,
		.words = switches,
		.value = "\"off\"",
		.help = "on: the certificate is verified, always",
	},
	[OPT_REDIS_TLS_CA] = {
		.name = "tls_ca",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = REDIS_FILE_BYTES - 1,
		.absent = "the system's",
		.sample = "\"/etc/turnpike/redis-ca.pem\"",
		.help = "file of certificates that are trusted",
	},
	[OPT_REDIS_TLS_NAME] = {
		.name = "tls_name",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = REDIS_HOST_BYTES - 1,
		.absent = "the endpoint's host",
		.sample = "\"redis.example.com\"",
		.help = "the name in the certificate",
	},
	[OPT_REDIS_SENTINEL] = {
		.name = "sentinel",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = REDIS_HOST_BYTES - 1,
		.absent = "the endpoints are Redis itself",
		.sample = "\"mymaster\"",
		.help = "master to ask the endpoints for",
	},
	[OPT_REDIS_SENTINEL_USER] = {
		.name = "sentinel_user",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = REDIS_USER_BYTES - 1,
		.absent = "none",
		.sample = "\"turnpike\"",
		.help = "who the server is to Sentinel",
	},
	[OPT_REDIS_SENTINEL_PASSWORD] = {
		.name = "sentinel_password",
		.group = GROUP_REDIS,
		.type = OPTION_TEXT,
		.restart = true,
		.secret = true,
		.min = 1,
		.max = REDIS_PASSWORD_BYTES - 1,
		.absent = "none",
		.sample = "\"a long random text\"",
		.help = "for AUTH there",
	},
	[OPT_REDIS_TIMEOUT] = {
		.name = "timeout",
		.group = GROUP_REDIS,
		.type = OPTION_DURATION,
		.restart = true,
		.min = 1,
		.max = 8,
		.value = "\"2s\"",
		.help = "to connect, and for each answer",
	},
	[OPT_REDIS_CACHE] = {
		.name = "cache",
		.group = GROUP_REDIS,
		.type = OPTION_INTEGER,
		.restart = true,
		.min = 1,
		.max = REDIS_CACHE_MAX,
		.value = "10000",
		.help = "users that are remembered",
	},
	[OPT_REDIS_TTL] = {
		.name = "ttl",
		.group = GROUP_REDIS,
		.type = OPTION_DURATION,
		.min = 1,
		.max = 24 * HOUR_S,
		.value = "\"1m\"",
		.help = "until a user is asked for again",
	},
	[OPT_REDIS_NEGATIVE_TTL] = {
		.name = "negative_ttl",
		.group = GROUP_REDIS,
		.type = OPTION_DURATION,
		.min = 0,
		.max = HOUR_S,
		.value = "\"5s\"",
		.help = "the same for a name that is not there",
	},
	[OPT_REDIS_STALE] = {
		.name = "stale",
		.group = GROUP_REDIS,
		.type = OPTION_DURATION,
		.min = 0,
		.max = WEEK_S,
		.value = "\"1h\"",
		.help = "how long a user is good while Redis is away",
	},
	[OPT_REDIS_REREAD] = {
		.name = "reread",
		.group = GROUP_REDIS,
		.type = OPTION_DURATION,
		.restart = true,
		.min = 1,
		.max = HOUR_S,
		.value = "\"30s\"",
		.help = "how often, where Redis tells of no change",
	},
	[OPT_REDIS_SHA256] = {
		.name = "sha256",
		.group = GROUP_REDIS,
		.type = OPTION_WORD,
		.words = switches,
		.value = "\"off\"",
		.help = "on: each user there has a SHA-256 key",
	},
	[OPT_PEERS_PRESET] = {
		.name = "preset",
		.group = GROUP_PEERS,
		.type = OPTION_WORD,
		.words = presets,
		.value = "\"public\"",
		.help = "acs: Azure's media alone; lan: private ones, too",
	},
	[OPT_PEERS_ALLOW] = {
		.name = "allow",
		.group = GROUP_PEERS,
		.type = OPTION_RULES,
		.max = PEER_POLICY_RULES_MAX,
		.value = "[ ]",
		.help = "beats every deny but the server's own sockets",
	},
	[OPT_PEERS_DENY] = {
		.name = "deny",
		.group = GROUP_PEERS,
		.type = OPTION_RULES,
		.max = PEER_POLICY_RULES_MAX,
		.value = "[ ]",
		.help = "besides all addresses that are not public",
	},
	[OPT_PEERS_DRY_RUN] = {
		.name = "dry_run",
		.group = GROUP_PEERS,
		.type = OPTION_WORD,
		.words = switches,
		.value = "\"off\"",
		.help = "log what deny and preset would refuse",
	},
	[OPT_PEERS_ACS_CLOUDS] = {
		.name = "acs_clouds",
		.group = GROUP_PEERS,
		.type = OPTION_WORD,
		.words = clouds,
		.value = "\"commercial\"",
		.help = "whose media the preset acs admits",
	},
	[OPT_PEERS_ACS_FILE] = {
		.name = "acs_file",
		.group = GROUP_PEERS,
		.type = OPTION_TEXT,
		.min = 1,
		.max = PATH_MAX_BYTES,
		.absent = "/etc/turnpike/acs.list",
		.sample = "\"/etc/turnpike/acs.list\"",
		.help = "where the preset acs finds its ranges",
	},
	[OPT_REALMS_NAME] = {
		.name = "name",
		.group = GROUP_REALMS,
		.type = OPTION_TEXT,
		.required = true,
		.min = 1,
		.max = STUN_REALM_MAX_BYTES,
		.absent = "required",
		.sample = "\"turn.example.com\"",
		.help = "the realm of a listener",
	},
	[OPT_REALMS_PRESET] = {
		.name = "preset",
		.group = GROUP_REALMS,
		.type = OPTION_WORD,
		.words = presets,
		.absent = "peers.preset",
		.sample = "\"acs\"",
		.help = "in place of the one of peers",
	},
	[OPT_REALMS_ALLOW] = {
		.name = "allow",
		.group = GROUP_REALMS,
		.type = OPTION_RULES,
		.max = PEER_POLICY_RULES_MAX,
		.value = "[ ]",
		.help = "besides peers.allow",
	},
	[OPT_REALMS_DENY] = {
		.name = "deny",
		.group = GROUP_REALMS,
		.type = OPTION_RULES,
		.max = PEER_POLICY_RULES_MAX,
		.value = "[ ]",
		.help = "besides peers.deny",
	},
	[OPT_REALMS_DRY_RUN] = {
		.name = "dry_run",
		.group = GROUP_REALMS,
		.type = OPTION_WORD,
		.words = switches,
		.absent = "peers.dry_run",
		.sample = "\"on\"",
		.help = "in place of the one of peers",
	},
	[OPT_LIMITS_ALLOCATIONS] = {
		.name = "allocations",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.restart_to_raise = true,
		.min = 1,
		.max = RELAY_PORT_MAX - RELAY_PORT_MIN + 1,
		.value = "16000",
		.help = "of all users together; beyond it 508",
	},
	[OPT_LIMITS_ALLOCATIONS_PER_USER] = {
		.name = "allocations_per_user",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.min = 0,
		.max = USER_ALLOCATIONS_MAX,
		.value = "0",
		.help = "0: no limit; beyond it 486",
	},
	[OPT_LIMITS_ALLOCATIONS_PER_SOURCE] = {
		.name = "allocations_per_source",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.min = 0,
		.max = USER_ALLOCATIONS_MAX,
		.value = "0",
		.help = "of one IP address; 0: no limit; beyond it 486",
	},
	[OPT_LIMITS_DYNAMIC_ALLOCATIONS_PER_USER] = {
		.name = "dynamic_allocations_per_user",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.min = 0,
		.max = USER_ALLOCATIONS_MAX,
		.value = "64",
		.help = "of a user that no file lists",
	},
	[OPT_LIMITS_DYNAMIC_ALLOCATIONS_PER_SOURCE] = {
		.name = "dynamic_allocations_per_source",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.min = 0,
		.max = USER_ALLOCATIONS_MAX,
		.value = "64",
		.help = "of such users at one IP address",
	},
	[OPT_LIMITS_PERMISSIONS] = {
		.name = "permissions",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.restart_to_raise = true,
		.min = 1,
		.max = 1024,
		.value = "32",
		.help = "of one allocation; beyond it 508",
	},
	[OPT_LIMITS_CHANNELS] = {
		.name = "channels",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.restart_to_raise = true,
		.min = 1,
		.max = CHANNELS,
		.value = "32",
		.help = "of one allocation; beyond it 508",
	},
	[OPT_LIMITS_PEERS] = {
		.name = "peers",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.min = 0,
		.max = UINT16_MAX,
		.value = "64",
		.help = "that an allocation begins to send to; 0: any",
	},
	[OPT_LIMITS_NEW_PEERS] = {
		.name = "new_peers_per_second",
		.group = GROUP_LIMITS,
		.type = OPTION_INTEGER,
		.min = 0,
		.max = UINT16_MAX,
		.value = "10",
		.help = "beyond those; 508, and data is dropped",
	},
	[OPT_LIMITS_ALLOCATION_RATE] = {
		.name = "allocation_rate",
		.group = GROUP_LIMITS,
		.type = OPTION_RATE,
		.min = 0,
		.max = BUCKET_RATE_MAX,
		.absent = "0, and 4Mbit/s with the preset acs",
		.sample = "\"4Mbit/s\"",
		.help = "bandwidth of an allocation, each way; 0: any",
	},
	[OPT_LIMITS_USER_RATE] = {
		.name = "user_rate",
		.group = GROUP_LIMITS,
		.type = OPTION_RATE,
		.min = 0,
		.max = BUCKET_RATE_MAX,
		.value = "\"0\"",
		.help = "bandwidth of a user, each way; 0: any",
	},
	[OPT_LIMITS_TOTAL_RATE] = {
		.name = "total_rate",
		.group = GROUP_LIMITS,
		.type = OPTION_RATE,
		.min = 0,
		.max = BUCKET_RATE_MAX,
		.value = "\"0\"",
		.help = "bandwidth of the server, each way; 0: any",
	},
	[OPT_LIMITS_RATE_BURST] = {
		.name = "rate_burst",
		.group = GROUP_LIMITS,
		.type = OPTION_DURATION,
		.min = 1,
		.max = BUCKET_BURST_MAX_S,
		.value = "\"2s\"",
		.help = "so much at a rate may be sent at once",
	},
	[OPT_AUTH_SHA256] = {
		.name = "sha256",
		.group = GROUP_AUTH,
		.type = OPTION_WORD,
		.words = settings,
		.value = "\"auto\"",
		.help = "auto: if every user of the realm has the key",
	},
	[OPT_AUTH_USERHASH] = {
		.name = "userhash",
		.group = GROUP_AUTH,
		.type = OPTION_WORD,
		.words = settings,
		.value = "\"auto\"",
		.help = "user names hidden on the wire; auto: on",
	},
	[OPT_NONCE_KEY] = {
		.name = "key",
		.group = GROUP_NONCE,
		.type = OPTION_KEY,
		.secret = true,
		.max = NONCE_KEY_BYTES,
		.absent = "random, kept in state_dir/nonce.key",
		.sample = "\"64 digits\"",
		.help = "the same on every server of a fleet",
	},
	[OPT_NONCE_LIFETIME] = {
		.name = "lifetime",
		.group = GROUP_NONCE,
		.type = OPTION_DURATION,
		.min = 1,
		.max = NONCE_LIFETIME_MAX_S,
		.value = "\"10m\"",
		.help = "then the client is asked again",
	},
	[OPT_DRAIN_DEADLINE] = {
		.name = "deadline",
		.group = GROUP_DRAIN,
		.type = OPTION_DURATION,
		.min = 0,
		.max = DRAIN_MAX_S,
		.value = "\"20s\"",
		.help = "then it ends, whoever is there; 0s: at once",
	},
	[OPT_DRAIN_ALTERNATES] = {
		.name = "alternates",
		.group = GROUP_DRAIN,
		.type = OPTION_TEXTS,
		.max = TURN_ALTERNATES_MAX,
		.absent = "none",
		.sample = "[ \"192.0.2.2:3478\" ]",
		.help = "servers to send new clients to; with nonce.key",
	},
	[OPT_BUFFERS_LISTENER] = {
		.name = "listener",
		.group = GROUP_BUFFERS,
		.type = OPTION_SIZE,
		.restart = true,
		.min = BUFFER_MIN_BYTES,
		.max = BUFFER_MAX_BYTES,
		.value = "\"16MiB\"",
		.help = "net.core.rmem_max and wmem_max bound it",
	},
	[OPT_BUFFERS_RELAY] = {
		.name = "relay",
		.group = GROUP_BUFFERS,
		.type = OPTION_SIZE,
		.restart = true,
		.min = BUFFER_MIN_BYTES,
		.max = BUFFER_MAX_BYTES,
		.value = "\"208KiB\"",
		.help = "of each allocation",
	},
	[OPT_LOG_LEVEL] = {
		.name = "level",
		.group = GROUP_LOG,
		.type = OPTION_WORD,
		.words = levels,
		.value = "\"info\"",
		.help = "this and what is more urgent",
	},
	[OPT_LOG_FORMAT] = {
		.name = "format",
		.group = GROUP_LOG,
		.type = OPTION_WORD,
		.restart = true,
		.words = formats,
		.value = "\"auto\"",
		.help = "auto: to the journal if there is one, else text",
	},
	[OPT_LOG_PEERS] = {
		.name = "peers",
		.group = GROUP_LOG,
		.type = OPTION_WORD,
		.words = switches,
		.value = "\"off\"",
		.help = "whether each new peer of a session is logged",
	},
	[OPT_CONTROL_SOCKET] = {
		.name = "socket",
		.group = GROUP_CONTROL,
		.type = OPTION_TEXT,
		.restart = true,
		.max = SOCKET_PATH_MAX_BYTES,
		.absent = "control.sock in $RUNTIME_DIRECTORY, else in "
			  "/run/turnpike",
		.sample = "\"/run/turnpike/control.sock\"",
		.help = "for root and group turnpike; \"\": none",
	},
	[OPT_CONTROL_HTTP] = {
		.name = "http",
		.group = GROUP_CONTROL,
		.type = OPTION_TEXT,
		.restart = true,
		.max = ADDR_TEXT_BYTES,
		.value = "\"127.0.0.1:9641\"",
		.help = "for who knows the token, and metrics; \"\": none",
	},
	[OPT_CONTROL_TOKEN_FILE] = {
		.name = "token_file",
		.group = GROUP_CONTROL,
		.type = OPTION_TEXT,
		.restart = true,
		.min = 1,
		.max = PATH_MAX_BYTES,
		.absent = "state_dir/control-token, made if it is not there",
		.sample = "\"/var/lib/turnpike/control-token\"",
		.help = "holds the token",
	},
	[OPT_CONTROL_INSECURE] = {
		.name = "insecure",
		.group = GROUP_CONTROL,
		.type = OPTION_WORD,
		.restart = true,
		.words = switches,
		.value = "\"off\"",
		.help = "on: http may be open to other machines",
	},
	[OPT_CONTROL_COTURN_METRICS] = {
		.name = "coturn_metrics",
		.group = GROUP_CONTROL,
		.type = OPTION_WORD,
		.words = switches,
		.value = "\"off\"",
		.help = "on: /metrics has coturn's names, too",
	},
};

const struct option_unit option_duration_units[] = {
	{ "h", 3600 },
	{ "m", 60 },
	{ "s", 1 },
	{ NULL, 0 },
};

const struct option_unit option_size_units[] = {
	{ "GiB", 1 << 30 },
	{ "MiB", 1 << 20 },
	{ "KiB", 1 << 10 },
	{ NULL, 0 },
};

/* Bits count by 8; all prefixes are decimal. */
const struct option_unit option_rate_units[] = {
	{ "Gbit/s", 125000000 },
	{ "Mbit/s", 125000 },
	{ "kbit/s", 125 },
	{ "GB/s", 1000000000 },
	{ "MB/s", 1000000 },
	{ "kB/s", 1000 },
	{ "B/s", 1 },
	{ NULL, 0 },
};

enum option_id option_first(enum group_id group)
{
	int id = 0;

	while (options[id].group != group)
		id++;
	return (enum option_id)id;
}

size_t option_count(enum group_id group)
{
	size_t count = 0;

	for (int id = 0; id < OPTION_COUNT; id++)
		count += options[id].group == group;
	return count;
}

bool option_find(enum group_id group, const char *name, enum option_id *out)
{
	for (int id = 0; id < OPTION_COUNT; id++) {
		if (options[id].group == group &&
		    !strcmp(options[id].name, name)) {
			*out = (enum option_id)id;
			return true;
		}
	}
	return false;
}

bool option_group_find(const char *name, enum group_id *out)
{
	for (int group = GROUP_TOP + 1; group < GROUP_COUNT; group++) {
		if (!strcmp(option_groups[group].name, name)) {
			*out = (enum group_id)group;
			return true;
		}
	}
	return false;
}

const char *option_path(enum option_id id, char out[OPTION_TEXT_BYTES])
{
	const char *group = option_groups[options[id].group].name;

	snprintf(out, OPTION_TEXT_BYTES, "%s%s%s", group, *group ? "." : "",
		 options[id].name);
	return out;
}

/* Appends to a text; every text of the table fits, or the table is wrong. */
static void append(char out[OPTION_TEXT_BYTES], const char *text)
{
	size_t used = strlen(out);

	assert(used + strlen(text) < OPTION_TEXT_BYTES);
	memcpy(out + used, text, strlen(text) + 1);
}

/* Appends the `i`-th of `count` names: "a, b or c". */
static void append_name(char out[OPTION_TEXT_BYTES], size_t i, size_t count,
			const char *quote, const char *name)
{
	if (i > 0)
		append(out, i + 1 < count ? ", " : " or ");
	append(out, quote);
	append(out, name);
	append(out, quote);
}

static void append_words(char out[OPTION_TEXT_BYTES], const char *const *words)
{
	size_t count = 0;

	while (words[count])
		count++;
	for (size_t i = 0; i < count; i++)
		append_name(out, i, count, "\"", words[i]);
}

static void append_range(char out[OPTION_TEXT_BYTES], const char *kind,
			 const struct option_unit *units,
			 const struct option *o)
{
	char min[OPTION_TEXT_BYTES], max[OPTION_TEXT_BYTES];

	append(out, kind);
	append(out, option_with_unit(units, o->min, min));
	append(out, " to ");
	append(out, option_with_unit(units, o->max, max));
}

const char *option_expects(enum option_id id, char out[OPTION_TEXT_BYTES])
{
	const struct option *o = &options[id];
	char number[OPTION_TEXT_BYTES];

	out[0] = '\0';
	switch (o->type) {
	case OPTION_TEXT:
		append_range(out, "a text of ", NULL, o);
		append(out, " bytes");
		break;
	case OPTION_WORD:
		append_words(out, o->words);
		if (id == OPT_LISTEN_TRANSPORT)
			append(out, " (others are not served yet)");
		break;
	case OPTION_INTEGER:
		append_range(out, "a whole number from ", NULL, o);
		break;
	case OPTION_DURATION:
		append_range(out,
			     "a duration with its unit, \"10s\", \"10m\" "
			     "or \"1h\", from ",
			     option_duration_units, o);
		break;
	case OPTION_SIZE:
		append_range(out,
			     "a size with its unit, \"64KiB\" or "
			     "\"16MiB\", from ",
			     option_size_units, o);
		break;
	case OPTION_RATE:
		append_range(out,
			     "a rate with its unit, \"4Mbit/s\" or "
			     "\"500kB/s\", from ",
			     option_rate_units, o);
		break;
	case OPTION_ADDRESS:
		append(out, "an IPv4 address such as \"192.0.2.1\" (IPv6 is "
			    "not served yet)");
		break;
	case OPTION_AUTO:
		append(out, "an IPv4 address such as \"192.0.2.1\", or "
			    "\"auto\"");
		break;
	case OPTION_PORTS:
		append_range(out, "[ FIRST, LAST ], two ports in order from ",
			     NULL, o);
		break;
	case OPTION_RULES:
		append(out, "an array of addresses, prefixes and ranges such "
			    "as [ \"192.0.2.0/24 port 443\" ], at most ");
		append(out, option_with_unit(NULL, o->max, number));
		break;
	case OPTION_KEY:
		append(out, option_with_unit(NULL, 2 * o->max, number));
		append(out, " hexadecimal digits");
		break;
	case OPTION_TIME:
		append(out, "a time such as \"2027-01-31T00:00:00Z\", after "
			    "1970");
		break;
	case OPTION_TEXTS:
		append(out, "an array of texts, at most ");
		append(out, option_with_unit(NULL, o->max, number));
		break;
	}
	return out;
}

/* How many names a group may hold: options and, at the top, groups. */
static size_t name_count(enum group_id group)
{
	size_t count = option_count(group);

	return group == GROUP_TOP ? count + GROUP_COUNT - 1 : count;
}

const char *option_names(enum group_id group, char out[OPTION_TEXT_BYTES])
{
	size_t own = option_count(group), count = name_count(group);

	out[0] = '\0';
	for (size_t i = 0; i < count; i++)
		append_name(out, i, count, "",
			    i < own ? options[option_first(group) + i].name
				    : option_groups[i - own + 1].name);
	return out;
}

const char *option_with_unit(const struct option_unit *units, int64_t number,
			     char out[OPTION_TEXT_BYTES])
{
	for (; units && units->name; units++) {
		bool is_last = !units[1].name;

		if (number % units->factor != 0 || (number == 0 && !is_last))
			continue;
		snprintf(out, OPTION_TEXT_BYTES, "%" PRId64 "%s",
			 number / units->factor, units->name);
		return out;
	}
	snprintf(out, OPTION_TEXT_BYTES, "%" PRId64, number);
	return out;
}

/* In the sample, values are padded so that what explains them lines up. */
#define SAMPLE_COLUMN 41

/*
 * Whether the line is commented out once more than its group: it shows what
 * could be said, not what holds if nothing is.
 */
static bool is_only_shown(const struct option *o)
{
	return !o->value && !o->required && o->group != GROUP_TOP;
}

static void write_sample_option(const struct option *o, FILE *to)
{
	const char *value = o->value ? o->value : o->sample;
	int width;

	width = fprintf(to, "#%s%s%s = %s;", o->group == GROUP_TOP ? "" : "\t",
			is_only_shown(o) ? "#" : "", o->name, value);
	if (o->group != GROUP_TOP)
		width += 6; /* the tab ends at column 8 */
	fprintf(to, "%*s # %s",
		width < SAMPLE_COLUMN ? SAMPLE_COLUMN - width : 0, "", o->help);
	if (o->absent)
		fprintf(to, " (%s)", o->absent);
	fputc('\n', to);
}

static void write_sample_group(enum group_id group, FILE *to)
{
	const struct option_group *g = &option_groups[group];

	fprintf(to, "\n# %s\n#%s = %s\n", g->help, g->name,
		g->is_list ? "( {" : "{");
	for (int id = 0; id < OPTION_COUNT; id++)
		if (options[id].group == group)
			write_sample_option(&options[id], to);
	fprintf(to, "#%s;\n", g->is_list ? "} )" : "}");
}

void options_write_sample(FILE *to)
{
	fputs("# The configuration of turnpiked(8): every option, what it is "
	      "if it is not set,\n"
	      "# and in parentheses what is taken instead. "
	      "turnpike.conf(5) says more.\n"
	      "# Set the realm and the users, then ask what will be in "
	      "force:\n"
	      "#\n"
	      "#     turnpiked --check -c /etc/turnpike/turnpike.conf\n"
	      "#\n"
	      "# This file holds passwords: keep it readable for root and "
	      "group turnpike only.\n\n",
	      to);
	for (int id = 0; id < OPTION_COUNT; id++)
		if (options[id].group == GROUP_TOP)
			write_sample_option(&options[id], to);
	for (int group = GROUP_TOP + 1; group < GROUP_COUNT; group++)
		write_sample_group((enum group_id)group, to);
}
