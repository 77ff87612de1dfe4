#include "unit.h"

#include <string.h>

#include "base/base64.h"

/* RFC 4648 section 10, and the two characters that are no letters. */
static const struct {
	const char *data;
	const char *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "+/+/" },
};

START_TEST(vector)
{
	struct bytes data = bytes_str(vectors[_i].data);
	size_t len = strlen(vectors[_i].text);
	char out[16];

	memset(out, '#', sizeof(out));
	ck_assert_uint_eq(BASE64_CHARS(data.len), len);
	base64_encode(data, out);
	ck_assert_mem_eq(out, vectors[_i].text, len);
	ck_assert_int_eq(out[len], '#');
}
END_TEST

static Suite *base64_suite(void)
{
	Suite *s = suite_create("base64");
	TCase *c = tcase_create("base64");

	tcase_add_loop_test(c, vector, 0, sizeof(vectors) / sizeof(vectors[0]));
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(base64_suite)
