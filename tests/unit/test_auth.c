/* link: -Wl,--wrap=crypto_hmac_sha1,--wrap=crypto_hmac_sha256,--wrap=crypto_md5,--wrap=crypto_sha256,--wrap=crypto_equal */
#include "core_fixture.h"

/* --- counting what the crypto is asked to do ------------------------------- */

/* All of one type, so that two can be compared as memory. */
struct work {
	size_t hmac_sha1, hmac_sha256, md5, sha256, equal;
	size_t bytes; /* that all of them were given */
};

static struct work done;

void __real_crypto_md5(struct crypto *crypto, const struct bytes *parts,
		       size_t count, uint8_t *out);
void __wrap_crypto_md5(struct crypto *crypto, const struct bytes *parts,
		       size_t count, uint8_t *out);
void __real_crypto_sha256(struct crypto *crypto, const struct bytes *parts,
			  size_t count, uint8_t *out);
void __wrap_crypto_sha256(struct crypto *crypto, const struct bytes *parts,
			  size_t count, uint8_t *out);
void __real_crypto_hmac_sha1(struct crypto *crypto, struct bytes key,
			     const struct bytes *parts, size_t count,
			     uint8_t *out);
void __wrap_crypto_hmac_sha1(struct crypto *crypto, struct bytes key,
			     const struct bytes *parts, size_t count,
			     uint8_t *out);
void __real_crypto_hmac_sha256(struct crypto *crypto, struct bytes key,
			       const struct bytes *parts, size_t count,
			       uint8_t *out);
void __wrap_crypto_hmac_sha256(struct crypto *crypto, struct bytes key,
			       const struct bytes *parts, size_t count,
			       uint8_t *out);
bool __real_crypto_equal(const void *a, const void *b, size_t len);
bool __wrap_crypto_equal(const void *a, const void *b, size_t len);

static void count_bytes(const struct bytes *parts, size_t count)
{
	for (size_t i = 0; i < count; i++)
		done.bytes += parts[i].len;
}

void __wrap_crypto_md5(struct crypto *crypto, const struct bytes *parts,
		       size_t count, uint8_t *out)
{
	done.md5++;
	count_bytes(parts, count);
	__real_crypto_md5(crypto, parts, count, out);
}

void __wrap_crypto_sha256(struct crypto *crypto, const struct bytes *parts,
			  size_t count, uint8_t *out)
{
	done.sha256++;
	count_bytes(parts, count);
	__real_crypto_sha256(crypto, parts, count, out);
}

void __wrap_crypto_hmac_sha1(struct crypto *crypto, struct bytes key,
			     const struct bytes *parts, size_t count,
			     uint8_t *out)
{
	done.hmac_sha1++;
	count_bytes(parts, count);
	__real_crypto_hmac_sha1(crypto, key, parts, count, out);
}

void __wrap_crypto_hmac_sha256(struct crypto *crypto, struct bytes key,
			       const struct bytes *parts, size_t count,
			       uint8_t *out)
{
	done.hmac_sha256++;
	count_bytes(parts, count);
	__real_crypto_hmac_sha256(crypto, key, parts, count, out);
}

bool __wrap_crypto_equal(const void *a, const void *b, size_t len)
{
	done.equal++;
	done.bytes += len;
	return __real_crypto_equal(a, b, len);
}

/* ---------------------------------------------------------------------------- */

static struct core c;
static struct core_request q;
static struct addr client;

static void set_up(void)
{
	core_setup(&c);
	client = core_client(1, 5000);
}

static void tear_down(void)
{
	core_teardown(&c);
}

static void offer(bool sha256, bool userhash)
{
	c.config.realms[0].offer_sha256 = sha256;
	c.config.realms[0].offer_userhash = userhash;
	core_restart(&c);
}

/* The code that an Allocate signed in that way gets. */
static uint16_t try_signing(const struct core_signing *how)
{
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, how);
	core_send(&c, &q);
	return core_code(&c);
}

static uint16_t try_user(const struct core_user *user)
{
	return try_signing(&(struct core_signing){ .user = user });
}

/* --- who gets no further: 401 without integrity, 400 ------------------------- */

START_TEST(without_integrity_any_method_is_challenged)
{
	static const enum stun_method methods[] = { STUN_ALLOCATE, STUN_REFRESH,
						    STUN_CREATE_PERMISSION,
						    STUN_CHANNEL_BIND };

	for (size_t i = 0; i < 4; i++) {
		core_begin(&q, methods[i], &client, 1);
		core_send(&c, &q);
		ck_assert_uint_eq(core_code(&c), 401);
		ck_assert_uint_eq(c.reply.method, methods[i]);
	}
	ck_assert_uint_eq(c.lookups_asked, 0);
	ck_assert_uint_eq(c.logs, 0);
}
END_TEST

/* "This response SHOULD NOT include a USERNAME, USERHASH, NONCE, or REALM". */
START_TEST(without_name_realm_or_nonce_it_is_a_bad_request)
{
	static const unsigned omissions[] = { CORE_NO_NAME, CORE_NO_REALM,
					      CORE_NO_NONCE };

	for (size_t i = 0; i < 3; i++) {
		struct core_signing how = { .user = &core_alice,
					    .omit = omissions[i] };

		ck_assert_uint_eq(try_signing(&how), 400);
		ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE");
	}
	ck_assert_uint_eq(c.lookups_asked, 0);
}
END_TEST

/* RFC 8489 section 14.3: less than 509 bytes. */
START_TEST(names_have_at_most_508_bytes)
{
	static uint8_t name[STUN_USERNAME_MAX_BYTES + 1];
	struct core_signing how = { .user = &core_alice };

	memset(name, 'n', sizeof(name));
	how.name = bytes_of(name, sizeof(name));
	ck_assert_uint_eq(try_signing(&how), 400);
	ck_assert_uint_eq(c.lookups_asked, 0);
	how.name.len--;
	ck_assert_uint_eq(try_signing(&how), 401);
	ck_assert_uint_eq(c.lookups_asked, 1);
}
END_TEST

/* Decisions, "Authentication": empty or not UTF-8: like an unknown user. */
START_TEST(strange_names_are_unknown_users)
{
	static const char *const names[] = { "",     "\xff\xfe", "a\xc3",
					     "%s%n", "\r\n",     "alice\x01",
					     "ALICE" };
	struct core_signing how = { .user = &core_alice };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		how.name = bytes_str(names[i]);
		ck_assert_uint_eq(try_signing(&how), 401);
		ck_assert_str_eq(core_reply_attrs(&c),
				 "ERROR-CODE REALM NONCE");
	}
	how.name = bytes_of("alice", 6); /* with its NUL */
	ck_assert_uint_eq(try_signing(&how), 401);
}
END_TEST

START_TEST(a_userhash_of_another_size_is_a_bad_request)
{
	uint8_t hash[STUN_USERHASH_BYTES + 1] = { 0 };
	struct core_signing how = { .user = &core_alice, .omit = CORE_NO_NAME };

	offer(false, true);
	for (size_t len = 0; len <= sizeof(hash); len++) {
		core_begin_allocate(&q, &client, 1);
		stun_add(&q.builder, STUN_ATTR_USERHASH, bytes_of(hash, len));
		core_sign_as(&c, &q, &how);
		core_send(&c, &q);
		ck_assert_uint_eq(core_code(&c),
				  len == STUN_USERHASH_BYTES ? 401 : 400);
	}
}
END_TEST

