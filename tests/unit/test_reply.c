/* link: -Wl,--wrap=crypto_hmac_sha256 */
#include "core_fixture.h"
#include "turn/reply.h"

void __real_crypto_hmac_sha256(struct crypto *crypto, struct bytes key,
			       const struct bytes *parts, size_t count,
			       uint8_t *out);
void __wrap_crypto_hmac_sha256(struct crypto *crypto, struct bytes key,
			       const struct bytes *parts, size_t count,
			       uint8_t *out);

static unsigned hmacs;

void __wrap_crypto_hmac_sha256(struct crypto *crypto, struct bytes key,
			       const struct bytes *parts, size_t count,
			       uint8_t *out)
{
	hmacs++;
	__real_crypto_hmac_sha256(crypto, key, parts, count, out);
}

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

/* A realm of that many bytes, with or without SHA-256 on offer. */
static void realm_of(size_t bytes, bool offer_sha256)
{
	struct turn_realm *realm = &c.config.realms[0];

	memset(realm->name, 0, sizeof(realm->name));
	memset(realm->name, 'r', bytes);
	realm->offer_sha256 = offer_sha256;
	core_restart(&c);
}

static size_t size_of_401(bool fingerprint)
{
	core_begin(&q, STUN_ALLOCATE, &client, 1);
	if (fingerprint)
		stun_add_fingerprint(&q.builder);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
	return c.reply.raw.len;
}

/* --- challenges: RFC 8489 section 9.2.4 ----------------------------------- */

START_TEST(a_401_has_realm_and_nonce_and_nothing_else)
{
	size_of_401(false);
	ck_assert_str_eq(core_reply_attrs(&c), "ERROR-CODE REALM NONCE");
	ck_assert(bytes_equal(stun_find(&c.reply, STUN_ATTR_REALM)->value,
			      bytes_str(CORE_REALM)));
	/* An empty reason phrase. */
	ck_assert_uint_eq(stun_find(&c.reply, STUN_ATTR_ERROR_CODE)->value.len,
			  4);
}
END_TEST

/* Decisions, "Answers": at most 76 and the padded realm. */
START_TEST(a_401_is_small)
{
	for (size_t bytes = 1; bytes <= STUN_REALM_MAX_BYTES; bytes += 127) {
		realm_of(bytes, false);
		ck_assert_uint_le(size_of_401(true), 76 + (bytes + 3) / 4 * 4);
		ck_assert_uint_eq(size_of_401(false), 64 + (bytes + 3) / 4 * 4);
	}
}
END_TEST

START_TEST(the_longest_realm_fits)
{
	realm_of(STUN_REALM_MAX_BYTES, true);
	ck_assert_uint_eq(size_of_401(true), 20 + 8 + 4 + 764 + 32 + 12 + 8);
}
END_TEST

/* RFC 8489 section 9.2.4: the list, and the bit in the nonce. */
START_TEST(where_sha256_is_offered_it_is_listed_first)
{
	static const uint8_t list[] = { 0, 2, 0, 0, 0, 1, 0, 0 };
	size_t without = size_of_401(false);
	const struct stun_attr *a;

	c.config.realms[0].offer_sha256 = true;
	core_restart(&c);
	ck_assert_uint_eq(size_of_401(false), without + 12);
	ck_assert_str_eq(core_reply_attrs(&c),
			 "ERROR-CODE REALM NONCE PASSWORD-ALGORITHMS");
	a = stun_find(&c.reply, STUN_ATTR_PASSWORD_ALGORITHMS);
	ck_assert(bytes_equal(a->value, bytes_of(list, sizeof(list))));
	a = stun_find(&c.reply, STUN_ATTR_NONCE);
	ck_assert_uint_eq(nonce_features(a->value), NONCE_PASSWORD_ALGORITHMS);
}
END_TEST

START_TEST(the_nonce_says_what_the_realm_offers)
{
	for (unsigned i = 0; i < 4; i++) {
		struct turn_realm *realm = &c.config.realms[0];
		const struct stun_attr *nonce;
		uint32_t features;

		realm->offer_sha256 = i & 1;
		realm->offer_userhash = i & 2;
		core_restart(&c);
		size_of_401(false);
		nonce = stun_find(&c.reply, STUN_ATTR_NONCE);
		features = nonce_features(nonce->value);
		ck_assert_int_eq(!(features & NONCE_PASSWORD_ALGORITHMS),
				 !(i & 1));
		ck_assert_int_eq(!(features & NONCE_USERNAME_ANONYMITY),
				 !(i & 2));
	}
}
END_TEST

