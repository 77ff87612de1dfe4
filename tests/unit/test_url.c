#include "unit.h"

#include <string.h>

#include "turnpikectl/url.h"

START_TEST(bytes_are_encoded)
{
	char out[URL_ENCODED_BYTES(64)];

	ck_assert_str_eq(url_encode(bytes_str("aZ0-._~"), out), "aZ0-._~");
	ck_assert_str_eq(url_encode(bytes_str("a/b?c=d&e f%"), out),
			 "a%2Fb%3Fc%3Dd%26e%20f%25");
	ck_assert_str_eq(url_encode(bytes_of("\0\xff\r\n", 4), out),
			 "%00%FF%0D%0A");
	ck_assert_str_eq(url_encode(bytes_str(""), out), "");
}
END_TEST

START_TEST(a_path_and_its_query)
{
	struct url u;

	url_begin(&u, "/v1/users/", "a/..\r\n");
	url_path(&u, "/password");
	ck_assert_str_eq(u.text, "/v1/users/a%2F..%0D%0A/password");
	url_add(&u, "realm", "r&s");
	url_add(&u, "nothing", NULL);
	url_add(&u, "limit", "5");
	ck_assert_str_eq(u.text, "/v1/users/a%2F..%0D%0A/password"
				 "?realm=r%26s&limit=5");
	url_end(&u);
	ck_assert_ptr_null(u.text);
	url_begin(&u, "/v1/usage", NULL);
	ck_assert_str_eq(u.text, "/v1/usage");
	url_end(&u);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("url");
	TCase *t = tcase_create("url");

	tcase_add_test(t, bytes_are_encoded);
	tcase_add_test(t, a_path_and_its_query);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
