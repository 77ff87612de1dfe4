#include "unit.h"

#include <string.h>

#include "store/redis_keys.h"

static struct redis_key key;

static void check_key(const char *expected)
{
	ck_assert_uint_eq(key.len, strlen(expected));
	ck_assert(bytes_equal(redis_key_bytes(&key), bytes_str(expected)));
}

START_TEST(builds)
{
	redis_key_user(&key, bytes_str("r"), bytes_str("alice"));
	check_key("turn/realm/r/user/alice/key");
	redis_key_user(&key, bytes_str(""), bytes_of(NULL, 0));
	check_key("turn/realm//user//key");
	redis_key_hash(&key, bytes_str("example.com"), bytes_str("a/b"));
	check_key("turnpike/realm/example.com/user/a/b");
	redis_key_item(&key, bytes_str("r"), REDIS_ITEM_SECRET);
	check_key("turn/realm/r/secret");
	redis_key_item(&key, bytes_str("r"), REDIS_ITEM_MAX_BPS);
	check_key("turn/realm/r/max-bps");
	redis_key_item(&key, bytes_str("r"), REDIS_ITEM_TOTAL_QUOTA);
	check_key("turn/realm/r/total-quota");
	redis_key_item(&key, bytes_str("r"), REDIS_ITEM_USER_QUOTA);
	check_key("turn/realm/r/user-quota");
	redis_key_item(&key, bytes_str("r"), REDIS_ITEM_ALLOWED_PEERS);
	check_key("turn/realm/r/allowed-peer-ip");
	redis_key_item(&key, bytes_str("r"), REDIS_ITEM_DENIED_PEERS);
	check_key("turn/realm/r/denied-peer-ip");
}
END_TEST

/* Any byte of a name stands in the key as it is. */
START_TEST(names_are_bytes)
{
	uint8_t realm[STUN_REALM_MAX_BYTES], name[STUN_USERNAME_MAX_BYTES];
	enum redis_item item;
	struct bytes found;

	for (size_t i = 0; i < sizeof(realm); i++)
		realm[i] = (uint8_t)i;
	for (size_t i = 0; i < sizeof(name); i++)
		name[i] = (uint8_t)(255 - i);
	for (size_t len = 0; len <= sizeof(name); len++) {
		struct bytes view = bytes_of(name, len);
		struct bytes in = bytes_of(realm, sizeof(realm));

		redis_key_user(&key, in, view);
		ck_assert_int_eq(redis_key_parse(redis_key_bytes(&key), in,
						 &found, &item),
				 REDIS_ABOUT_USER);
		ck_assert(bytes_equal(found, view));
		redis_key_hash(&key, in, view);
		ck_assert_int_eq(redis_key_parse(redis_key_bytes(&key), in,
						 &found, &item),
				 REDIS_ABOUT_USER);
		ck_assert(bytes_equal(found, view));
	}
}
END_TEST

START_TEST(items_are_found)
{
	for (int i = 0; i < REDIS_ITEMS; i++) {
		enum redis_item item = REDIS_ITEMS;
		struct bytes name;

		redis_key_item(&key, bytes_str("r"), (enum redis_item)i);
		ck_assert_int_eq(redis_key_parse(redis_key_bytes(&key),
						 bytes_str("r"), &name, &item),
				 REDIS_ABOUT_ITEM);
		ck_assert_int_eq(item, i);
		ck_assert_int_eq(redis_key_parse(redis_key_bytes(&key),
						 bytes_str("q"), &name, &item),
				 REDIS_ABOUT_NOTHING);
	}
}
END_TEST

START_TEST(other_keys)
{
	static const char *const others[] = {
		"",
		"x",
		"turn",
		"turn/realm/",
		"turn/realm/r",
		"turn/realm/r/",
		"turn/realm/r/user",
		"turn/realm/r/user/",
		"turn/realm/r/user/a",
		"turn/realm/r/user/a/ke",
		"turn/realm/r/user/a/allocation/0001/status",
		"turn/realm/r/secrets",
		"turn/realm/r/max-bp",
		"turn/realm/r2/secret",
		"turn/origin/r",
		"turnpike/realm/r/secret",
		"turnpike/realm/r",
		"Turn/realm/r/secret",
	};
	enum redis_item item;
	struct bytes name;

	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		ck_assert_msg(redis_key_parse(bytes_str(others[i]),
					      bytes_str("r"), &name,
					      &item) == REDIS_ABOUT_NOTHING,
			      "%s", others[i]);
}
END_TEST

/* No user of ours has a longer name. */
START_TEST(too_long_a_name)
{
	char text[REDIS_KEY_MAX_BYTES] = "turnpike/realm/r/user/";
	size_t len = strlen(text);
	enum redis_item item;
	struct bytes name;

	memset(text + len, 'x', STUN_USERNAME_MAX_BYTES + 1);
	ck_assert_int_eq(
		redis_key_parse(bytes_of(text, len + STUN_USERNAME_MAX_BYTES),
				bytes_str("r"), &name, &item),
		REDIS_ABOUT_USER);
	ck_assert_int_eq(
		redis_key_parse(
			bytes_of(text, len + STUN_USERNAME_MAX_BYTES + 1),
			bytes_str("r"), &name, &item),
		REDIS_ABOUT_NOTHING);
}
END_TEST

/* A key that two realms may mean is about both. */
START_TEST(two_realms)
{
	const struct bytes text = bytes_str("turn/realm/a/user/b/user/c/key");
	enum redis_item item;
	struct bytes name;

	ck_assert_int_eq(redis_key_parse(text, bytes_str("a"), &name, &item),
			 REDIS_ABOUT_USER);
	ck_assert(bytes_equal(name, bytes_str("b/user/c")));
	ck_assert_int_eq(
		redis_key_parse(text, bytes_str("a/user/b"), &name, &item),
		REDIS_ABOUT_USER);
	ck_assert(bytes_equal(name, bytes_str("c")));
}
END_TEST

START_TEST(channels)
{
	struct bytes found;

	ck_assert(redis_key_of_channel(bytes_str("__keyspace@0__:a:b"), 0,
				       &found));
	ck_assert(bytes_equal(found, bytes_str("a:b")));
	ck_assert(redis_key_of_channel(bytes_str("__keyspace@15__:"), 15,
				       &found));
	ck_assert_uint_eq(found.len, 0);
	ck_assert(!redis_key_of_channel(bytes_str("__keyspace@1__:a"), 0,
					&found));
	ck_assert(!redis_key_of_channel(bytes_str("__keyevent@0__:del"), 0,
					&found));
	ck_assert(!redis_key_of_channel(bytes_of(NULL, 0), 0, &found));
}
END_TEST

static void name_of_none(void *arg)
{
	(void)arg;
	(void)redis_item_name(REDIS_ITEMS);
}

static void key_too_long(void *arg)
{
	static uint8_t name[REDIS_KEY_MAX_BYTES];

	(void)arg;
	redis_key_hash(&key, bytes_str("r"), bytes_of(name, sizeof(name)));
}

START_TEST(impossible)
{
	ck_assert(unit_aborts(name_of_none, NULL));
	ck_assert(unit_aborts(key_too_long, NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_keys");
	TCase *c = tcase_create("redis_keys");

	tcase_add_test(c, builds);
	tcase_add_test(c, names_are_bytes);
	tcase_add_test(c, items_are_found);
	tcase_add_test(c, other_keys);
	tcase_add_test(c, too_long_a_name);
	tcase_add_test(c, two_realms);
	tcase_add_test(c, channels);
	tcase_add_test(c, impossible);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
