/* link: -Wl,--wrap=calloc,--wrap=EVP_MD_fetch,--wrap=EVP_MD_CTX_new,--wrap=EVP_DigestInit_ex2,--wrap=EVP_DigestUpdate,--wrap=EVP_DigestFinal_ex */
#include "unit.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/crypto.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

/* The call that fails: 1 is the next one that is wrapped, 0 none. */
static unsigned int fail_at;

static bool fails(void)
{
	return fail_at > 0 && --fail_at == 0;
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
EVP_MD *__real_EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *name,
			    const char *properties);
EVP_MD *__wrap_EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *name,
			    const char *properties);
EVP_MD_CTX *__real_EVP_MD_CTX_new(void);
EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void);
int __real_EVP_DigestInit_ex2(EVP_MD_CTX *ctx, const EVP_MD *type,
			      const OSSL_PARAM params[]);
int __wrap_EVP_DigestInit_ex2(EVP_MD_CTX *ctx, const EVP_MD *type,
			      const OSSL_PARAM params[]);
int __real_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len);
int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len);
int __real_EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *out,
			      unsigned int *len);
int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *out,
			      unsigned int *len);

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

EVP_MD *__wrap_EVP_MD_fetch(OSSL_LIB_CTX *ctx, const char *name,
			    const char *properties)
{
	return fails() ? NULL : __real_EVP_MD_fetch(ctx, name, properties);
}

EVP_MD_CTX *__wrap_EVP_MD_CTX_new(void)
{
	return fails() ? NULL : __real_EVP_MD_CTX_new();
}

int __wrap_EVP_DigestInit_ex2(EVP_MD_CTX *ctx, const EVP_MD *type,
			      const OSSL_PARAM params[])
{
	return fails() ? 0 : __real_EVP_DigestInit_ex2(ctx, type, params);
}

int __wrap_EVP_DigestUpdate(EVP_MD_CTX *ctx, const void *data, size_t len)
{
	return fails() ? 0 : __real_EVP_DigestUpdate(ctx, data, len);
}

int __wrap_EVP_DigestFinal_ex(EVP_MD_CTX *ctx, unsigned char *out,
			      unsigned int *len)
{
	return fails() ? 0 : __real_EVP_DigestFinal_ex(ctx, out, len);
}

static struct crypto *crypto;

static void set_up(void)
{
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
}

static void tear_down(void)
{
	crypto_free(crypto);
}