/* --- password algorithms: bid-down protection ---------------------------------- */

/* With the bit in the nonce: both attributes or neither, and as we sent them. */
START_TEST(a_list_that_was_tampered_with_is_a_bad_request)
{
	static const uint8_t other_order[] = { 0, 1, 0, 0, 0, 2, 0, 0 };
	static const uint8_t md5_only[] = { 0, 1, 0, 0 };
	static const uint8_t sha256_only[] = { 0, 2, 0, 0 };
	static const uint8_t longer[] = { 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 0, 0 };
	static const uint8_t twice[] = { 0, 2, 0, 0, 0, 2, 0, 0 };
	static const uint8_t cut[] = { 0, 2, 0, 0, 0, 1 };
	static const uint8_t parameter[] = {
		0, 2, 0, 1, 9, 0, 0, 0, 0, 1, 0, 0
	};
	static const struct {
		const uint8_t *list;
		size_t len;
	} lists[] = {
		{ other_order, sizeof(other_order) },
		{ md5_only, sizeof(md5_only) },
		{ sha256_only, sizeof(sha256_only) },
		{ longer, sizeof(longer) },
		{ twice, sizeof(twice) },
		{ cut, sizeof(cut) },
		{ parameter, sizeof(parameter) },
	};
	struct core_user md5 = core_alice_sha256;

	md5.algorithm = STUN_ALGORITHM_MD5;
	offer(true, false);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		struct core_signing how = { .user = &core_alice_sha256 };

		how.list = bytes_of(lists[i].list, lists[i].len);
		ck_assert_uint_eq(try_signing(&how), 400);
		ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE");
		how.user = &md5;
		ck_assert_uint_eq(try_signing(&how), 400);
	}
	ck_assert_uint_eq(c.lookups_asked, 0);
}
END_TEST

START_TEST(one_attribute_without_the_other_is_a_bad_request)
{
	struct core_signing no_list = { .user = &core_alice_sha256,
					.omit = CORE_NO_LIST };
	struct core_signing no_choice = { .user = &core_alice_sha256,
					  .omit = CORE_NO_CHOICE };

	offer(true, false);
	ck_assert_uint_eq(try_signing(&no_list), 400);
	ck_assert_uint_eq(try_signing(&no_choice), 400);
}
END_TEST

START_TEST(the_choice_must_be_on_the_list)
{
	static const uint8_t none[] = { 0, 0, 0, 0 };
	static const uint8_t third[] = { 0, 3, 0, 0 };
	static const uint8_t cut[] = { 0, 2 };
	static const uint8_t two[] = { 0, 2, 0, 0, 0, 1, 0, 0 };
	static const uint8_t parameter[] = { 0, 2, 0, 4, 1, 2, 3, 4 };
	struct core_signing how = { .user = &core_alice_sha256 };

	offer(true, false);
	how.choice = bytes_of(none, sizeof(none));
	ck_assert_uint_eq(try_signing(&how), 400);
	how.choice = bytes_of(third, sizeof(third));
	ck_assert_uint_eq(try_signing(&how), 400);
	how.choice = bytes_of(cut, sizeof(cut));
	ck_assert_uint_eq(try_signing(&how), 400);
	how.choice = bytes_of(two, sizeof(two));
	ck_assert_uint_eq(try_signing(&how), 400);
	how.choice = bytes_of(parameter, sizeof(parameter));
	ck_assert_uint_eq(try_signing(&how), 400);
}
END_TEST

START_TEST(neither_attribute_means_md5)
{
	offer(true, false);
	ck_assert_uint_eq(try_user(&core_alice), 0);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

START_TEST(both_algorithms_can_be_chosen)
{
	struct core_user md5 = core_alice_sha256;

	md5.algorithm = STUN_ALGORITHM_MD5;
	offer(true, false);
	ck_assert_uint_eq(try_user(&core_alice_sha256), 0);
	client.port++;
	ck_assert_uint_eq(try_user(&md5), 0);
	/* Chosen by name, not by which of the keys happens to fit. */
	client.port++;
	md5.algorithm = STUN_ALGORITHM_SHA256;
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q,
		     &(struct core_signing){
			     .user = &md5, .choice = bytes_of("\0\1\0\0", 4) });
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
}
END_TEST

/* Who takes the bit out of the nonce breaks the nonce: RFC 8489 section
 * 9.2.1. The request is then judged as MD5, as the nonce says. */
START_TEST(a_nonce_whose_bits_were_changed_is_not_ours)
{
	char nonce[NONCE_CHARS] = "";
	struct core_signing how = {
		.user = &core_alice,
		.nonce = bytes_of(nonce, sizeof(nonce)),
	};

	offer(true, false);
	nonce_make(&c.config.nonce, c.crypto, NONCE_PASSWORD_ALGORITHMS,
		   &client, bytes_str(CORE_REALM), c.now.wall_s, nonce);
	ck_assert_uint_eq(try_signing(&how), 0);
	client.port++;
	nonce_make(&c.config.nonce, c.crypto, NONCE_PASSWORD_ALGORITHMS,
		   &client, bytes_str(CORE_REALM), c.now.wall_s, nonce);
	memcpy(nonce + 9, "AAAA", 4);
	ck_assert_uint_eq(try_signing(&how), 438);
}
END_TEST

/* Without the bit the attributes are not judged: "obMatJos2" says nothing
 * of algorithms, or the nonce has no cookie at all. */
START_TEST(without_the_bit_the_attributes_do_not_matter)
{
	static const uint8_t list[] = { 0, 7, 0, 0 };
	char nonce[NONCE_CHARS] = "";
	struct core_signing how = {
		.user = &core_alice,
		.nonce = bytes_of(nonce, sizeof(nonce)),
		.list = bytes_of(list, sizeof(list)),
	};

	nonce_make(&c.config.nonce, c.crypto, 0, &client, bytes_str(CORE_REALM),
		   c.now.wall_s, nonce);
	ck_assert_uint_eq(try_signing(&how), 0);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

/* A request is judged by the list its nonce was sent with, also after the
 * realm stopped to offer it. */
START_TEST(the_nonce_remembers_the_offer)
{
	ck_assert(!c.config.realms[0].offer_sha256);
	ck_assert_uint_eq(try_user(&core_alice_sha256), 0);
	ck_assert_str_eq(core_signature(&c, &core_alice_sha256),
			 "MESSAGE-INTEGRITY-SHA256");
}
END_TEST

/* bob's source has an MD5 key only. */
START_TEST(a_key_that_the_source_cannot_make_is_an_unknown_user)
{
	struct core_user bob = core_bob;

	bob.algorithm = STUN_ALGORITHM_SHA256;
	bob.name_attributes = true;
	ck_assert_uint_eq(try_user(&bob), 401);
	ck_assert_uint_eq(try_user(&core_bob), 0);
}
END_TEST

/* --- integrity: RFC 8489 sections 9.2.4, 14.5, 14.6 ------------------------------- */

START_TEST(a_wrong_password_is_challenged)
{
	ck_assert_uint_eq(try_user(&core_liar), 401);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE REALM NONCE");
	ck_assert_str_eq(core_signature(&c, &core_alice), "");
}
END_TEST

START_TEST(any_changed_byte_breaks_the_integrity)
{
	size_t len;

	core_begin_allocate(&q, &client, 1);
	core_sign(&c, &q, &core_alice);
	len = stun_finish(&q.builder);
	/* The transaction id, types, values; lengths would break the form. */
	for (size_t at = 8; at < len; at += 4) {
		q.bytes[at] ^= 1;
		core_forgive(&c);
		core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len));
		ck_assert_uint_gt(core_code(&c), 1);
		q.bytes[at] ^= 1;
	}
	core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len));
	ck_assert_uint_eq(core_code(&c), 0);
}
END_TEST