/* RFC 8489 section 9.2.4: not the same nonce for another address or port. */
START_TEST(the_nonce_is_good_for_who_asked)
{
	const struct stun_attr *nonce;
	struct addr other = core_client(1, 5001);

	size_of_401(false);
	nonce = stun_find(&c.reply, STUN_ATTR_NONCE);
	ck_assert_int_eq(nonce_check(&c.config.nonce, c.crypto, nonce->value,
				     &client, bytes_str(CORE_REALM),
				     c.now.wall_s),
			 NONCE_FRESH);
	ck_assert_int_eq(nonce_check(&c.config.nonce, c.crypto, nonce->value,
				     &other, bytes_str(CORE_REALM),
				     c.now.wall_s),
			 NONCE_FOREIGN);
}
END_TEST

/* Every response with NONCE has PASSWORD-ALGORITHMS where they are in use. */
START_TEST(a_438_is_a_challenge_too)
{
	struct core_signing stale = { .user = &core_alice,
				      .nonce_age_s = 3600 };

	c.config.realms[0].offer_sha256 = true;
	core_restart(&c);
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &stale);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 438);
	ck_assert_str_eq(core_reply_attrs(&c),
			 "ERROR-CODE REALM NONCE PASSWORD-ALGORITHMS");
}
END_TEST

START_TEST(each_realm_has_its_own)
{
	core_begin(&q, STUN_ALLOCATE, &client, 1);
	q.listener = 1;
	core_send(&c, &q);
	ck_assert(bytes_equal(stun_find(&c.reply, STUN_ATTR_REALM)->value,
			      bytes_str(CORE_OTHER_REALM)));
	ck_assert_uint_eq(c.reply_listener, 1);
}
END_TEST

/* --- 420: RFC 8489 section 6.3.1 ------------------------------------------- */

START_TEST(a_420_lists_each_unknown_type_once)
{
	static const uint8_t list[] = { 0x7f, 0x00, 0x7e, 0x00, 0x7d, 0x00 };
	const struct stun_attr *unknown;

	core_begin_allocate(&q, &client, 1);
	stun_add_flag(&q.builder, 0x7f00);
	stun_add_flag(&q.builder, 0x7e00);
	stun_add_flag(&q.builder, 0x7f00);
	stun_add_flag(&q.builder, 0x7d00);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 420);
	unknown = stun_find(&c.reply, STUN_ATTR_UNKNOWN_ATTRIBUTES);
	ck_assert(bytes_equal(unknown->value, bytes_of(list, sizeof(list))));
	ck_assert_str_eq(core_reply_attrs(&c),
			 "ERROR-CODE UNKNOWN-ATTRIBUTES MESSAGE-INTEGRITY");
}
END_TEST

START_TEST(a_420_lists_at_most_16)
{
	core_begin(&q, STUN_BINDING, &client, 1);
	for (uint16_t i = 0; i < 40; i++)
		stun_add_flag(&q.builder, (uint16_t)(0x7000 + i));
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 420);
	ck_assert_uint_eq(
		stun_find(&c.reply, STUN_ATTR_UNKNOWN_ATTRIBUTES)->value.len,
		2 * STUN_UNKNOWN_MAX);
}
END_TEST

/* --- protection -------------------------------------------------------------- */

/* RFC 8489 section 9.2.4, last paragraph: the integrity of each response. */
START_TEST(answers_are_signed_as_the_request_was)
{
	c.config.realms[0].offer_sha256 = true;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 0);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
	client.port++;
	ck_assert_uint_eq(core_allocate_as(&c, &client, 1, &core_alice_sha256),
			  0);
	ck_assert_str_eq(core_signature(&c, &core_alice_sha256),
			 "MESSAGE-INTEGRITY-SHA256");
}
END_TEST

/* The request had PASSWORD-ALGORITHM, if for MD5: SHA-256 signs, with the
 * key that MD5 made. */
