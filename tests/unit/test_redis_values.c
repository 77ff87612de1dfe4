#include "unit.h"

#include <string.h>

#include "store/redis_values.h"

#define MD5 "00112233445566778899aabbccddeeff"
#define SHA256 MD5 MD5

static struct redis_parser *parser;
static redisReply *reply;
static const char *why;

static void setup(void)
{
	parser = redis_parser_new();
	ck_assert_ptr_nonnull(parser);
	why = NULL;
}

static void teardown(void)
{
	redis_reply_free(reply);
	reply = NULL;
	redis_parser_free(parser);
}

/* The reply that stands there in RESP; valid until the next. */
static const redisReply *resp_of(const void *text, size_t len)
{
	enum redis_scan result;

	redis_reply_free(reply);
	ck_assert_uint_eq(
		redis_parser_take(parser, bytes_of(text, len), &result, &reply),
		len);
	ck_assert_int_eq(result, REDIS_SCAN_DONE);
	return reply;
}

static const redisReply *resp(const char *text)
{
	return resp_of(text, strlen(text));
}

static const redisReply *string(const char *text)
{
	char out[512];

	snprintf(out, sizeof(out), "$%zu\r\n%s\r\n", strlen(text), text);
	return resp(out);
}

/* An array of strings; one that is NULL is nil. */
static const redisReply *strings(const char *const *texts, size_t count)
{
	static char out[60000];
	size_t len = (size_t)snprintf(out, sizeof(out), "*%zu\r\n", count);

	for (size_t i = 0; i < count; i++)
		if (texts[i])
			len += (size_t)snprintf(out + len, sizeof(out) - len,
						"$%zu\r\n%s\r\n",
						strlen(texts[i]), texts[i]);
		else
			len += (size_t)snprintf(out + len, sizeof(out) - len,
						"$-1\r\n");
	return resp_of(out, len);
}

static const char nil[] = "$-1\r\n";
static const char wrong_type[] = "-WRONGTYPE of another kind\r\n";
static const char no_permission[] = "-NOPERM this user has no permissions\r\n";

/* --- users --- */

static struct redis_user user;
static struct redis_answer answer;

static void read_user(const char *key_resp, const char *md5, const char *sha256,
		      const char *allocations, const char *rate,
		      const char *disabled)
{
	const char *const fields[] = { md5, sha256, allocations, rate,
				       disabled };

	redis_read_key(resp(key_resp), &user);
	redis_read_hash(strings(fields, 5), &user);
	answer.ticket = (struct ref){ 7, 8 };
	answer.recheck = true;
	redis_answer_of(&user, &answer);
	ck_assert_uint_eq(answer.ticket.index, 7);
	ck_assert_uint_eq(answer.ticket.generation, 8);
	ck_assert(answer.recheck);
}

static const char key_of_32[] = "$32\r\n" MD5 "\r\n";

START_TEST(coturns_key)
{
	read_user(key_of_32, NULL, NULL, NULL, NULL, NULL);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	ck_assert_uint_eq(answer.md5.len, 16);
	ck_assert_uint_eq(answer.md5.bytes[1], 0x11);
	ck_assert_uint_eq(answer.md5.bytes[15], 0xff);
	ck_assert_uint_eq(answer.sha256.len, 0);
	ck_assert(!answer.disabled && answer.allocations_max == 0 &&
		  answer.rate_bytes == 0);
	/* What stands behind it is not looked at. */
	read_user("$34\r\n" MD5 "zz\r\n", NULL, NULL, NULL, NULL, NULL);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	read_user("$32\r\n00112233445566778899AABBCCDDEEFF\r\n", NULL, NULL,
		  NULL, NULL, NULL);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
}
END_TEST

START_TEST(nobody)
{
	read_user(nil, NULL, NULL, NULL, NULL, NULL);
	ck_assert_int_eq(user.result, REDIS_VALUE_NONE);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNKNOWN);
	read_user(nil, NULL, NULL, "5", "6", "0");
	ck_assert_int_eq(user.result, REDIS_VALUE_NONE);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(answer.allocations_max, 0);
}
END_TEST