START_TEST(of_two_integrities_sha256_counts)
{
	struct core_signing how = { .user = &core_alice,
				    .both_integrities = true };
	size_t len;

	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &how);
	len = stun_finish(&q.builder);
	q.bytes[len - 1] ^= 1;
	core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len));
	ck_assert_uint_eq(core_code(&c), 401);
	q.bytes[len - 1] ^= 1;
	core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len));
	ck_assert_uint_eq(core_code(&c), 0);
	/* Neither attribute of algorithms: MESSAGE-INTEGRITY signs. */
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

/* RFC 8656 says nothing of truncation: section 14.6 then allows none. */
START_TEST(a_truncated_integrity_does_not_hold)
{
	struct core_signing how = { .user = &core_alice,
				    .integrity_sha256 = true };
	size_t len;

	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &how);
	len = stun_finish(&q.builder) - 16;
	wire_put_u16(q.bytes + len - 18, 16);
	wire_put_u16(q.bytes + 2, (uint16_t)(len - 20));
	core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len));
	ck_assert_uint_eq(core_code(&c), 401);
}
END_TEST

/* RFC 8489 section 14.5: what follows is ignored. */
START_TEST(what_follows_the_integrity_does_not_count)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_begin(&q, STUN_REFRESH, &client, 2);
	core_sign(&c, &q, &core_alice);
	stun_add_u32(&q.builder, STUN_ATTR_LIFETIME, 0);
	stun_add_flag(&q.builder, 0x7fff);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_uint_eq(core_reply_u32(&c, STUN_ATTR_LIFETIME), 600);
	ck_assert_uint_eq(c.relays_closed, 0);
}
END_TEST

/* --- nonces: 438 ------------------------------------------------------------------- */

START_TEST(a_nonce_of_another_address_port_or_realm_is_stale)
{
	struct core_signing how = { .user = &core_alice };

	how.nonce_client = core_client(1, 5001);
	ck_assert_uint_eq(try_signing(&how), 438);
	how.nonce_client = core_client(2, 5000);
	ck_assert_uint_eq(try_signing(&how), 438);
	how.nonce_client = client;
	how.nonce_realm = CORE_OTHER_REALM;
	ck_assert_uint_eq(try_signing(&how), 438);
	how.nonce_realm = CORE_REALM;
	ck_assert_uint_eq(try_signing(&how), 0);
}
END_TEST

START_TEST(a_nonce_lives_for_its_lifetime)
{
	struct core_signing how = { .user = &core_alice };

	how.nonce_age_s = 600;
	ck_assert_uint_eq(try_signing(&how), 438);
	how.nonce_age_s = 599;
	ck_assert_uint_eq(try_signing(&how), 0);
	/* It is judged in each request, not only in the first. */
	core_begin(&q, STUN_REFRESH, &client, 2);
	how.nonce_age_s = 600;
	core_sign_as(&c, &q, &how);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 438);
}
END_TEST

START_TEST(a_nonce_that_is_none_is_stale)
{
	static const char *const nonces[] = {
		"",
		"x",
		"obMatJos2",
		"obMatJos2AAAA",
		"obMatJos2AAAA!!!!!!!!!!!!!!!",
		"obMatJos2AAAAAAAAAAAAAAAAAAA",
		"obMatJos2AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	struct core_signing how = { .user = &core_alice };

	for (size_t i = 0; i < sizeof(nonces) / sizeof(nonces[0]); i++) {
		how.nonce = bytes_str(nonces[i]);
		ck_assert_uint_eq(try_signing(&how), 438);
	}
}
END_TEST

/* A 438 tells the nonce that does it. */
START_TEST(the_nonce_of_a_438_is_accepted)
{
	struct core_signing how = { .user = &core_alice, .nonce_age_s = 9999 };
	uint8_t nonce[NONCE_CHARS];

	ck_assert_uint_eq(try_signing(&how), 438);
	memcpy(nonce, stun_find(&c.reply, STUN_ATTR_NONCE)->value.data,
	       sizeof(nonce));
	how.nonce = bytes_of(nonce, sizeof(nonce));
	ck_assert_uint_eq(try_signing(&how), 0);
}
END_TEST

START_TEST(the_previous_nonce_key_is_still_good)
{
	struct core_signing how = { .user = &core_alice };
	char nonce[NONCE_CHARS] = "";

	nonce_make(&c.config.nonce, c.crypto, 0, &client, bytes_str(CORE_REALM),
		   c.now.wall_s, nonce);
	how.nonce = bytes_of(nonce, sizeof(nonce));
	c.config.nonce.previous = c.config.nonce.current;
	c.config.nonce.current.bytes[0] ^= 1;
	core_restart(&c);
	ck_assert_uint_eq(try_signing(&how), 0);
	c.config.nonce.previous.bytes[0] ^= 2;
	core_restart(&c);
	client.port++;
	ck_assert_uint_eq(try_signing(&how), 438);
}
END_TEST

/* --- realms --------------------------------------------------------------------------- */

/* Decisions: a request naming another realm is told the listener's. */
START_TEST(another_realm_is_challenged_with_ours)
{
	struct core_signing how = { .user = &core_alice,
				    .claim_realm = CORE_OTHER_REALM };

	ck_assert_uint_eq(try_signing(&how), 401);
	ck_assert(bytes_equal(stun_find(&c.reply, STUN_ATTR_REALM)->value,
			      bytes_str(CORE_REALM)));
	how.claim_realm = "EXAMPLE.ORG";
	ck_assert_uint_eq(try_signing(&how), 401);
	how.claim_realm = "";
	ck_assert_uint_eq(try_signing(&how), 401);
	ck_assert_uint_eq(c.lookups_asked, 0);
}
END_TEST

START_TEST(the_same_name_has_a_password_in_each_realm)
{
	struct core_user mixed = core_alice_elsewhere;

	core_begin_allocate(&q, &client, 1);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
	ck_assert_uint_eq(c.last_realm, 1);
	ck_assert_str_eq(core_signature(&c, &core_alice_elsewhere),
			 "MESSAGE-INTEGRITY");
	/* Her password of the first realm does not do in the second. */
	client.port++;
	mixed.password = core_alice.password;
	core_begin_allocate(&q, &client, 1);
	q.listener = 1;
	ck_assert_uint_eq(core_ask(&c, &q, &mixed), 401);
	mixed.realm = CORE_REALM;
	mixed.password = core_alice_elsewhere.password;
	ck_assert_uint_eq(try_user(&mixed), 401);
}
END_TEST

/* A listener that changes its realm takes nobody's allocation along. */
START_TEST(the_same_name_in_another_realm_owns_nothing)
{
	struct turn_listener l = c.config.listeners[0];

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	l.realm = 1;
	turn_set_listener(c.server, 0, &l);
	core_begin(&q, STUN_REFRESH, &client, 2);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 401);
	/* Nor does the transaction id of the Allocate help. */
	core_begin_allocate(&q, &client, 1);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 401);
	/* Its owner goes on in the realm that it began in. */
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 0), 0);
	core_begin_allocate(&q, &client, 4);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_elsewhere), 0);
}
END_TEST