START_TEST(md5_by_name_is_signed_with_sha256)
{
	struct core_user user = core_alice_sha256;

	user.algorithm = STUN_ALGORITHM_MD5;
	c.config.realms[0].offer_sha256 = true;
	core_restart(&c);
	ck_assert_uint_eq(core_allocate_as(&c, &client, 1, &user), 0);
	ck_assert_str_eq(core_signature(&c, &user), "MESSAGE-INTEGRITY-SHA256");
}
END_TEST

/* MESSAGE-INTEGRITY-SHA256 alone does not name an algorithm: still MD5. */
START_TEST(an_unnamed_algorithm_is_signed_with_sha1)
{
	struct core_signing how = { .user = &core_alice,
				    .integrity_sha256 = true };

	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &how);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert_str_eq(core_signature(&c, &core_alice), "MESSAGE-INTEGRITY");
}
END_TEST

/* Both kinds, of every method. */
START_TEST(errors_are_signed_like_successes)
{
	static const enum stun_method methods[] = { STUN_REFRESH,
						    STUN_CREATE_PERMISSION,
						    STUN_CHANNEL_BIND };

	for (size_t i = 0; i < 3; i++) {
		core_begin(&q, methods[i], &client, 1);
		ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 437);
		ck_assert_str_eq(core_reply_attrs(&c),
				 "ERROR-CODE MESSAGE-INTEGRITY");
		ck_assert_str_eq(core_signature(&c, &core_alice),
				 "MESSAGE-INTEGRITY");
		core_begin(&q, methods[i], &client, 1);
		ck_assert_uint_eq(core_ask(&c, &q, &core_alice_sha256), 437);
		ck_assert_str_eq(core_signature(&c, &core_alice_sha256),
				 "MESSAGE-INTEGRITY-SHA256");
	}
}
END_TEST

/* Decisions, "Answers": FINGERPRINT only where the request carried one. */
START_TEST(fingerprint_answers_fingerprint)
{
	core_begin_allocate(&q, &client, 1);
	core_sign(&c, &q, &core_alice);
	stun_add_fingerprint(&q.builder);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 0);
	ck_assert(c.reply.has_fingerprint);
	/* Errors and challenges as well; and not for the next request. */
	core_begin_allocate(&q, &client, 2);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 437);
	ck_assert(!c.reply.has_fingerprint);
	core_begin(&q, STUN_REFRESH, &client, 3);
	core_sign(&c, &q, &core_liar);
	stun_add_fingerprint(&q.builder);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert(c.reply.has_fingerprint);
	core_begin(&q, STUN_BINDING, &client, 4);
	core_send(&c, &q);
	ck_assert(!c.reply.has_fingerprint);
}
END_TEST

/* --- accounting --------------------------------------------------------------- */

static uint64_t errors(enum counters_method method, enum counters_code code)
{
	return counter_get(&turn_counters(c.server)->errors[method][code]);
}

START_TEST(answers_are_counted_and_errors_by_method_and_code)
{
	const struct counters *n = turn_counters(c.server);

	size_of_401(false);
	size_of_401(false);
	core_begin(&q, STUN_BINDING, &client, 1);
	core_send(&c, &q);
	core_begin(&q, STUN_REFRESH, &client, 1);
	ck_assert_uint_eq(core_ask(&c, &q, &core_alice), 437);
	ck_assert_uint_eq(counter_get(&n->requests[COUNTERS_ALLOCATE]), 2);
	ck_assert_uint_eq(counter_get(&n->requests[COUNTERS_BINDING]), 1);
	ck_assert_uint_eq(counter_get(&n->requests[COUNTERS_REFRESH]), 1);
	ck_assert_uint_eq(counter_get(&n->requests[COUNTERS_CHANNEL_BIND]), 0);
	ck_assert_uint_eq(counter_get(&n->responses[COUNTERS_ALLOCATE]), 2);
	ck_assert_uint_eq(counter_get(&n->responses[COUNTERS_BINDING]), 1);
	ck_assert_uint_eq(counter_get(&n->responses[COUNTERS_REFRESH]), 1);
	ck_assert_uint_eq(errors(COUNTERS_ALLOCATE, COUNTERS_CODE_401), 2);
	ck_assert_uint_eq(errors(COUNTERS_REFRESH, COUNTERS_CODE_437), 1);
	ck_assert_uint_eq(errors(COUNTERS_REFRESH, COUNTERS_CODE_438), 0);
	ck_assert_uint_eq(errors(COUNTERS_REFRESH, COUNTERS_CODE_401), 0);
	ck_assert_uint_eq(errors(COUNTERS_BINDING, COUNTERS_CODE_401), 0);
}
END_TEST