START_TEST(our_fields)
{
	read_user(nil, NULL, SHA256, "5", "125000", NULL);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	ck_assert_uint_eq(answer.md5.len, 0);
	ck_assert_uint_eq(answer.sha256.len, 32);
	ck_assert_uint_eq(answer.sha256.bytes[31], 0xff);
	ck_assert_uint_eq(answer.allocations_max, 5);
	ck_assert_uint_eq(answer.rate_bytes, 125000);
	/* Ours wins, and mends. */
	read_user(key_of_32, "ffffffffffffffffffffffffffffffff", NULL, NULL,
		  NULL, NULL);
	ck_assert_uint_eq(answer.md5.bytes[0], 0xff);
	read_user("$5\r\nshort\r\n", MD5, NULL, NULL, NULL, NULL);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	read_user(wrong_type, MD5, NULL, NULL, NULL, NULL);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	read_user("$5\r\nshort\r\n", NULL, SHA256, NULL, NULL, NULL);
	ck_assert_int_eq(user.result, REDIS_VALUE_UNUSABLE);
}
END_TEST

START_TEST(disabled)
{
	static const char *const no[] = { "", "0", "no", "false" };
	static const char *const yes[] = { "1",      "yes", "true",
					   "false ", "NO",  "00" };

	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
		read_user(key_of_32, NULL, NULL, NULL, NULL, no[i]);
		ck_assert(!answer.disabled);
	}
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		read_user(key_of_32, NULL, NULL, NULL, NULL, yes[i]);
		ck_assert(answer.disabled);
		ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
	}
}
END_TEST

static void check_unusable(void)
{
	ck_assert_int_eq(user.result, REDIS_VALUE_UNUSABLE);
	ck_assert_ptr_nonnull(user.why);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_eq(answer.md5.len, 0);
}

START_TEST(unusable)
{
	static const char *const keys[] = {
		"$0\r\n\r\n",
		"$31\r\n0011223344556677889900112233445\r\n",
		"$32\r\ng0112233445566778899aabbccddeeff\r\n",
		":5\r\n",
		"+OK\r\n",
		"*1\r\n+OK\r\n",
		wrong_type,
		"-TOOLARGE reply\r\n",
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		read_user(keys[i], NULL, NULL, NULL, NULL, NULL);
		check_unusable();
	}
	read_user(key_of_32, MD5 "0", NULL, NULL, NULL, NULL);
	check_unusable();
	read_user(key_of_32, "", NULL, NULL, NULL, NULL);
	check_unusable();
	read_user(key_of_32, NULL, MD5, NULL, NULL, NULL);
	check_unusable();
	read_user(key_of_32, NULL, NULL, "", NULL, NULL);
	check_unusable();
	read_user(key_of_32, NULL, NULL, "4294967296", NULL, NULL);
	check_unusable();
	read_user(key_of_32, NULL, NULL, "-1", NULL, NULL);
	check_unusable();
	read_user(key_of_32, NULL, NULL, NULL, "1e6", NULL);
	check_unusable();
	read_user(key_of_32, NULL, NULL, NULL, "12345678901234567890", NULL);
	check_unusable();
}
END_TEST

static void read_hash(const char *key_resp, const char *hash_resp)
{
	redis_read_key(resp(key_resp), &user);
	redis_read_hash(resp(hash_resp), &user);
	redis_answer_of(&user, &answer);
}

START_TEST(other_replies_to_hmget)
{
	static const char *const wrong[] = {
		wrong_type,
		"-TOOLARGE reply\r\n",
		":1\r\n",
		"*0\r\n",
		"*4\r\n+\r\n+\r\n+\r\n+\r\n",
		"$2\r\nab\r\n",
		"*5\r\n:1\r\n$-1\r\n$-1\r\n$-1\r\n$-1\r\n",
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		read_hash(key_of_32, wrong[i]);
		check_unusable();
	}
	read_hash(key_of_32, nil);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_FOUND);
}
END_TEST

START_TEST(refused)
{
	read_hash(no_permission, nil);
	ck_assert_int_eq(user.result, REDIS_VALUE_REFUSED);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNAVAILABLE);
	read_hash(key_of_32, no_permission);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNAVAILABLE);
	ck_assert_uint_eq(answer.md5.len, 0);
	read_hash(no_permission, wrong_type);
	ck_assert_int_eq(answer.result, TURN_LOOKUP_UNAVAILABLE);
}
END_TEST

