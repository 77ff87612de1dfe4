#include "unit.h"

#include <string.h>

#include "base/wire.h"
#include "stun/builder.h"
#include "stun/message.h"
#include "stun/redact.h"

static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = "transaction";
static const struct hash_key key = { 1, 2 };
static uint8_t message[1024], shown[1024];
static size_t len;

static struct stun_builder begin(enum stun_class class, uint16_t method)
{
	struct stun_builder b;

	stun_begin(&b, message, sizeof(message), class, method, id);
	return b;
}

static void add_text(struct stun_builder *b, uint16_t type, const char *text)
{
	stun_add(b, type, bytes_str(text));
}

static void finish(struct stun_builder *b)
{
	len = stun_finish(b);
	ck_assert_uint_ne(len, 0);
	memset(shown, 0xAA, sizeof(shown));
	stun_redact(bytes_of(message, len), &key, shown);
}

static struct bytes shown_value(uint16_t type)
{
	static struct stun_message m;
	const struct stun_attr *attr;

	ck_assert_int_eq(stun_parse(bytes_of(shown, len), &m), STUN_OK);
	attr = stun_find(&m, type);
	ck_assert_ptr_nonnull(attr);
	return attr->value;
}

static bool is_zero(struct bytes value)
{
	for (size_t i = 0; i < value.len; i++)
		if (value.data[i])
			return false;
	return true;
}

static bool holds(const char *text)
{
	return memmem(shown, len, text, strlen(text)) != NULL;
}

START_TEST(what_may_be_captured)
{
	struct stun_builder b = begin(STUN_REQUEST, STUN_ALLOCATE);

	finish(&b);
	ck_assert(stun_is_capturable(bytes_of(message, len)));
	ck_assert(!stun_is_capturable(bytes_of(message, len - 1)));
	ck_assert(!stun_is_capturable(bytes_of("", 0)));

	b = begin(STUN_INDICATION, STUN_SEND);
	finish(&b);
	ck_assert(!stun_is_capturable(bytes_of(message, len)));
	b = begin(STUN_INDICATION, STUN_DATA);
	finish(&b);
	ck_assert(!stun_is_capturable(bytes_of(message, len)));

	/* ChannelData, and what is no STUN at all. */
	message[0] = 0x40;
	ck_assert(!stun_is_capturable(bytes_of(message, len)));
	message[0] = 0x80;
	ck_assert(!stun_is_capturable(bytes_of(message, len)));
}
END_TEST