/* --- USERHASH: RFC 8489 section 14.4 --------------------------------------------------- */

START_TEST(a_hash_names_the_user)
{
	offer(false, true);
	ck_assert_uint_eq(try_user(&core_alice_by_hash), 0);
	ck_assert(c.last_by_hash);
	ck_assert_uint_eq(c.last_name_bytes, STUN_USERHASH_BYTES);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	/* The same user as by name, without asking again. */
	core_begin(&q, STUN_REFRESH, &client, 2);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_by_hash), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 3, 600), 0);
	ck_assert_uint_eq(c.lookups_asked, 1);
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
}
END_TEST

START_TEST(a_name_is_accepted_where_hashes_are_offered)
{
	offer(true, true);
	ck_assert_uint_eq(try_user(&core_alice), 0);
	client.port++;
	ck_assert_uint_eq(try_user(&core_alice_sha256), 0);
}
END_TEST

/* Decisions: accepted only if every source can resolve a hash, or not at
 * all where the option forces it off. */
START_TEST(a_hash_is_not_accepted_where_none_was_offered)
{
	ck_assert_uint_eq(try_user(&core_alice_by_hash), 401);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE REALM NONCE");
	ck_assert_uint_eq(c.lookups_asked, 0);
	ck_assert_uint_eq(try_user(&core_alice), 0);
	core_begin(&q, STUN_REFRESH, &client, 2);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_by_hash), 401);
}
END_TEST

START_TEST(an_unknown_hash_is_an_unknown_user)
{
	struct core_user nobody = core_nobody;

	nobody.by_hash = true;
	offer(false, true);
	ck_assert_uint_eq(try_user(&nobody), 401);
	ck_assert_uint_eq(c.lookups_asked, 1);
	ck_assert_str_eq(core_log_field(&c, "user"), "(none)");
	ck_assert_str_eq(core_log_field(&c, "reason"), "unknown user");
}
END_TEST

/* --- the key of a living allocation ------------------------------------------------------ */

START_TEST(a_living_allocation_asks_no_source)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(c.lookups_asked, 1);
	c.unavailable = true;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 600), 0);
	core_begin(&q, STUN_REFRESH, &client, 3);
	ck_assert_uint_eq(core_ask(&c, &q, &core_liar), 401);
	ck_assert_uint_eq(c.lookups_asked, 1);
}
END_TEST

START_TEST(somebody_else_on_a_living_5_tuple_is_looked_up)
{
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_begin(&q, STUN_REFRESH, &client, 2);
	ck_assert_uint_eq(core_ask(&c, &q, &core_bob), 441);
	ck_assert_str_eq(core_signature(&c, &core_bob), "MESSAGE-INTEGRITY");
	ck_assert_uint_eq(c.lookups_asked, 2);
	core_begin(&q, STUN_REFRESH, &client, 3);
	ck_assert_uint_eq(core_ask(&c, &q, &core_nobody), 401);
	ck_assert_uint_eq(c.lookups_asked, 3);
}
END_TEST

START_TEST(the_other_algorithm_is_looked_up)
{
	offer(true, false);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_begin(&q, STUN_REFRESH, &client, 2);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice_sha256), 0);
	ck_assert_str_eq(core_signature(&c, &core_alice_sha256),
			 "MESSAGE-INTEGRITY-SHA256");
	ck_assert_uint_eq(c.lookups_asked, 2);
}
END_TEST

/* With the transaction id of the Allocate: never its success. */
START_TEST(strangers_see_no_replayed_success)
{
	static const struct core_user *const strangers[] = { &core_liar,
							     &core_nobody };

	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	core_begin_allocate(&q, &client, 1);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert(!core_replied_with(&c, STUN_ATTR_XOR_RELAYED_ADDRESS));
	for (size_t i = 0; i < 2; i++) {
		ck_assert_uint_eq(try_user(strangers[i]), 401);
		ck_assert_str_eq(core_reply_attrs(&c),
				 "ERROR-CODE REALM NONCE");
	}
	/* Not even with the right password and another's nonce. */
	ck_assert_uint_eq(try_signing(&(struct core_signing){
				  .user = &core_alice,
				  .nonce_client = core_client(9, 9) }),
			  438);
	ck_assert(!core_replied_with(&c, STUN_ATTR_XOR_RELAYED_ADDRESS));
}
END_TEST

/* --- sources that answer later --------------------------------------------------------------- */

/* Decisions, "The core's edges": 438 before any lookup, alike for all. */
START_TEST(async_sources_are_not_asked_for_strangers)
{
	static const struct core_user *const users[] = { &core_alice,
							 &core_liar,
							 &core_nobody };

	c.config.lookups_are_async = true;
	core_restart(&c);
	for (size_t i = 0; i < 3; i++) {
		struct core_signing how = { .user = users[i],
					    .nonce_client = core_client(9, 9) };

		ck_assert_uint_eq(try_signing(&how), 438);
		ck_assert_str_eq(core_reply_attrs(&c),
				 "ERROR-CODE REALM NONCE");
	}
	ck_assert_uint_eq(c.lookups_asked, 0);
	ck_assert_uint_eq(c.logs, 0);
}
END_TEST

/* One of ours that is merely old proves that the sender receives there. */
START_TEST(async_sources_are_asked_where_the_nonce_is_old)
{
	struct core_signing how = { .user = &core_liar, .nonce_age_s = 900 };

	c.config.lookups_are_async = true;
	core_restart(&c);
	ck_assert_uint_eq(try_signing(&how), 401);
	how.user = &core_alice;
	ck_assert_uint_eq(try_signing(&how), 438);
	ck_assert_uint_eq(c.lookups_asked, 2);
}
END_TEST

/* Where sources answer at once, section 9.2.4's order is exact. */
START_TEST(else_the_integrity_is_judged_before_the_nonce)
{
	struct core_signing how = { .user = &core_liar,
				    .nonce_client = core_client(9, 9) };

	ck_assert_uint_eq(try_signing(&how), 401);
	how.user = &core_nobody;
	ck_assert_uint_eq(try_signing(&how), 401);
	how.user = &core_alice;
	ck_assert_uint_eq(try_signing(&how), 438);
}
END_TEST

