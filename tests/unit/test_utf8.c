#include "unit.h"

#include <string.h>

#include "base/utf8.h"

/* A text, and whether it is UTF-8. */
static const struct {
	const char *text;
	size_t len;
	bool valid;
} texts[] = {
	{ "", 0, true },
	{ "alice", 5, true },
	{ "\0\r\n", 3, true }, /* characters all the same */
	{ "\xc3\xa9", 2, true },
	{ "\xe2\x82\xac", 3, true },
	{ "\xf0\x9f\x98\x80", 4, true },
	{ "\xf4\x8f\xbf\xbf", 4, true },  /* U+10FFFF */
	{ "\xf4\x90\x80\x80", 4, false }, /* beyond it */
	{ "\xc0\xaf", 2, false },         /* "/" with one byte too many */
	{ "\xe0\x80\xaf", 3, false },
	{ "\xf0\x80\x80\xaf", 4, false },
	{ "\xed\xa0\x80", 3, false }, /* a surrogate */
	{ "\xed\x9f\xbf", 3, true },  /* the one before them */
	{ "\xe2\x82", 2, false },     /* the end is missing */
	{ "\xe2\x82x", 3, false },
	{ "\x80", 1, false },
	{ "\xff", 1, false },
	{ "alice\xfe", 6, false },
};

START_TEST(validity)
{
	ck_assert_msg(utf8_is_valid(bytes_of(texts[_i].text, texts[_i].len)) ==
			      texts[_i].valid,
		      "text %d", _i);
}
END_TEST

START_TEST(characters)
{
	const char *const text = "a\xe2\x82\xac\xff";
	struct utf8_char c = utf8_first(bytes_str(text));

	ck_assert(c.valid && c.len == 1 && c.value == 'a');
	c = utf8_first(bytes_str(text + 1));
	ck_assert(c.valid && c.len == 3 && c.value == 0x20ac);
	c = utf8_first(bytes_str(text + 4));
	ck_assert(!c.valid && c.len == 1 && c.value == 0xff);
	ck_assert(utf8_continues(0x82) && !utf8_continues(0xe2) &&
		  !utf8_continues('a'));
}
END_TEST

static Suite *utf8_suite(void)
{
	Suite *s = suite_create("utf8");
	TCase *c = tcase_create("utf8");

	tcase_add_loop_test(c, validity, 0, sizeof(texts) / sizeof(texts[0]));
	tcase_add_test(c, characters);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(utf8_suite)