static void check_digest(const uint8_t *digest, size_t len,
			 const char *expected)
{
	char text[2 * CRYPTO_SHA256_BYTES + 1];

	for (size_t i = 0; i < len; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	ck_assert_str_eq(text, expected);
}

struct digest_vector {
	const char *text;
	const char *digest;
};

/* RFC 1321 A.5. */
static const struct digest_vector md5_vectors[] = {
	{ "", "d41d8cd98f00b204e9800998ecf8427e" },
	{ "a", "0cc175b9c0f1b6a831c399e269772661" },
	{ "abc", "900150983cd24fb0d6963f7d28e17f72" },
	{ "message digest", "f96b697d7cb7938d525a2f31aaf161d0" },
	{ "abcdefghijklmnopqrstuvwxyz", "c3fcd3d76192e4007dfb496cca67e13b" },
	{ "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
	  "d174ab98d277d9f5a5611c2c9f419d9f" },
	{ "12345678901234567890123456789012345678901234567890123456789012345678"
	  "901234567890",
	  "57edf4a22be3c955ac49da2e2107b67a" },
};

START_TEST(md5)
{
	struct bytes part = bytes_str(md5_vectors[_i].text);
	uint8_t out[CRYPTO_MD5_BYTES];

	crypto_md5(crypto, &part, 1, out);
	check_digest(out, sizeof(out), md5_vectors[_i].digest);
}
END_TEST

/* FIPS 180-2 appendix B, and the digest of nothing. */
static const struct digest_vector sha256_vectors[] = {
	{ "", "e3b0c44298fc1c149afbf4c8996fb924"
	      "27ae41e4649b934ca495991b7852b855" },
	{ "abc", "ba7816bf8f01cfea414140de5dae2223"
		 "b00361a396177a9cb410ff61f20015ad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039"
	  "a33ce45964ff2167f6ecedd419db06c1" },
};

START_TEST(sha256)
{
	struct bytes part = bytes_str(sha256_vectors[_i].text);
	uint8_t out[CRYPTO_SHA256_BYTES];

	crypto_sha256(crypto, &part, 1, out);
	check_digest(out, sizeof(out), sha256_vectors[_i].digest);
}
END_TEST

START_TEST(sha256_of_a_million_letters)
{
	char thousand[1000];
	struct bytes parts[1000];
	uint8_t out[CRYPTO_SHA256_BYTES];

	memset(thousand, 'a', sizeof(thousand));
	for (size_t i = 0; i < COUNT(parts); i++)
		parts[i] = bytes_of(thousand, sizeof(thousand));
	crypto_sha256(crypto, parts, COUNT(parts), out);
	check_digest(out, sizeof(out),
		     "cdc76e5c9914fb9281a1c7e284d73e67"
		     "f1809a48a497200e046d39ccc7112cd0");
}
END_TEST

/* Key and text as in the RFCs: a byte so many times, or a text. */
struct hmac_vector {
	struct {
		uint8_t byte;
		size_t times;
		const char *text;
	} key, data;
	const char *sha1;   /* NULL: not in RFC 2202 */
	const char *sha256; /* NULL: not in RFC 4231 */
};

#define COUNTING_KEY                                       \
	"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c" \
	"\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19"

/* RFC 2202 section 3 and RFC 4231 section 4; the empty key from neither. */
static const struct hmac_vector hmac_vectors[] = {
	{ .key = { .byte = 0x0b, .times = 20 },
	  .data = { .text = "Hi There" },
	  .sha1 = "b617318655057264e28bc0b6fb378c8ef146be00",
	  .sha256 = "b0344c61d8db38535ca8afceaf0bf12b"
		    "881dc200c9833da726e9376c2e32cff7" },
	{ .key = { .text = "Jefe" },
	  .data = { .text = "what do ya want for nothing?" },
	  .sha1 = "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
	  .sha256 = "5bdcc146bf60754e6a042426089575c7"
		    "5a003f089d2739839dec58b964ec3843" },
	{ .key = { .byte = 0xaa, .times = 20 },
	  .data = { .byte = 0xdd, .times = 50 },
	  .sha1 = "125d7342b9ac11cd91a39af48aa17b4f63f175d3",
	  .sha256 = "773ea91e36800e46854db8ebd09181a7"
		    "2959098b3ef8c122d9635514ced565fe" },
	{ .key = { .text = COUNTING_KEY },
	  .data = { .byte = 0xcd, .times = 50 },
	  .sha1 = "4c9007f4026250c6bc8414f9bf50c86c2d7235da",
	  .sha256 = "82558a389a443c0ea4cc819899f2083a"
		    "85f0faa3e578f8077a2e3ff46729665b" },
	{ .key = { .byte = 0x0c, .times = 20 },
	  .data = { .text = "Test With Truncation" },
	  .sha1 = "4c1a03424b55e07fe7f27be1d58bb9324a9a5a04" },
	{ .key = { .byte = 0xaa, .times = 80 },
	  .data = { .text = "Test Using Larger Than Block-Size Key - "
			    "Hash Key First" },
	  .sha1 = "aa4ae5e15272d00e95705637ce8a3b55ed402112" },
	{ .key = { .byte = 0xaa, .times = 80 },
	  .data = { .text = "Test Using Larger Than Block-Size Key and "
			    "Larger Than One Block-Size Data" },
	  .sha1 = "e8e99d0f45237d786d6bbaa7965c7808bbff1a91" },
	{ .key = { .byte = 0xaa, .times = 131 },
	  .data = { .text = "Test Using Larger Than Block-Size Key - "
			    "Hash Key First" },
	  .sha256 = "60e431591ee0b67f0d8a26aacbf5b77f"
		    "8e0bc6213728c5140546040f0ee37f54" },
	{ .key = { .byte = 0xaa, .times = 131 },
	  .data = { .text = "This is a test using a larger than block-size "
			    "key and a larger than block-size data. The key "
			    "needs to be hashed before being used by the HMAC "
			    "algorithm." },
	  .sha256 = "9b09ffa71b942fcb27635fbcd5b0e944"
		    "bfdc63644f0713938a7f51535c3a35e2" },
	{ .key = { .text = "" },
	  .data = { .text = "" },
	  .sha1 = "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d",
	  .sha256 = "b613679a0814d9ec772f95d778c35fc5"
		    "ff1697c493715653c6c712144292c5ad" },
};

static struct bytes filled(uint8_t room[200], uint8_t byte, size_t times,
			   const char *text)
{
	if (text)
		return bytes_str(text);
	memset(room, byte, times);
	return bytes_of(room, times);
}

START_TEST(hmac)
{
	const struct hmac_vector *v = &hmac_vectors[_i];
	uint8_t key_room[200];
	uint8_t data_room[200];
	uint8_t out[CRYPTO_SHA256_BYTES];
	struct bytes key =
		filled(key_room, v->key.byte, v->key.times, v->key.text);
	struct bytes data =
		filled(data_room, v->data.byte, v->data.times, v->data.text);

	if (v->sha1) {
		crypto_hmac_sha1(crypto, key, &data, 1, out);
		check_digest(out, CRYPTO_SHA1_BYTES, v->sha1);
	}
	if (v->sha256) {
		crypto_hmac_sha256(crypto, key, &data, 1, out);
		check_digest(out, CRYPTO_SHA256_BYTES, v->sha256);
	}
}
END_TEST

/* A key of just the block's size is not hashed; no data pointer is needed. */
START_TEST(hmac_at_the_edges)
{
	uint8_t key[65];
	uint8_t out[CRYPTO_SHA1_BYTES];
	struct bytes nothing = bytes_of(NULL, 0);

	memset(key, 0xaa, sizeof(key));
	crypto_hmac_sha1(crypto, bytes_of(key, 64), &nothing, 1, out);
	check_digest(out, sizeof(out),
		     "5208ac0d31c0a0eb3efc690c81668f442bd0b305");
	crypto_hmac_sha1(crypto, bytes_of(key, 65), &nothing, 1, out);
	check_digest(out, sizeof(out),
		     "0b8203056faf395c8f8e54501d5668bd7a910951");
	crypto_hmac_sha1(crypto, nothing, NULL, 0, out);
	check_digest(out, sizeof(out),
		     "fbdb1d1b18aa6c08324b7d64b71fb76370690e1d");
}
END_TEST

/* However a message is cut into parts, the digest is that of the whole. */
START_TEST(parts_are_concatenated)
{
	const char *text = "user:realm:pass";
	struct bytes whole = bytes_str(text);
	uint8_t expected[CRYPTO_SHA256_BYTES];
	uint8_t out[CRYPTO_SHA256_BYTES];

	for (size_t cut = 0; cut <= whole.len; cut++) {
		struct bytes parts[3] = {
			bytes_of(text, cut),
			bytes_of(NULL, 0),
			bytes_of(text + cut, whole.len - cut),
		};

		crypto_md5(crypto, &whole, 1, expected);
		crypto_md5(crypto, parts, 3, out);
		ck_assert_mem_eq(out, expected, CRYPTO_MD5_BYTES);
		crypto_sha256(crypto, &whole, 1, expected);
		crypto_sha256(crypto, parts, 3, out);
		ck_assert_mem_eq(out, expected, CRYPTO_SHA256_BYTES);
		crypto_hmac_sha1(crypto, whole, &whole, 1, expected);
		crypto_hmac_sha1(crypto, whole, parts, 3, out);
		ck_assert_mem_eq(out, expected, CRYPTO_SHA1_BYTES);
		crypto_hmac_sha256(crypto, whole, &whole, 1, expected);
		crypto_hmac_sha256(crypto, whole, parts, 3, out);
		ck_assert_mem_eq(out, expected, CRYPTO_SHA256_BYTES);
	}
}
END_TEST

START_TEST(equal_or_not)
{
	uint8_t a[20] = { 1, 2, 3 };
	uint8_t b[20] = { 1, 2, 3 };

	ck_assert(crypto_equal(a, b, sizeof(a)));
	ck_assert(crypto_equal(a, b, 0));
	for (size_t bit = 0; bit < sizeof(a) * 8; bit++) {
		b[bit / 8] ^= (uint8_t)(1U << bit % 8);
		ck_assert(!crypto_equal(a, b, sizeof(a)));
		b[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	b[19] = 1;
	ck_assert(crypto_equal(a, b, 19));
}
END_TEST

START_TEST(wiping)
{
	static const struct secret wiped;
	struct secret s = { .len = 3, .bytes = "abc" };
	uint8_t data[5] = { 1, 2, 3, 4, 5 };

	crypto_wipe(data + 1, 3);
	ck_assert_mem_eq(data, "\x01\0\0\0\x05", 5);
	ck_assert(bytes_equal(secret_bytes(&s), bytes_str("abc")));
	secret_wipe(&s);
	ck_assert_mem_eq(&s, &wiped, sizeof(s));
	ck_assert_uint_eq(secret_bytes(&s).len, 0);
}
END_TEST

START_TEST(nothing_is_freed_for_null)
{
	crypto_free(NULL);
}
END_TEST

/* Each call of crypto_new() that can fail does so once. */
START_TEST(new_fails_cleanly)
{
	/* 1 calloc, then a fetch, a context and a start for each of 3. */
	for (unsigned int n = 1; n <= 10; n++) {
		fail_at = n;
		ck_assert_msg(!crypto_new(), "call %u", n);
	}
	fail_at = 11;
	crypto = crypto_new();
	ck_assert_ptr_nonnull(crypto);
	ck_assert_uint_eq(fail_at, 1);
	fail_at = 0;
	crypto_free(crypto);
}
END_TEST

static void digest_failing_at(void *n)
{
	struct bytes part = bytes_str("abc");
	uint8_t out[CRYPTO_SHA256_BYTES];

	fail_at = *(unsigned int *)n;
	crypto_sha256(crypto, &part, 1, out);
}

START_TEST(a_digest_that_fails_is_an_assertion)
{
	/* Start, one part, end. */
	for (unsigned int n = 1; n <= 3; n++)
		ck_assert(unit_aborts(digest_failing_at, &n));
	ck_assert(!unit_aborts(digest_failing_at, &(unsigned int){ 4 }));
}
END_TEST

static Suite *crypto_suite(void)
{
	Suite *s = suite_create("crypto");
	TCase *digests = tcase_create("digests");
	TCase *secrets = tcase_create("secrets");
	TCase *failures = tcase_create("failures");

	tcase_add_checked_fixture(digests, set_up, tear_down);
	tcase_add_loop_test(digests, md5, 0, COUNT(md5_vectors));
	tcase_add_loop_test(digests, sha256, 0, COUNT(sha256_vectors));
	tcase_add_test(digests, sha256_of_a_million_letters);
	tcase_add_loop_test(digests, hmac, 0, COUNT(hmac_vectors));
	tcase_add_test(digests, hmac_at_the_edges);
	tcase_add_test(digests, parts_are_concatenated);
	tcase_add_test(digests, a_digest_that_fails_is_an_assertion);
	suite_add_tcase(s, digests);

	tcase_add_test(secrets, equal_or_not);
	tcase_add_test(secrets, wiping);
	suite_add_tcase(s, secrets);

	tcase_add_test(failures, nothing_is_freed_for_null);
	tcase_add_test(failures, new_fails_cleanly);
	suite_add_tcase(s, failures);
	return s;
}

UNIT_MAIN(crypto_suite)
