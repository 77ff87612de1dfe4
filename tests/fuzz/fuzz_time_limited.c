/*
 * libFuzzer target: any bytes as the name of a time-limited user. The first
 * byte is the separator.
 *
 * What is taken to be such a name begins with digits, and nothing else
 * follows them but the separator; the source knows exactly those names, with
 * keys, and whom limits are counted for is a part of the name.
 */
#include <assert.h>
#include <ctype.h>

#include "store/time_limited.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_name(struct bytes name, char separator,
		       const struct time_limited_name *n)
{
	size_t digits = 0;

	while (digits < name.len && isdigit(name.data[digits]))
		digits++;
	assert(digits > 0 && digits <= 20 && n->expires_wall_s > 0);
	assert(digits == name.len || name.data[digits] == (uint8_t)separator);
	assert(n->account_at == 0 || n->account_at == digits + 1);
	assert(n->account_at < name.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct turn_realm realm = { .name = "example.org" };
	static struct secrets secrets = {
		.count = 1,
		.items = { { .len = 5, .bytes = "north" } },
	};
	static struct time_limited source = {
		.realms = &realm,
		.secrets = &secrets,
	};
	const struct now now = { .mono_ms = 0 };
	struct store_query query = { .now = &now };
	struct time_limited_name name;
	struct store_answer answer;
	bool is_one;

	if (size == 0 || isdigit(data[0]))
		return 0;
	if (!source.crypto)
		source.crypto = crypto_new();
	assert(source.crypto);
	secrets.separator = (char)data[0];
	query.name = bytes_of(data + 1, size - 1);

	is_one = time_limited_parse(query.name, secrets.separator, &name);
	if (is_one)
		check_name(query.name, secrets.separator, &name);
	assert(time_limited_source.lookup(&source, &query, &answer));
	assert(is_one == (answer.result == TURN_LOOKUP_FOUND));
	assert(answer.user.key_count == is_one);
	return 0;
}