/* --- the budget for who has proven nothing: turn/reply_budget.h --------------- */

/* Nothing is left for 192.0.2.0/24 but what comes in from now on. */
static void spend(void)
{
	core_forgive(&c);
	ck_assert(reply_budget_take(&c.shared->reply_budget, &client,
				    REPLY_BUDGET_DEBIT_MAX, c.now.mono_ms));
}

static uint16_t ask_for(enum stun_method method)
{
	core_begin(&q, method, &client, 1);
	core_send(&c, &q);
	return core_code(&c);
}

/* A request signed by alice whose nonce is somebody else's, or old. */
static uint16_t ask_signed(const struct addr *nonce_client, int64_t age_s,
			   const struct core_user *user)
{
	struct core_signing how = { .user = user, .nonce_age_s = age_s };

	if (nonce_client)
		how.nonce_client = *nonce_client;
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &how);
	core_send(&c, &q);
	return core_code(&c);
}

START_TEST(beyond_the_budget_nothing_is_answered)
{
	const struct counters *n = turn_counters(c.server);
	struct core_signing incomplete = { .user = &core_alice,
					   .omit = CORE_NO_NONCE };

	spend();
	ck_assert_uint_eq(ask_for(STUN_ALLOCATE), 1);
	spend();
	ck_assert_uint_eq(ask_for(STUN_BINDING), 1);
	spend();
	core_begin(&q, STUN_BINDING, &client, 1);
	stun_add_flag(&q.builder, 0x7fff);
	ck_assert_uint_eq(core_send(&c, &q), 0);
	spend();
	ck_assert_uint_eq(core_dropped(&c, DROP_REPLY_BUDGET), 3);
	ck_assert_uint_eq(counter_get(&n->requests[COUNTERS_ALLOCATE]), 1);
	ck_assert_uint_eq(counter_get(&n->requests[COUNTERS_BINDING]), 2);
	ck_assert_uint_eq(counter_get(&n->responses[COUNTERS_ALLOCATE]), 0);
	ck_assert_uint_eq(counter_get(&n->responses[COUNTERS_BINDING]), 0);
	ck_assert_uint_eq(errors(COUNTERS_ALLOCATE, COUNTERS_CODE_401), 0);
	ck_assert_uint_eq(errors(COUNTERS_BINDING, COUNTERS_CODE_420), 0);
	/* What it has sent is more than such an answer: it may be sent. */
	core_begin_allocate(&q, &client, 1);
	core_sign_as(&c, &q, &incomplete);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 400);
	ck_assert_uint_eq(core_dropped(&c, DROP_REPLY_BUDGET), 3);
}
END_TEST

/* Each way to be unproven, with a request that does not pay for its answer. */
START_TEST(a_nonce_of_ours_is_answered_beyond_the_budget)
{
	static char realm[STUN_REALM_MAX_BYTES + 1];
	struct addr other = core_client(9, 9);

	spend();
	ck_assert_uint_eq(ask_signed(NULL, 900, &core_alice), 438);
	ck_assert_uint_eq(ask_signed(NULL, 0, &core_liar), 401);
	ck_assert_uint_eq(ask_signed(NULL, 0, &core_alice), 0);
	ck_assert_uint_eq(core_refresh(&c, &client, 2, 0), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_REPLY_BUDGET), 0);

	/* The answer is longer than any request here, whose realm is wrong. */
	memset(realm, 'r', STUN_REALM_MAX_BYTES);
	memcpy(c.config.realms[0].name, realm, sizeof(realm));
	core_restart(&c);
	spend();
	core_begin_allocate(&q, &client, 1);
	core_sign(&c, &q, &core_alice);
	ck_assert_uint_eq(core_send(&c, &q), 0);
	ck_assert_uint_eq(core_dropped(&c, DROP_REPLY_BUDGET), 1);
	core_forgive(&c);
	core_begin_allocate(&q, &client, 1);
	core_sign(&c, &q, &core_alice);
	core_send(&c, &q);
	ck_assert_uint_eq(core_code(&c), 401);
	ck_assert_uint_eq(ask_signed(&other, 0, &core_alice), 401);
}
END_TEST

