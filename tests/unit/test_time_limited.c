#include "unit.h"

#include <string.h>

#include "base/hex.h"
#include "store/time_limited.h"

#define EXPIRY INT64_C(1735689600)
#define NOW INT64_C(1735689000)

static struct turn_realm realms[2] = {
	{ .name = "example.org" },
	{ .name = "example.net" },
};
static struct secrets secrets, more;
static struct time_limited source;

static void make(void)
{
	secrets = (struct secrets){ .separator = ':' };
	more = (struct secrets){ .separator = ':' };
	source = (struct time_limited){
		.crypto = crypto_new(),
		.realms = realms,
		.secrets = &secrets,
	};
	ck_assert_ptr_nonnull(source.crypto);
}

static void drop(void)
{
	crypto_free(source.crypto);
}

static struct shared_secret *add(struct secrets *to, const char *text,
				 bool sha256)
{
	struct shared_secret *s = &to->items[to->count++];

	ck_assert_uint_le(to->count, SECRETS_MAX);
	s->realm = SECRETS_EVERY_REALM;
	s->sha256 = sha256;
	s->len = (uint16_t)strlen(text);
	memcpy(s->bytes, text, s->len);
	return s;
}

static bool look_at(uint8_t realm, struct bytes name, int64_t wall_s,
		    struct store_answer *answer)
{
	const struct now now = { .mono_ms = 1, .wall_s = wall_s };
	struct store_query query = {
		.realm = realm,
		.name = name,
		.now = &now,
	};

	memset(answer, 0x55, sizeof(*answer));
	ck_assert(time_limited_source.lookup(&source, &query, answer));
	ck_assert(answer->result == TURN_LOOKUP_FOUND ||
		  answer->result == TURN_LOOKUP_UNKNOWN);
	ck_assert_uint_le(answer->user.key_count, TURN_KEYS_MAX);
	return answer->result == TURN_LOOKUP_FOUND;
}

static bool look(const char *name, struct store_answer *answer)
{
	return look_at(0, bytes_str(name), NOW, answer);
}

/* Whether these are the keys with those digits. */
static void expect_keys(const struct turn_keys *keys, const char *md5,
			const char *sha256)
{
	char digits[2 * CRYPTO_SHA256_BYTES + 1] = "";

	ck_assert_uint_eq(keys->md5.len, CRYPTO_MD5_BYTES);
	ck_assert_uint_eq(keys->sha256.len, CRYPTO_SHA256_BYTES);
	hex_encode(secret_bytes(&keys->md5), digits);
	ck_assert_mem_eq(digits, md5, 2 * CRYPTO_MD5_BYTES);
	hex_encode(secret_bytes(&keys->sha256), digits);
	ck_assert_mem_eq(digits, sha256, 2 * CRYPTO_SHA256_BYTES);
}

/* What Python's hmac, base64 and hashlib make of the convention. */
START_TEST(keys_follow_from_the_secrets)
{
	struct store_answer a;

	add(&secrets, "north", false);
	add(&secrets, "south", true);
	ck_assert(look("1735689600:alice", &a));
	ck_assert_uint_eq(a.user.key_count, 2);
	expect_keys(&a.user.keys[0], "15fe1d291db14ef2a00c206559e9d387",
		    "dee35d0ba845dd3a3459b065a00d53ca"
		    "33fa01b1290ed5ded7348266c55db92b");
	expect_keys(&a.user.keys[1], "6973536552bae672d9885d7bfcda36a6",
		    "b8ae360c9ee42580b53b75482beb31ac"
		    "732532a51ff958c59109d925de903957");
	ck_assert(look("1735689600", &a));
	expect_keys(&a.user.keys[0], "b10c2618b5872787f320660e9f6e7ca5",
		    "fd9afab452a4f6e7862db5aa54929784"
		    "5808258c757d8f6620c7a2cded0c2873");
}
END_TEST

START_TEST(the_answer_says_all_there_is_to_say)
{
	struct store_answer a;

	add(&secrets, "north", false);
	ck_assert(look("1735689600:alice", &a));
	ck_assert(bytes_equal(a.name, bytes_str("1735689600:alice")));
	ck_assert_int_eq(a.user.source, TURN_SOURCE_TIME_LIMITED);
	ck_assert(!a.user.disabled);
	ck_assert(!a.user.expiry_ends);
	ck_assert_int_eq(a.user.revocable, 0);
	ck_assert_int_eq(a.user.expires_wall_s, EXPIRY);
	ck_assert_uint_eq(a.user.account_at, 11);
	ck_assert_uint_eq(a.user.grant.allocations_max, 0);
	ck_assert_uint_eq(a.user.grant.rate_bytes_per_s, 0);
	ck_assert_uint_eq(a.user.grant.packets_max, 0);

	secrets.skew_s = 30;
	secrets.end_sessions = true;
	secrets.end_withdrawn = true;
	ck_assert(look("1735689600", &a));
	ck_assert(a.user.expiry_ends);
	ck_assert_int_eq(a.user.revocable, 1);
	ck_assert_int_eq(a.user.expires_wall_s, EXPIRY + 30);
	ck_assert_uint_eq(a.user.account_at, 0);
}
END_TEST