START_TEST(an_unavailable_source_is_a_server_error)
{
	c.unavailable = true;
	ck_assert_uint_eq(try_user(&core_alice), 500);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE");
	ck_assert_uint_eq(c.logs, 0);
	c.config.lookups_are_async = true;
	core_restart(&c);
	ck_assert_uint_eq(try_user(&core_alice), 500);
	ck_assert_int_eq(c.refusal.cause, REFUSAL_NO_ANSWER);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_str_eq(c.log.message, "a credential source does not answer");
}
END_TEST

/* --- unknown user and wrong password cannot be told apart ---------------------------------------- */

struct trace {
	struct work asking, answering;
	size_t lookups, logs, code, size;
	char attrs[256];
};

/* What the source answers: alice's keys, one of them only, or that it knows
 * nobody of that name. */
enum answer { BOTH_KEYS, MD5_KEY, NO_KEYS };

/* What one attempt costs and shows; the source's own work left out. */
static struct trace attempt(const struct core_user *user, enum answer answer)
{
	const struct core_user *right = &core_alice;
	struct turn_user found = { .key_count = 1 };
	struct core_signing how = { .user = user };
	unsigned lookups = c.lookups_asked, logs = c.logs;
	struct trace t;
	size_t len;

	stun_long_term_key(c.crypto, STUN_ALGORITHM_MD5, bytes_str(right->name),
			   bytes_str(CORE_REALM), bytes_str(right->password),
			   &found.keys[0].md5);
	stun_long_term_key(c.crypto, STUN_ALGORITHM_SHA256,
			   bytes_str(right->name), bytes_str(CORE_REALM),
			   bytes_str(right->password), &found.keys[0].sha256);
	if (answer == MD5_KEY)
		secret_wipe(&found.keys[0].sha256);
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &how);
	len = stun_finish(&q.builder);
	c.hold_lookups = true;
	memset(&t, 0, sizeof(t));
	memset(&done, 0, sizeof(done));
	core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len));
	t.asking = done;
	ck_assert_uint_eq(c.replies, 0);

	actions_clear(&c.out);
	memset(&done, 0, sizeof(done));
	turn_key_ready(c.server, &c.now, c.last_ticket,
		       answer == NO_KEYS ? TURN_LOOKUP_UNKNOWN
					 : TURN_LOOKUP_FOUND,
		       &found, bytes_str(right->name), &c.out);
	t.answering = done;
	ck_assert_int_eq(c.out.items[0].kind, ACTION_REPLY);
	ck_assert_int_eq(stun_parse(c.out.items[0].as.reply.message, &c.reply),
			 STUN_OK);
	t.lookups = c.lookups_asked - lookups;
	t.logs = c.logs - logs + c.out.log_count;
	c.replies = 1;
	t.code = core_code(&c);
	t.size = c.reply.raw.len;
	snprintf(t.attrs, sizeof(t.attrs), "%s", core_reply_attrs(&c));
	return t;
}

/* Alice's Allocate, answered with so many keys of which the `right` one is
 * hers (none: -1); returns whether she got in. */
static bool gets_in(unsigned count, int right)
{
	const struct core_user *alice = &core_alice;
	struct turn_user found = {
		.source = TURN_SOURCE_TIME_LIMITED,
		.key_count = (uint8_t)count,
	};
	struct core_signing how = { .user = alice };
	size_t len;

	for (unsigned i = 0; i < count; i++) {
		const char *password = (int)i == right ? alice->password : "x";

		stun_long_term_key(c.crypto, STUN_ALGORITHM_MD5,
				   bytes_str(alice->name),
				   bytes_str(CORE_REALM), bytes_str(password),
				   &found.keys[i].md5);
	}
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &how);
	len = stun_finish(&q.builder);
	c.hold_lookups = true;
	core_send_bytes(&c, &client, 0, bytes_of(q.bytes, len));
	actions_clear(&c.out);
	turn_key_ready(c.server, &c.now, c.last_ticket, TURN_LOOKUP_FOUND,
		       &found, bytes_of(NULL, 0), &c.out);
	return c.out.items[0].kind == ACTION_OPEN_RELAY;
}

/* Several secrets may be in use at a time: each of them is tried. */
START_TEST(any_of_several_keys_opens)
{
	ck_assert(!gets_in(TURN_KEYS_MAX, -1));
	ck_assert(gets_in(TURN_KEYS_MAX, TURN_KEYS_MAX - 1));
}
END_TEST

START_TEST(the_first_of_several_keys_opens)
{
	ck_assert(gets_in(3, 0));
}
END_TEST

static void expect_alike(bool sha256, bool by_hash, bool async)
{
	struct core_user liar = core_liar, nobody = core_nobody;
	struct trace wrong, unknown;

	liar.name_attributes = nobody.name_attributes = sha256;
	liar.by_hash = nobody.by_hash = by_hash;
	if (sha256)
		liar.algorithm = nobody.algorithm = STUN_ALGORITHM_SHA256;
	c.config.lookups_are_async = async;
	offer(sha256, by_hash);
	wrong = attempt(&liar, BOTH_KEYS);
	offer(sha256, by_hash); /* the log line of the first is forgotten */
	unknown = attempt(&nobody, NO_KEYS);
	ck_assert_uint_eq(wrong.code, 401);
	ck_assert_mem_eq(&wrong, &unknown, sizeof(wrong));
	/* And there was work to compare. */
	ck_assert_uint_eq(wrong.answering.hmac_sha1 +
				  wrong.answering.hmac_sha256,
			  async ? 4 : 3);
	ck_assert_uint_ge(wrong.answering.equal, 1);
	ck_assert_uint_eq(wrong.lookups, 1);
	ck_assert_uint_eq(wrong.logs, 1);
}

START_TEST(unknown_user_and_wrong_password_are_alike)
{
	for (unsigned i = 0; i < 8; i++)
		expect_alike(i & 1, i & 2, i & 4);
}
END_TEST

/* A user whose source has no key of the algorithm is like them both. */
START_TEST(a_missing_key_is_alike)
{
	struct core_user liar = core_alice_sha256;
	struct trace wrong, missing;

	liar.password = "guess";
	offer(true, false);
	wrong = attempt(&liar, BOTH_KEYS);
	offer(true, false);
	missing = attempt(&liar, MD5_KEY);
	ck_assert_mem_eq(&wrong, &missing, sizeof(wrong));
}
END_TEST

/* The key that unknown users are checked with opens nothing, were it known. */
START_TEST(the_key_nobody_has_is_nobodys)
{
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q,
		     &(struct core_signing){ .user = &core_nobody,
					     .omit = CORE_NO_INTEGRITY });
	stun_add_integrity(&q.builder, c.crypto,
			   secret_bytes(&c.server->unknown_key));
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert_uint_eq(c.relays_asked, 0);
}
END_TEST

/* --- the throttle: turn/throttle.h ----------------------------------------------------------------- */

/* Wrong passwords until one is dropped; returns how many were answered. */
static unsigned guess(const struct core_signing *how, uint16_t code)
{
	for (unsigned n = 0; n < 1000; n++)
		if (try_signing(how) != code)
			return n;
	return 1000;
}