START_TEST(a_request_keeps_its_dialect_and_loses_its_secrets)
{
	struct crypto *crypto = crypto_new();
	struct stun_builder b = begin(STUN_REQUEST, STUN_ALLOCATE);
	struct stun_message m;

	stun_add_u8_rffu(&b, STUN_ATTR_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
	add_text(&b, STUN_ATTR_USERNAME, "alice-of-wonderland");
	add_text(&b, STUN_ATTR_REALM, "turn.example.com");
	add_text(&b, STUN_ATTR_NONCE, "0123456789abcdef");
	add_text(&b, STUN_ATTR_SOFTWARE, "a client");
	add_text(&b, 0x8055, "vendor's");
	add_text(&b, 0x001B, "token-of-access");
	add_text(&b, 0x8030, "ticket");
	add_text(&b, 0x0007, "open sesame");
	stun_add_integrity(&b, crypto, bytes_str("key"));
	stun_add_fingerprint(&b);
	finish(&b);

	ck_assert_int_eq(stun_parse(bytes_of(shown, len), &m), STUN_OK);
	ck_assert(m.has_fingerprint);
	ck_assert_uint_ne(m.integrity_at, 0);
	ck_assert_mem_eq(m.transaction_id, id, sizeof(id));
	ck_assert(is_zero(bytes_of(shown + m.integrity_at + 4, 20)));
	ck_assert(is_zero(shown_value(STUN_ATTR_NONCE)));
	ck_assert(is_zero(shown_value(0x001B)));
	ck_assert(is_zero(shown_value(0x8030)));
	ck_assert(is_zero(shown_value(0x0007)));
	ck_assert(bytes_equal(shown_value(STUN_ATTR_REALM),
			      bytes_str("turn.example.com")));
	ck_assert(bytes_equal(shown_value(STUN_ATTR_SOFTWARE),
			      bytes_str("a client")));
	ck_assert(bytes_equal(shown_value(0x8055), bytes_str("vendor's")));
	ck_assert_uint_eq(shown_value(STUN_ATTR_USERNAME).len, 19);
	ck_assert(!holds("alice"));
	ck_assert(!holds("wonder"));
	crypto_free(crypto);
}
END_TEST

START_TEST(a_name_has_one_hash_and_another_by_another_key)
{
	static const struct hash_key other = { 1, 3 };
	struct stun_builder b = begin(STUN_REQUEST, STUN_REFRESH);
	uint8_t first[40];
	struct bytes value;

	add_text(&b, STUN_ATTR_USERNAME,
		 "name of forty bytes which is long enough");
	finish(&b);
	value = shown_value(STUN_ATTR_USERNAME);
	ck_assert_uint_eq(value.len, sizeof(first));
	memcpy(first, value.data, sizeof(first));
	/* Each stretch of it is a hash of its own. */
	ck_assert_mem_ne(first, first + 16, 16);

	stun_redact(bytes_of(message, len), &key, shown);
	ck_assert_mem_eq(shown_value(STUN_ATTR_USERNAME).data, first,
			 sizeof(first));
	stun_redact(bytes_of(message, len), &other, shown);
	ck_assert_mem_ne(shown_value(STUN_ATTR_USERNAME).data, first,
			 sizeof(first));
}
END_TEST

START_TEST(userhash_token_and_sha256_go_too)
{
	struct crypto *crypto = crypto_new();
	struct stun_builder b = begin(STUN_SUCCESS, STUN_ALLOCATE);
	uint8_t hash[STUN_USERHASH_BYTES];
	struct stun_message m;

	memset(hash, 0x5A, sizeof(hash));
	stun_add(&b, STUN_ATTR_USERHASH, bytes_of(hash, sizeof(hash)));
	stun_add_u64(&b, STUN_ATTR_RESERVATION_TOKEN, 0x1122334455667788);
	add_text(&b, STUN_ATTR_DATA, "what they said");
	stun_add_integrity_sha256(&b, crypto, bytes_str("key"));
	finish(&b);

	ck_assert_mem_ne(shown_value(STUN_ATTR_USERHASH).data, hash,
			 sizeof(hash));
	ck_assert(is_zero(shown_value(STUN_ATTR_RESERVATION_TOKEN)));
	ck_assert(is_zero(shown_value(STUN_ATTR_DATA)));
	ck_assert_int_eq(stun_parse(bytes_of(shown, len), &m), STUN_OK);
	ck_assert(is_zero(bytes_of(shown + m.integrity_sha256_at + 4, 32)));
	ck_assert(!m.has_fingerprint);
	crypto_free(crypto);
}
END_TEST

START_TEST(a_wrong_fingerprint_stays_wrong)
{
	struct stun_builder b = begin(STUN_REQUEST, STUN_BINDING);
	struct stun_message m;

	add_text(&b, STUN_ATTR_USERNAME, "bob");
	stun_add_fingerprint(&b);
	len = stun_finish(&b);
	message[len - 1] ^= 1;
	stun_redact(bytes_of(message, len), &key, shown);
	ck_assert_int_eq(stun_parse(bytes_of(shown, len), &m),
			 STUN_BAD_FINGERPRINT);
	ck_assert_mem_eq(shown + len - 4, message + len - 4, 4);
}
END_TEST

/* RFC 3489 and its drafts: no cookie, REALM and NONCE the other way round. */
START_TEST(the_old_form_shows_neither_realm_nor_nonce)
{
	struct stun_builder b = begin(STUN_REQUEST, STUN_ALLOCATE);

	add_text(&b, STUN_ATTR_REALM, "perhaps-a-nonce");
	add_text(&b, STUN_ATTR_NONCE, "perhaps-a-realm");
	len = stun_finish(&b);
	wire_put_u32(message + 4, 0xCAFEBABE);
	ck_assert(stun_is_capturable(bytes_of(message, len)));
	stun_redact(bytes_of(message, len), &key, shown);
	ck_assert(!holds("perhaps"));
}
END_TEST

START_TEST(what_is_no_whole_attribute_is_not_shown)
{
	struct stun_builder b = begin(STUN_REQUEST, STUN_ALLOCATE);

	add_text(&b, STUN_ATTR_SOFTWARE, "a client");
	add_text(&b, STUN_ATTR_USERNAME, "alice");
	len = stun_finish(&b);
	/* The second attribute says that it is longer than the datagram. */
	wire_put_u16(message + STUN_HEADER_BYTES + 12 + 2, 400);
	stun_redact(bytes_of(message, len), &key, shown);
	ck_assert(holds("a client"));
	ck_assert(!holds("alice"));
	ck_assert_mem_eq(shown + STUN_HEADER_BYTES + 12, "\0\6\1\x90", 4);
	ck_assert(is_zero(bytes_of(shown + STUN_HEADER_BYTES + 16,
				   len - STUN_HEADER_BYTES - 16)));

	/* Padding may hold anything. */
	b = begin(STUN_REQUEST, STUN_ALLOCATE);
	add_text(&b, STUN_ATTR_SOFTWARE, "a");
	len = stun_finish(&b);
	memcpy(message + len - 3, "xyz", 3);
	stun_redact(bytes_of(message, len), &key, shown);
	ck_assert(is_zero(bytes_of(shown + len - 3, 3)));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redact");
	TCase *t = tcase_create("redact");

	tcase_add_test(t, what_may_be_captured);
	tcase_add_test(t, a_request_keeps_its_dialect_and_loses_its_secrets);
	tcase_add_test(t, a_name_has_one_hash_and_another_by_another_key);
	tcase_add_test(t, userhash_token_and_sha256_go_too);
	tcase_add_test(t, a_wrong_fingerprint_stays_wrong);
	tcase_add_test(t, the_old_form_shows_neither_realm_nor_nonce);
	tcase_add_test(t, what_is_no_whole_attribute_is_not_shown);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