/* --- realms --- */

static struct redis_secrets secrets;

START_TEST(sets_of_secrets)
{
	const char *many[REDIS_SECRETS_MAX + 1];
	char texts[REDIS_SECRETS_MAX + 1][8];

	memset(&secrets, 0xff, sizeof(secrets));
	ck_assert_int_eq(redis_read_secrets(
				 strings((const char *[]){ "b", "ab", "a" }, 3),
				 &secrets, &why),
			 REDIS_VALUE_GOOD);
	ck_assert(secrets.count == 3 && !secrets.cut);
	ck_assert(secrets.items[0].len == 1 &&
		  secrets.items[0].bytes[0] == 'a');
	ck_assert(secrets.items[1].len == 2);
	ck_assert(secrets.items[2].bytes[0] == 'b');
	ck_assert_int_eq(redis_read_secrets(resp("*0\r\n"), &secrets, &why),
			 REDIS_VALUE_GOOD);
	ck_assert_uint_eq(secrets.count, 0);

	for (unsigned i = 0; i <= REDIS_SECRETS_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "%02u",
			 REDIS_SECRETS_MAX - i);
		many[i] = texts[i];
	}
	ck_assert_int_eq(redis_read_secrets(strings(many, REDIS_SECRETS_MAX),
					    &secrets, &why),
			 REDIS_VALUE_GOOD);
	ck_assert(secrets.count == REDIS_SECRETS_MAX && !secrets.cut);
	ck_assert_int_eq(
		redis_read_secrets(strings(many, REDIS_SECRETS_MAX + 1),
				   &secrets, &why),
		REDIS_VALUE_UNUSABLE);
	ck_assert(secrets.count == REDIS_SECRETS_MAX && secrets.cut);
	ck_assert(!memcmp(secrets.items[15].bytes, "15", 2));
}
END_TEST