static uint64_t throttled(void)
{
	return core_dropped(&c, DROP_THROTTLED);
}

START_TEST(wrong_passwords_are_throttled_before_any_lookup)
{
	struct core_signing how = { .user = &core_liar };

	ck_assert_uint_eq(guess(&how, 401), 10);
	ck_assert_uint_eq(core_code(&c), 1);
	ck_assert_uint_eq(throttled(), 1);
	ck_assert_uint_eq(c.lookups_asked, 10);
	/* The right one as well, or the guesser would know. */
	ck_assert_uint_eq(try_user(&core_alice), 1);
	ck_assert_uint_eq(c.lookups_asked, 10);
	core_pass(&c, 1000);
	ck_assert_uint_eq(guess(&how, 401), 1);
	core_pass(&c, 11000);
	ck_assert_uint_eq(try_user(&core_alice), 0);
}
END_TEST

START_TEST(unknown_users_are_throttled_alike)
{
	struct core_signing how = { .user = &core_nobody };

	ck_assert_uint_eq(guess(&how, 401), 10);
	ck_assert_uint_eq(try_user(&core_alice), 0);
	/* A hash is a name. */
	offer(false, true);
	how.user = &core_alice_by_hash;
	how.name = bytes_of("12345678901234567890123456789012", 32);
	ck_assert_uint_eq(guess(&how, 401), 10);
}
END_TEST

/* Another name or source is not concerned; of one source 100 are too many. */
START_TEST(the_throttle_is_for_a_source_and_a_name)
{
	struct core_signing how = { .user = &core_liar };
	unsigned answered = 10;
	char name[8];

	guess(&how, 401);
	client.port++;
	ck_assert_uint_eq(try_user(&core_alice), 1);
	ck_assert_uint_eq(try_user(&core_bob), 0);
	client = core_client(2, 5000);
	ck_assert_uint_eq(try_user(&core_alice), 0);
	client = core_client(1, 5002);
	how.user = &core_nobody;
	for (unsigned i = 0; i < 20; i++) {
		snprintf(name, sizeof(name), "nobod%u", i);
		how.name = bytes_str(name);
		answered += guess(&how, 401);
	}
	ck_assert_uint_eq(answered, 100);
	ck_assert_uint_eq(try_user(&core_bob), 1);
	client = core_client(2, 5001);
	ck_assert_uint_eq(try_user(&core_bob), 0);
}
END_TEST

/* Its key is known: no source is asked, nothing can be guessed. */
START_TEST(a_living_allocation_is_not_throttled)
{
	struct addr inside = client;

	ck_assert_uint_eq(core_allocate(&c, &inside, 1), 0);
	client.port++;
	guess(&(struct core_signing){ .user = &core_liar }, 401);
	ck_assert_uint_eq(try_user(&core_alice), 1);
	ck_assert_uint_eq(core_refresh(&c, &inside, 2, 600), 0);
	ck_assert_uint_eq(core_refresh(&c, &inside, 3, 0), 0);
}
END_TEST

/* Decisions, "Answers": a spoofed source locks nobody out. */
START_TEST(without_a_nonce_of_ours_nobody_is_locked_out)
{
	struct core_signing spoofed = { .user = &core_liar,
					.nonce_client = core_client(9, 9) };

	for (unsigned i = 0; i < 1000; i++)
		ck_assert_uint_ne(try_signing(&spoofed), 0);
	ck_assert_uint_eq(throttled(), 0);
	ck_assert_uint_eq(c.logs, 0);
	ck_assert_uint_eq(try_user(&core_alice), 0);
}
END_TEST

/* And a made-up nonce is no way around: right and wrong look the same then. */
START_TEST(without_a_nonce_of_ours_nobody_guesses_without_end)
{
	struct core_signing how = { .user = &core_liar,
				    .nonce_client = core_client(9, 9) };
	unsigned lookups;

	ck_assert_uint_eq(guess(&how, 401), 10);
	ck_assert_uint_eq(core_code(&c), 438);
	lookups = c.lookups_asked;
	ck_assert_uint_eq(try_signing(&how), 438);
	how.user = &core_alice;
	ck_assert_uint_eq(try_signing(&how), 438);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE REALM NONCE");
	ck_assert_uint_eq(c.lookups_asked, lookups);
	/* Who takes the nonce of that 438 is through. */
	how.nonce_client = client;
	ck_assert_uint_eq(try_signing(&how), 0);
	core_refresh(&c, &client, 2, 0);
	how = (struct core_signing){ .user = &core_liar,
				     .nonce_client = core_client(9, 9) };
	core_pass(&c, 1000);
	ck_assert_uint_eq(guess(&how, 401), 1);
}
END_TEST

/* An old nonce of ours was sent to that address. */
START_TEST(an_old_nonce_counts)
{
	struct core_signing how = { .user = &core_liar, .nonce_age_s = 900 };

	ck_assert_uint_eq(guess(&how, 401), 10);
	ck_assert_uint_eq(throttled(), 1);
}
END_TEST

/* 1,000 clients behind one address, some with an old nonce. */
START_TEST(an_office_with_the_right_passwords_is_not_throttled)
{
	struct core_signing how = { .user = &core_alice };

	for (unsigned i = 0; i < 1000; i++) {
		client.port = (uint16_t)(1024 + i);
		how.nonce_age_s = i % 10 ? 0 : 900;
		ck_assert_uint_eq(try_signing(&how), i % 10 ? 0 : 438);
		if (i % 10)
			ck_assert_uint_eq(core_refresh(&c, &client, 1, 0), 0);
	}
	ck_assert_uint_eq(throttled(), 0);
}
END_TEST

/* Where sources answer later, the four that wait are in hand. */
START_TEST(what_waits_for_its_key_is_answered)
{
	struct ref tickets[4];

	c.config.lookups_are_async = true;
	core_restart(&c);
	for (unsigned i = 0; i < 8; i++)
		ck_assert_uint_eq(try_user(&core_liar), 401);
	c.hold_lookups = true;
	for (unsigned i = 0; i < 4; i++) {
		core_begin_allocate(&q, &client, i);
		ck_assert_uint_eq(core_ask(&c, &q, &core_liar), 1);
		tickets[i] = c.last_ticket;
	}
	for (unsigned i = 0; i < 4; i++) {
		core_answer_lookup(&c, tickets[i]);
		ck_assert_uint_eq(core_code(&c), 401);
	}
	c.hold_lookups = false;
	ck_assert_uint_eq(try_user(&core_alice), 1);
	core_pass(&c, 2999);
	ck_assert_uint_eq(try_user(&core_alice), 1);
	core_pass(&c, 1);
	ck_assert_uint_eq(try_user(&core_alice), 0);
}
END_TEST

START_TEST(the_throttle_is_the_processes)
{
	static struct core beside;

	core_start_worker(&beside, 1, &c);
	guess(&(struct core_signing){ .user = &core_liar }, 401);
	core_begin_allocate(&q, &client, 1);
	ck_assert_uint_eq(core_ask(&beside, &q, &core_alice), 1);
	ck_assert_uint_eq(core_dropped(&beside, DROP_THROTTLED), 1);
	core_teardown_worker(&beside);
}
END_TEST