/* The core refuses it, and can say when its time was over. */
START_TEST(an_expired_name_is_known_all_the_same)
{
	struct store_answer a;

	add(&secrets, "north", false);
	ck_assert(
		look_at(0, bytes_str("1735689600:alice"), EXPIRY + 86400, &a));
	ck_assert_int_eq(a.user.expires_wall_s, EXPIRY);
	ck_assert(look("0:alice", &a));
	ck_assert_int_eq(a.user.expires_wall_s, 1);
	secrets.skew_s = 60;
	ck_assert(look("9223372036854775807:alice", &a));
	ck_assert_int_eq(a.user.expires_wall_s, INT64_MAX);
}
END_TEST

START_TEST(without_a_secret_nobody_is_known)
{
	struct store_answer a;

	ck_assert(!look("1735689600:alice", &a));
	ck_assert_uint_eq(a.user.key_count, 0);
	source.secrets = NULL;
	ck_assert(!look("1735689600:alice", &a));
	ck_assert_uint_eq(a.user.key_count, 0);
}
END_TEST

START_TEST(a_hash_is_not_resolved)
{
	const struct now now = { .wall_s = NOW };
	struct store_query query = {
		.by_hash = true,
		.name = bytes_str("12345678901234567890123456789012"),
		.now = &now,
	};
	struct store_answer a;

	add(&secrets, "north", false);
	ck_assert(time_limited_source.lookup(&source, &query, &a));
	ck_assert_int_eq(a.result, TURN_LOOKUP_UNKNOWN);
}
END_TEST

/* Rotation: at each second the secrets that are in force, and no others. */
START_TEST(secrets_come_and_go)
{
	struct shared_secret *old = add(&secrets, "old", false);
	struct shared_secret *young = add(&secrets, "new", false);
	struct store_answer a;
	struct bytes name = bytes_str("1735689600:alice");
	struct turn_keys keys;

	old->not_after_wall_s = 2000;
	young->not_before_wall_s = 1000;
	ck_assert(look_at(0, name, 999, &a));
	ck_assert_uint_eq(a.user.key_count, 1);
	keys = a.user.keys[0];
	ck_assert(look_at(0, name, 1000, &a));
	ck_assert_uint_eq(a.user.key_count, 2);
	ck_assert_mem_eq(&a.user.keys[0], &keys, sizeof(keys));
	ck_assert(look_at(0, name, 1999, &a));
	ck_assert_uint_eq(a.user.key_count, 2);
	ck_assert(look_at(0, name, 2000, &a));
	ck_assert_uint_eq(a.user.key_count, 1);
	ck_assert_mem_ne(&a.user.keys[0], &keys, sizeof(keys));
	/* The clock steps back by hours. */
	ck_assert(look_at(0, name, 1, &a));
	ck_assert_mem_eq(&a.user.keys[0], &keys, sizeof(keys));
	young->not_after_wall_s = 1000;
	ck_assert(!look_at(0, name, 5000, &a));
}
END_TEST

START_TEST(a_secret_may_be_of_one_realm)
{
	struct store_answer a, b;

	add(&secrets, "north", false)->realm = 1;
	ck_assert(!look("1735689600:alice", &a));
	ck_assert(look_at(1, bytes_str("1735689600:alice"), NOW, &a));
	secrets.items[0].realm = 0;
	ck_assert(!look_at(1, bytes_str("1735689600:alice"), NOW, &b));
	secrets.items[0].realm = SECRETS_EVERY_REALM;
	ck_assert(look_at(1, bytes_str("1735689600:alice"), NOW, &b));
	ck_assert_mem_eq(&a.user.keys[0], &b.user.keys[0],
			 sizeof(a.user.keys[0]));
	/* The realm is part of the key. */
	ck_assert(look("1735689600:alice", &b));
	ck_assert_mem_ne(&a.user.keys[0], &b.user.keys[0],
			 sizeof(a.user.keys[0]));
}
END_TEST

/* The configured ones first, and no more than the core tries. */
START_TEST(other_secrets_fill_what_room_is_left)
{
	struct turn_keys first;
	struct store_answer a;
	char text[] = "a";

	source.more = &more;
	add(&more, "far", false);
	ck_assert(look("1735689600:alice", &a));
	ck_assert_uint_eq(a.user.key_count, 1);
	first = a.user.keys[0];
	add(&secrets, "near", false);
	ck_assert(look("1735689600:alice", &a));
	ck_assert_uint_eq(a.user.key_count, 2);
	ck_assert_mem_eq(&a.user.keys[1], &first, sizeof(first));
	for (; secrets.count < SECRETS_MAX; text[0]++)
		add(&secrets, text, false);
	ck_assert(look("1735689600:alice", &a));
	ck_assert_uint_eq(a.user.key_count, TURN_KEYS_MAX);
	for (unsigned i = 0; i < TURN_KEYS_MAX; i++)
		ck_assert_mem_ne(&a.user.keys[i], &first, sizeof(first));
}
END_TEST