/* Judged before the lookup, or after it: what is foreign counts, what is old
 * and ours does not. */
START_TEST(the_judged_nonce_decides_what_counts)
{
	struct reply_budget *b = &c.shared->reply_budget;
	struct addr other = core_client(9, 9);

	for (unsigned i = 0; i < 2; i++) {
		c.config.lookups_are_async = i;
		core_restart(&c);
		for (unsigned j = 0; j < 4; j++) {
			bool foreign = j & 1;
			const struct core_user *user = j & 2 ? &core_liar
							     : &core_alice;
			size_t left;

			spend();
			ck_assert_uint_gt(
				ask_signed(foreign ? &other : NULL, 900, user),
				1);
			left = stun_finish(&q.builder);
			if (foreign)
				left -= c.reply.raw.len;
			ck_assert(reply_budget_has(b, &client, left,
						   c.now.mono_ms));
			ck_assert(!reply_budget_has(b, &client, left + 4,
						    c.now.mono_ms));
		}
	}
}
END_TEST

/* A request that waits for its key comes in once. */
START_TEST(what_was_received_counts_once)
{
	struct reply_budget *b = &c.shared->reply_budget;

	c.hold_lookups = true;
	spend();
	ck_assert_uint_eq(core_allocate(&c, &client, 1), 1);
	core_answer_lookup(&c, c.last_ticket);
	ck_assert_uint_eq(core_code(&c), 0);
	core_begin_allocate(&q, &client, 1);
	core_sign(&c, &q, &core_alice);
	ck_assert(reply_budget_has(b, &client, stun_finish(&q.builder),
				   c.now.mono_ms));
	ck_assert(!reply_budget_has(b, &client, stun_finish(&q.builder) + 4,
				    c.now.mono_ms));
}
END_TEST

/* A flood is refused before the work that it is after. */
START_TEST(beyond_the_budget_no_nonce_is_made)
{
	spend();
	hmacs = 0;
	for (unsigned i = 0; i < 2; i++)
		ck_assert_uint_eq(ask_for(STUN_ALLOCATE), 1);
	ck_assert_uint_eq(hmacs, 0);
	core_forgive(&c);
	ck_assert_uint_eq(ask_for(STUN_ALLOCATE), 401);
	ck_assert_uint_eq(hmacs, 1);
}
END_TEST

/* To the byte, so that neither an HMAC is wasted nor an answer is. */
START_TEST(the_length_of_a_challenge_is_foreseen)
{
	for (size_t bytes = 1; bytes <= STUN_REALM_MAX_BYTES; bytes += 127) {
		for (unsigned i = 0; i < 4; i++) {
			struct reply_budget *b;
			size_t len;

			realm_of(bytes, i & 1);
			b = &c.shared->reply_budget;
			len = size_of_401(i & 2);
			spend();
			reply_budget_received(b, &client,
					      len - stun_finish(&q.builder));
			ck_assert_uint_eq(size_of_401(i & 2), len);
			spend();
			reply_budget_received(
				b, &client, len - stun_finish(&q.builder) - 4);
			hmacs = 0;
			ck_assert_uint_eq(core_send(&c, &q), 0);
			ck_assert_uint_eq(hmacs, 0);
		}
	}
}
END_TEST

START_TEST(the_budget_is_the_prefixes_and_the_processes)
{
	static struct core beside;

	core_start_worker(&beside, 1, &c);
	spend();
	core_begin(&q, STUN_BINDING, &client, 1);
	ck_assert_uint_eq(core_send(&beside, &q), 0);
	ck_assert_uint_eq(core_dropped(&beside, DROP_REPLY_BUDGET), 1);
	client = core_client(255, 9);
	ck_assert_uint_eq(ask_for(STUN_ALLOCATE), 1);
	client = addr_ipv4(0xc0000301, 5000);
	ck_assert_uint_eq(ask_for(STUN_ALLOCATE), 401);
	core_teardown_worker(&beside);
}
END_TEST