START_TEST(a_throttled_source_is_logged_once_a_minute)
{
	for (unsigned i = 0; i < 20; i++)
		try_user(&core_liar);
	ck_assert_uint_eq(throttled(), 10);
	ck_assert_uint_eq(c.logs, 2);
	ck_assert_str_eq(c.log.message, "requests throttled");
	ck_assert_int_eq(c.log.level, LOG_LEVEL_NOTICE);
	ck_assert_str_eq(core_log_field(&c, "client"), "192.0.2.1:5000");
	ck_assert_str_eq(core_log_field(&c, "realm"), CORE_REALM);
	ck_assert_str_eq(core_log_field(&c, "held_back"), "(none)");
	core_pass(&c, LOG_GATE_INTERVAL_MS);
	for (unsigned i = 0; i < 11; i++)
		try_user(&core_liar);
	ck_assert_uint_eq(c.logs, 4);
	ck_assert_str_eq(core_log_field(&c, "held_back"), "9");
}
END_TEST

/* --- the log ------------------------------------------------------------------------------------------ */

START_TEST(a_refusal_is_logged_with_its_source)
{
	ck_assert_uint_eq(try_user(&core_liar), 401);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_int_eq(c.log.level, LOG_LEVEL_NOTICE);
	ck_assert_str_eq(c.log.message, "authentication refused");
	ck_assert_int_eq(c.log.wall_s, c.now.wall_s);
	ck_assert_str_eq(core_log_field(&c, "client"), "192.0.2.1:5000");
	ck_assert_str_eq(core_log_field(&c, "user"), "alice");
	ck_assert_str_eq(core_log_field(&c, "realm"), CORE_REALM);
	ck_assert_str_eq(core_log_field(&c, "reason"), "wrong password");
	ck_assert_str_eq(core_log_field(&c, "held_back"), "(none)");
}
END_TEST

START_TEST(refusals_are_logged_once_per_source_and_minute)
{
	ck_assert_uint_eq(try_user(&core_liar), 401);
	for (unsigned i = 0; i < 9; i++) {
		client.port++; /* the port does not make another source */
		ck_assert_uint_eq(try_user(&core_nobody), 401);
	}
	ck_assert_uint_eq(c.logs, 1);
	client = core_client(2, 5000);
	ck_assert_uint_eq(try_user(&core_nobody), 401);
	ck_assert_uint_eq(c.logs, 2);
	ck_assert_str_eq(core_log_field(&c, "reason"), "unknown user");
	client = core_client(1, 5000);
	core_pass(&c, 59999);
	ck_assert_uint_eq(try_user(&core_liar), 401);
	ck_assert_uint_eq(c.logs, 2);
	core_pass(&c, 1);
	ck_assert_uint_eq(try_user(&core_liar), 401);
	ck_assert_uint_eq(c.logs, 3);
	ck_assert_str_eq(core_log_field(&c, "held_back"), "10");
}
END_TEST

/* Without a nonce of ours the source may be spoofed: a ban that rests on the
 * log must not lock out who never sent anything. */
START_TEST(refusals_without_a_nonce_of_ours_are_not_logged)
{
	struct core_signing how = { .user = &core_liar,
				    .nonce_client = core_client(9, 9) };

	ck_assert_uint_eq(try_signing(&how), 401);
	how.user = &core_nobody;
	ck_assert_uint_eq(try_signing(&how), 401);
	how.nonce = bytes_str("made up");
	ck_assert_uint_eq(try_signing(&how), 401);
	ck_assert_uint_eq(c.logs, 0);
	/* An old one of ours will do: its owner receives there. */
	how = (struct core_signing){ .user = &core_liar, .nonce_age_s = 900 };
	ck_assert_uint_eq(try_signing(&how), 401);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_str_eq(core_log_field(&c, "held_back"), "(none)");
}
END_TEST

/* One line a source, whichever workers it reaches. */
START_TEST(the_gate_before_the_log_is_the_processes)
{
	static struct core beside;

	core_start_worker(&beside, 1, &c);
	ck_assert_uint_eq(try_user(&core_liar), 401);
	ck_assert_uint_eq(c.logs, 1);
	core_begin_allocate(&q, &client, 1);
	ck_assert_uint_eq(core_ask(&beside, &q, &core_liar), 401);
	ck_assert_uint_eq(beside.logs, 0);
	core_pass(&beside, 60000);
	core_begin_allocate(&q, &client, 1);
	ck_assert_uint_eq(core_ask(&beside, &q, &core_liar), 401);
	ck_assert_uint_eq(beside.logs, 1);
	ck_assert_str_eq(core_log_field(&beside, "held_back"), "1");
	core_teardown_worker(&beside);
}
END_TEST

/* What happens to every client now and then is not logged. */
START_TEST(challenges_and_stale_nonces_are_not_logged)
{
	struct core_signing how = { .user = &core_alice, .nonce_age_s = 900 };

	core_begin_allocate(&q, &client, 1);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert_uint_eq(try_signing(&how), 438);
	how.claim_realm = CORE_OTHER_REALM;
	ck_assert_uint_eq(try_signing(&how), 401);
	how.omit = CORE_NO_NAME;
	ck_assert_uint_eq(try_signing(&how), 400);
	ck_assert_uint_eq(c.logs, 0);
}
END_TEST

/* A long name is cut and the rest of the record is whole. */
START_TEST(a_refused_name_may_be_anything)
{
	static uint8_t name[STUN_USERNAME_MAX_BYTES];
	struct core_signing how = { .user = &core_alice };

	memset(name, '\n', sizeof(name));
	how.name = bytes_of(name, sizeof(name));
	ck_assert_uint_eq(try_signing(&how), 401);
	ck_assert_str_eq(core_log_field(&c, "reason"), "unknown user");
	ck_assert_ptr_null(strchr(core_log_field(&c, "user"), '\n'));
}
END_TEST

/* --- what is counted ------------------------------------------------------------------ */

static uint64_t counted(unsigned source, enum counters_auth_result result)
{
	return counter_get(&turn_counters(c.server)->auth[source][result]);
}

static uint64_t judged(void)
{
	return counter_get(&turn_counters(c.server)->judged);
}