START_TEST(secrets_of_no_use)
{
	char longest[REDIS_SECRET_MAX_BYTES + 1], longer[sizeof(longest) + 1];

	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	memset(longer, 'y', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(
		redis_read_secrets(
			strings((const char *[]){ longest, longer, "", NULL },
				4),
			&secrets, &why),
		REDIS_VALUE_UNUSABLE);
	ck_assert(secrets.count == 1 && secrets.cut);
	ck_assert_uint_eq(secrets.items[0].len, REDIS_SECRET_MAX_BYTES);
	ck_assert_int_eq(redis_read_secrets(resp(wrong_type), &secrets, &why),
			 REDIS_VALUE_UNUSABLE);
	ck_assert(secrets.count == 0 && secrets.cut);
	ck_assert_int_eq(redis_read_secrets(resp("+OK\r\n"), &secrets, &why),
			 REDIS_VALUE_UNUSABLE);
	ck_assert_int_eq(
		redis_read_secrets(resp(no_permission), &secrets, &why),
		REDIS_VALUE_REFUSED);
	ck_assert_int_eq(redis_read_secrets(resp(nil), &secrets, &why),
			 REDIS_VALUE_NONE);
	ck_assert(secrets.count == 0 && !secrets.cut);
}
END_TEST

static struct redis_peers peers;

START_TEST(lists_of_peers)
{
	const char *many[REDIS_PEERS_MAX + 1];
	char texts[REDIS_PEERS_MAX + 1][16];

	ck_assert_int_eq(
		redis_read_peers(strings((const char *[]){ "10.0.0.2-10.0.0.9",
							   "10.0.0.1" },
					 2),
				 &peers, &why),
		REDIS_VALUE_GOOD);
	ck_assert(peers.count == 2 && !peers.cut);
	ck_assert_str_eq(peers.items[0], "10.0.0.1");
	ck_assert_str_eq(peers.items[1], "10.0.0.2-10.0.0.9");
	ck_assert_int_eq(redis_read_peers(string("::1"), &peers, &why),
			 REDIS_VALUE_GOOD);
	ck_assert(peers.count == 1 && !strcmp(peers.items[0], "::1"));

	for (unsigned i = 0; i <= REDIS_PEERS_MAX; i++) {
		snprintf(texts[i], sizeof(texts[i]), "10.0.0.%u", i);
		many[i] = texts[i];
	}
	ck_assert_int_eq(redis_read_peers(strings(many, REDIS_PEERS_MAX + 1),
					  &peers, &why),
			 REDIS_VALUE_UNUSABLE);
	ck_assert(peers.count == REDIS_PEERS_MAX && peers.cut);
}
END_TEST

START_TEST(peers_of_no_use)
{
	char longer[REDIS_PEER_BYTES + 1];

	memset(longer, '1', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	ck_assert_int_eq(redis_read_peers(string(longer), &peers, &why),
			 REDIS_VALUE_UNUSABLE);
	ck_assert(peers.count == 0 && peers.cut);
	ck_assert_int_eq(redis_read_peers(string(longer + 1), &peers, &why),
			 REDIS_VALUE_GOOD);
	ck_assert_uint_eq(strlen(peers.items[0]), REDIS_PEER_BYTES - 1);
	ck_assert_int_eq(redis_read_peers(resp_of("*1\r\n$3\r\na\0b\r\n", 13),
					  &peers, &why),
			 REDIS_VALUE_GOOD);
	ck_assert(peers.count == 0 && peers.cut);
	ck_assert_int_eq(
		redis_read_peers(resp("-TOOLARGE reply\r\n"), &peers, &why),
		REDIS_VALUE_UNUSABLE);
	ck_assert(peers.cut);
	ck_assert_int_eq(redis_read_peers(resp(nil), &peers, &why),
			 REDIS_VALUE_NONE);
	ck_assert(!peers.cut);
}
END_TEST

START_TEST(numbers)
{
	struct redis_number n;

	ck_assert_int_eq(redis_read_number(string("0"), &n, &why),
			 REDIS_VALUE_GOOD);
	ck_assert(n.present && n.value == 0);
	ck_assert_int_eq(redis_read_number(string("64000"), &n, &why),
			 REDIS_VALUE_GOOD);
	ck_assert_uint_eq(n.value, 64000);
	ck_assert_int_eq(redis_read_number(string("64k"), &n, &why),
			 REDIS_VALUE_UNUSABLE);
	ck_assert(!n.present);
	ck_assert_int_eq(redis_read_number(resp(nil), &n, &why),
			 REDIS_VALUE_NONE);
	ck_assert_int_eq(redis_read_number(resp(wrong_type), &n, &why),
			 REDIS_VALUE_UNUSABLE);
	ck_assert_int_eq(redis_read_number(resp(no_permission), &n, &why),
			 REDIS_VALUE_REFUSED);
}
END_TEST

/* --- the server itself --- */

START_TEST(messages)
{
	struct bytes channel, payload;

	ck_assert_int_eq(
		redis_read_told(
			strings((const char *[]){ "message", "c", "p" }, 3),
			&channel, &payload),
		REDIS_TOLD_MESSAGE);
	ck_assert(bytes_equal(channel, bytes_str("c")));
	ck_assert(bytes_equal(payload, bytes_str("p")));
	ck_assert_int_eq(
		redis_read_told(
			strings((const char *[]){ "pmessage", "*", "c", "p" },
				4),
			&channel, &payload),
		REDIS_TOLD_MESSAGE);
	ck_assert(bytes_equal(channel, bytes_str("c")));
	ck_assert_int_eq(
		redis_read_told(
			resp("*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n"),
			&channel, &payload),
		REDIS_TOLD_SUBSCRIBED);
	ck_assert_int_eq(
		redis_read_told(
			resp("*3\r\n$10\r\npsubscribe\r\n$1\r\nc\r\n:1\r\n"),
			&channel, &payload),
		REDIS_TOLD_SUBSCRIBED);
	/* A message whose parts are no strings has empty ones. */
	ck_assert_int_eq(
		redis_read_told(resp("*3\r\n$7\r\nmessage\r\n*0\r\n:1\r\n"),
				&channel, &payload),
		REDIS_TOLD_MESSAGE);
	ck_assert(channel.len == 0 && payload.len == 0);
}
END_TEST

START_TEST(no_messages)
{
	static const char *const others[] = {
		"+OK\r\n",
		nil,
		"*0\r\n",
		"*-1\r\n",
		"*1\r\n$7\r\nmessage\r\n",
		"*3\r\n+message\r\n$1\r\nc\r\n$1\r\np\r\n",
		"*3\r\n$8\r\npmessage\r\n$1\r\nc\r\n$1\r\np\r\n",
		"*4\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\np\r\n$0\r\n\r\n",
		"*3\r\n$4\r\npong\r\n$1\r\nc\r\n$1\r\np\r\n",
	};
	struct bytes channel, payload;

	ck_assert_int_eq(redis_read_told(resp(others[_i]), &channel, &payload),
			 REDIS_TOLD_OTHER);
}
END_TEST

START_TEST(masters)
{
	char host[REDIS_HOST_BYTES + 1];
	struct redis_endpoint e;

	ck_assert(redis_read_master(
		strings((const char *[]){ "10.0.0.1", "6379" }, 2), &e));
	ck_assert_str_eq(e.host, "10.0.0.1");
	ck_assert_uint_eq(e.port, 6379);
	ck_assert(e.path[0] == '\0');
	ck_assert(!redis_read_master(resp("*-1\r\n"), &e));
	ck_assert(!redis_read_master(resp("-IDONTKNOW\r\n"), &e));
	ck_assert(!redis_read_master(
		strings((const char *[]){ "10.0.0.1", "0" }, 2), &e));
	ck_assert(!redis_read_master(
		strings((const char *[]){ "10.0.0.1", "65536" }, 2), &e));
	ck_assert(!redis_read_master(strings((const char *[]){ "", "6379" }, 2),
				     &e));
	ck_assert(!redis_read_master(strings((const char *[]){ "10.0.0.1" }, 1),
				     &e));
	ck_assert(!redis_read_master(
		resp_of("*2\r\n$2\r\na\0\r\n$1\r\n1\r\n", 19), &e));
	memset(host, 'h', sizeof(host));
	host[REDIS_HOST_BYTES] = '\0';
	ck_assert(!redis_read_master(
		strings((const char *[]){ host, "6379" }, 2), &e));
	ck_assert(redis_read_master(
		strings((const char *[]){ host + 1, "6379" }, 2), &e));
}
END_TEST

START_TEST(roles)
{
	ck_assert(redis_read_is_master(
		resp("*3\r\n$6\r\nmaster\r\n:0\r\n*0\r\n")));
	ck_assert(!redis_read_is_master(
		resp("*3\r\n$5\r\nslave\r\n:0\r\n*0\r\n")));
	ck_assert(!redis_read_is_master(resp("*0\r\n")));
	ck_assert(!redis_read_is_master(resp("+master\r\n")));
}
END_TEST

static bool notifies(const char *flags)
{
	return redis_read_notifies(strings(
		(const char *[]){ "notify-keyspace-events", flags }, 2));
}

START_TEST(notifications)
{
	ck_assert(notifies("AK"));
	ck_assert(notifies("AKE"));
	ck_assert(notifies("g$lshzxeK"));
	ck_assert(!notifies(""));
	ck_assert(!notifies("AE"));
	ck_assert(!notifies("K"));
	ck_assert(!notifies("g$shxK"));
	ck_assert(!redis_read_notifies(resp("*0\r\n")));
	ck_assert(!redis_read_notifies(resp(no_permission)));
	ck_assert(!redis_read_notifies(
		strings((const char *[]){ "notify", "AK" }, 2)));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_values");
	TCase *c = tcase_create("redis_values");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, coturns_key);
	tcase_add_test(c, nobody);
	tcase_add_test(c, our_fields);
	tcase_add_test(c, disabled);
	tcase_add_test(c, unusable);
	tcase_add_test(c, other_replies_to_hmget);
	tcase_add_test(c, refused);
	tcase_add_test(c, sets_of_secrets);
	tcase_add_test(c, secrets_of_no_use);
	tcase_add_test(c, lists_of_peers);
	tcase_add_test(c, peers_of_no_use);
	tcase_add_test(c, numbers);
	tcase_add_test(c, messages);
	tcase_add_loop_test(c, no_messages, 0, 9);
	tcase_add_test(c, masters);
	tcase_add_test(c, roles);
	tcase_add_test(c, notifications);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