START_TEST(after_ten_seconds_it_is_answered_again)
{
	spend();
	core_pass(&c, 10000);
	ck_assert_uint_eq(ask_for(STUN_BINDING), 1);
	core_pass(&c, 1000);
	ck_assert_uint_eq(ask_for(STUN_BINDING), 0);
}
END_TEST

START_TEST(a_spent_budget_is_logged_once_a_minute)
{
	static struct core beside;

	spend();
	ck_assert_uint_eq(c.logs, 0);
	ck_assert_uint_eq(ask_for(STUN_BINDING), 1);
	ck_assert_uint_eq(c.logs, 1);
	ck_assert_int_eq(c.log.level, LOG_LEVEL_NOTICE);
	ck_assert_str_eq(c.log.message, "reply budget spent");
	ck_assert_str_eq(core_log_field(&c, "source"), "192.0.2.0/24");
	for (unsigned i = 0; i < 9; i++) {
		spend();
		ck_assert_uint_eq(ask_for(STUN_ALLOCATE), 1);
	}
	client = addr_ipv4(0xc0000301, 5000);
	spend();
	ck_assert_uint_eq(ask_for(STUN_BINDING), 1);
	core_start_worker(&beside, 1, &c);
	spend();
	core_begin(&q, STUN_BINDING, &client, 1);
	ck_assert_uint_eq(core_send(&beside, &q), 0);
	ck_assert_uint_eq(c.logs + beside.logs, 1);
	core_pass(&c, LOG_GATE_INTERVAL_MS);
	spend();
	ck_assert_uint_eq(ask_for(STUN_BINDING), 1);
	ck_assert_uint_eq(c.logs, 2);
	ck_assert_str_eq(core_log_field(&c, "source"), "192.0.3.0/24");
	core_teardown_worker(&beside);
}
END_TEST

/* --- misuse --------------------------------------------------------------------- */

static const struct reply_to to_nobody = {
	.client = { .family = ADDR_IPV4, .port = 1 },
	.transaction_id = (const uint8_t *)"0123456789ab",
	.method = STUN_BINDING,
};

static void reply_no_error(void *arg)
{
	actions_clear(&c.out);
	reply_error(c.server, &c.out, &to_nobody, *(const uint16_t *)arg);
}

START_TEST(a_code_that_is_none_is_asserted)
{
	uint16_t low = 299, high = 700;

	ck_assert(unit_aborts(reply_no_error, &low));
	ck_assert(unit_aborts(reply_no_error, &high));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("reply");
	TCase *t = tcase_create("reply");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, a_401_has_realm_and_nonce_and_nothing_else);
	tcase_add_test(t, a_401_is_small);
	tcase_add_test(t, the_longest_realm_fits);
	tcase_add_test(t, where_sha256_is_offered_it_is_listed_first);
	tcase_add_test(t, the_nonce_says_what_the_realm_offers);
	tcase_add_test(t, the_nonce_is_good_for_who_asked);
	tcase_add_test(t, a_438_is_a_challenge_too);
	tcase_add_test(t, each_realm_has_its_own);
	tcase_add_test(t, a_420_lists_each_unknown_type_once);
	tcase_add_test(t, a_420_lists_at_most_16);
	tcase_add_test(t, answers_are_signed_as_the_request_was);
	tcase_add_test(t, md5_by_name_is_signed_with_sha256);
	tcase_add_test(t, an_unnamed_algorithm_is_signed_with_sha1);
	tcase_add_test(t, errors_are_signed_like_successes);
	tcase_add_test(t, fingerprint_answers_fingerprint);
	tcase_add_test(t, answers_are_counted_and_errors_by_method_and_code);
	tcase_add_test(t, beyond_the_budget_nothing_is_answered);
	tcase_add_test(t, a_nonce_of_ours_is_answered_beyond_the_budget);
	tcase_add_test(t, the_judged_nonce_decides_what_counts);
	tcase_add_test(t, what_was_received_counts_once);
	tcase_add_test(t, beyond_the_budget_no_nonce_is_made);
	tcase_add_test(t, the_length_of_a_challenge_is_foreseen);
	tcase_add_test(t, the_budget_is_the_prefixes_and_the_processes);
	tcase_add_test(t, after_ten_seconds_it_is_answered_again);
	tcase_add_test(t, a_spent_budget_is_logged_once_a_minute);
	tcase_add_test(t, a_code_that_is_none_is_asserted);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