START_TEST(each_request_is_counted_by_source_and_result)
{
	struct core_signing how = { .user = &core_alice, .nonce_age_s = 600 };

	c.user.source = TURN_SOURCE_FILE;
	core_begin_allocate(&q, &client, 1);
	core_send(&c, &q);
	ck_assert_uint_eq(
		counted(COUNTERS_SOURCE_UNKNOWN, COUNTERS_AUTH_CHALLENGE), 1);
	ck_assert_uint_eq(judged(), 0);
	try_user(&core_nobody);
	ck_assert_uint_eq(
		counted(COUNTERS_SOURCE_UNKNOWN, COUNTERS_AUTH_UNKNOWN_USER),
		1);
	try_user(&core_liar);
	ck_assert_uint_eq(
		counted(TURN_SOURCE_FILE, COUNTERS_AUTH_WRONG_PASSWORD), 1);
	try_signing(&how);
	ck_assert_uint_eq(counted(TURN_SOURCE_FILE, COUNTERS_AUTH_STALE_NONCE),
			  1);
	c.user.disabled = true;
	try_user(&core_alice);
	ck_assert_uint_eq(counted(TURN_SOURCE_FILE, COUNTERS_AUTH_DISABLED), 1);
	c.user.disabled = false;
	c.user.expires_wall_s = c.now.wall_s;
	try_user(&core_alice);
	ck_assert_uint_eq(counted(TURN_SOURCE_FILE, COUNTERS_AUTH_EXPIRED), 1);
	c.user.expires_wall_s = 0;
	c.unavailable = true;
	try_user(&core_alice);
	ck_assert_uint_eq(
		counted(COUNTERS_SOURCE_UNKNOWN, COUNTERS_AUTH_UNAVAILABLE), 1);
	c.unavailable = false;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_uint_eq(counted(TURN_SOURCE_FILE, COUNTERS_AUTH_OK), 1);
	ck_assert_uint_eq(judged(), 7);
}
END_TEST

/* The source that the session was begun with, though it is not asked. */
START_TEST(a_living_allocation_knows_its_source)
{
	c.user.source = TURN_SOURCE_REDIS;
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	c.user.source = TURN_SOURCE_FILE;
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 600), 0);
	core_begin(&q, STUN_REFRESH, &client, 3);
	ck_assert_uint_eq(core_ask(&c, &q, &core_liar), 401);
	ck_assert_uint_eq(counted(TURN_SOURCE_REDIS, COUNTERS_AUTH_OK), 2);
	ck_assert_uint_eq(
		counted(TURN_SOURCE_REDIS, COUNTERS_AUTH_WRONG_PASSWORD), 1);
}
END_TEST

START_TEST(who_is_not_looked_up_is_of_no_source)
{
	struct core_signing how = { .user = &core_liar };

	guess(&how, 401);
	ck_assert_uint_eq(
		counted(COUNTERS_SOURCE_UNKNOWN, COUNTERS_AUTH_THROTTLED), 1);
	c.config.lookups_are_async = true;
	core_restart(&c);
	how.nonce_client = core_client(9, 9);
	ck_assert_uint_eq(try_signing(&how), 438);
	ck_assert_uint_eq(
		counted(COUNTERS_SOURCE_UNKNOWN, COUNTERS_AUTH_STALE_NONCE), 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("auth");
	TCase *t = tcase_create("auth");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, without_integrity_any_method_is_challenged);
	tcase_add_test(t, without_name_realm_or_nonce_it_is_a_bad_request);
	tcase_add_test(t, names_have_at_most_508_bytes);
	tcase_add_test(t, strange_names_are_unknown_users);
	tcase_add_test(t, a_userhash_of_another_size_is_a_bad_request);
	tcase_add_test(t, a_list_that_was_tampered_with_is_a_bad_request);
	tcase_add_test(t, one_attribute_without_the_other_is_a_bad_request);
	tcase_add_test(t, the_choice_must_be_on_the_list);
	tcase_add_test(t, neither_attribute_means_md5);
	tcase_add_test(t, both_algorithms_can_be_chosen);
	tcase_add_test(t, a_nonce_whose_bits_were_changed_is_not_ours);
	tcase_add_test(t, without_the_bit_the_attributes_do_not_matter);
	tcase_add_test(t, the_nonce_remembers_the_offer);
	tcase_add_test(t, a_key_that_the_source_cannot_make_is_an_unknown_user);
	tcase_add_test(t, a_wrong_password_is_challenged);
	tcase_add_test(t, any_changed_byte_breaks_the_integrity);
	tcase_add_test(t, of_two_integrities_sha256_counts);
	tcase_add_test(t, a_truncated_integrity_does_not_hold);
	tcase_add_test(t, what_follows_the_integrity_does_not_count);
	tcase_add_test(t, a_nonce_of_another_address_port_or_realm_is_stale);
	tcase_add_test(t, a_nonce_lives_for_its_lifetime);
	tcase_add_test(t, a_nonce_that_is_none_is_stale);
	tcase_add_test(t, the_nonce_of_a_438_is_accepted);
	tcase_add_test(t, the_previous_nonce_key_is_still_good);
	tcase_add_test(t, another_realm_is_challenged_with_ours);
	tcase_add_test(t, the_same_name_has_a_password_in_each_realm);
	tcase_add_test(t, the_same_name_in_another_realm_owns_nothing);
	tcase_add_test(t, a_hash_names_the_user);
	tcase_add_test(t, a_name_is_accepted_where_hashes_are_offered);
	tcase_add_test(t, a_hash_is_not_accepted_where_none_was_offered);
	tcase_add_test(t, an_unknown_hash_is_an_unknown_user);
	tcase_add_test(t, a_living_allocation_asks_no_source);
	tcase_add_test(t, somebody_else_on_a_living_5_tuple_is_looked_up);
	tcase_add_test(t, the_other_algorithm_is_looked_up);
	tcase_add_test(t, strangers_see_no_replayed_success);
	tcase_add_test(t, async_sources_are_not_asked_for_strangers);
	tcase_add_test(t, async_sources_are_asked_where_the_nonce_is_old);
	tcase_add_test(t, else_the_integrity_is_judged_before_the_nonce);
	tcase_add_test(t, an_unavailable_source_is_a_server_error);
	tcase_add_test(t, unknown_user_and_wrong_password_are_alike);
	tcase_add_test(t, a_missing_key_is_alike);
	tcase_add_test(t, the_key_nobody_has_is_nobodys);
	tcase_add_test(t, wrong_passwords_are_throttled_before_any_lookup);
	tcase_add_test(t, unknown_users_are_throttled_alike);
	tcase_add_test(t, the_throttle_is_for_a_source_and_a_name);
	tcase_add_test(t, a_living_allocation_is_not_throttled);
	tcase_add_test(t, without_a_nonce_of_ours_nobody_is_locked_out);
	tcase_add_test(t, without_a_nonce_of_ours_nobody_guesses_without_end);
	tcase_add_test(t, an_old_nonce_counts);
	tcase_add_test(t, an_office_with_the_right_passwords_is_not_throttled);
	tcase_add_test(t, what_waits_for_its_key_is_answered);
	tcase_add_test(t, the_throttle_is_the_processes);
	tcase_add_test(t, a_throttled_source_is_logged_once_a_minute);
	tcase_add_test(t, a_refusal_is_logged_with_its_source);
	tcase_add_test(t, any_of_several_keys_opens);
	tcase_add_test(t, the_first_of_several_keys_opens);
	tcase_add_test(t, refusals_are_logged_once_per_source_and_minute);
	tcase_add_test(t, refusals_without_a_nonce_of_ours_are_not_logged);
	tcase_add_test(t, the_gate_before_the_log_is_the_processes);
	tcase_add_test(t, challenges_and_stale_nonces_are_not_logged);
	tcase_add_test(t, a_refused_name_may_be_anything);
	tcase_add_test(t, each_request_is_counted_by_source_and_result);
	tcase_add_test(t, a_living_allocation_knows_its_source);
	tcase_add_test(t, who_is_not_looked_up_is_of_no_source);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