/* --- the form of names ------------------------------------------------------ */

#define NONE -1

/* A name, and its expiry, or NONE if it is not of this source. */
static const struct {
	const char *name;
	size_t len;
	int64_t expires_wall_s;
	uint16_t account_at;
} names[] = {
#define NAME(text, ...)                             \
	{                                           \
		text, sizeof(text) - 1, __VA_ARGS__ \
	}
	NAME("1735689600:alice", EXPIRY, 11),
	NAME("1735689600", EXPIRY, 0),
	NAME("1735689600:", EXPIRY, 0),
	NAME("1735689600::", EXPIRY, 11),
	NAME("1735689600:7:8", EXPIRY, 11),
	NAME("0", 1, 0),
	NAME("00000000000000000001:a", 1, 21),
	NAME("000000000000000000001:a", NONE, 0),
	NAME("9223372036854775807:a", INT64_MAX, 20),
	NAME("9223372036854775808:a", NONE, 0),
	NAME("18446744073709551617:a", NONE, 0),
	NAME("99999999999999999999", NONE, 0),
	NAME("999999999999999999999999999999:a", NONE, 0),
	NAME("", NONE, 0),
	NAME(":alice", NONE, 0),
	NAME("alice", NONE, 0),
	NAME("alice:1735689600", NONE, 0),
	NAME("+1735689600:alice", NONE, 0),
	NAME("-1735689600:alice", NONE, 0),
	NAME(" 1735689600:alice", NONE, 0),
	NAME("1735689600 :alice", NONE, 0),
	NAME("0x10:alice", NONE, 0),
	NAME("1e9:alice", NONE, 0),
	NAME("1735689600.5:alice", NONE, 0),
	NAME("1735689600|alice", NONE, 0),
	NAME("1735689600\0:alice", NONE, 0),
	NAME("\xd9\xa1\xd9\xa2:alice", NONE, 0), /* Arabic digits */
	NAME("1735689600:%n%s*", EXPIRY, 11),
	NAME("1735689600:a\r\nb", EXPIRY, 11),
	NAME("1735689600:a\0b", EXPIRY, 11),
	NAME("1735689600:\xff", NONE, 0),
	NAME("1735689600:\xc3\xa9", EXPIRY, 11),
};

START_TEST(name)
{
	struct bytes text = bytes_of(names[_i].name, names[_i].len);
	struct time_limited_name out;
	bool is_one = time_limited_parse(text, ':', &out);

	ck_assert_msg(is_one == (names[_i].expires_wall_s != NONE), "%s",
		      names[_i].name);
	if (!is_one)
		return;
	ck_assert_int_eq(out.expires_wall_s, names[_i].expires_wall_s);
	ck_assert_uint_eq(out.account_at, names[_i].account_at);
}
END_TEST

START_TEST(the_separator_is_a_choice)
{
	struct time_limited_name out;

	ck_assert(time_limited_parse(bytes_str("12|a"), '|', &out));
	ck_assert_uint_eq(out.account_at, 3);
	ck_assert(!time_limited_parse(bytes_str("12:a"), '|', &out));
	ck_assert(time_limited_parse(bytes_str("12"), '|', &out));
}
END_TEST

START_TEST(the_longest_name)
{
	uint8_t text[STUN_USERNAME_MAX_BYTES + 1];
	struct time_limited_name out;

	memset(text, 'a', sizeof(text));
	memcpy(text, "12:", 3);
	ck_assert(time_limited_parse(bytes_of(text, sizeof(text) - 1), ':',
				     &out));
	ck_assert(!time_limited_parse(bytes_of(text, sizeof(text)), ':', &out));
}
END_TEST

static Suite *time_limited_suite(void)
{
	Suite *s = suite_create("time_limited");
	TCase *keys = tcase_create("keys");
	TCase *form = tcase_create("form");

	tcase_add_checked_fixture(keys, make, drop);
	tcase_add_test(keys, keys_follow_from_the_secrets);
	tcase_add_test(keys, the_answer_says_all_there_is_to_say);
	tcase_add_test(keys, an_expired_name_is_known_all_the_same);
	tcase_add_test(keys, without_a_secret_nobody_is_known);
	tcase_add_test(keys, a_hash_is_not_resolved);
	tcase_add_test(keys, secrets_come_and_go);
	tcase_add_test(keys, a_secret_may_be_of_one_realm);
	tcase_add_test(keys, other_secrets_fill_what_room_is_left);
	suite_add_tcase(s, keys);

	tcase_add_loop_test(form, name, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(form, the_separator_is_a_choice);
	tcase_add_test(form, the_longest_name);
	suite_add_tcase(s, form);
	return s;
}

UNIT_MAIN(time_limited_suite)
