#include "unit.h"

#include <errno.h>
#include <string.h>

#include "worker/bind_failure.h"

static bool helps(int error, const char *word)
{
	return strstr(bind_failure_remedy(error), word) != NULL;
}

START_TEST(each_reason_has_its_remedy)
{
	ck_assert(helps(-EADDRINUSE, "ss -lunp"));
	ck_assert(helps(-EADDRNOTAVAIL, "ip address"));
	ck_assert(helps(-EACCES, "below 1024"));
	ck_assert(helps(-EMFILE, "LimitNOFILE="));
	ck_assert(helps(-ENOSPC, "fewer listeners"));
	ck_assert(helps(-EIO, "turnpiked(8)"));
}
END_TEST

START_TEST(a_record_has_it_all)
{
	struct addr address = addr_ipv4(0xc0000201, 3478);
	char text[1024];
	struct log_record r;

	bind_failure_describe(&r, LOG_LEVEL_ERROR, "cannot listen", &address,
			      -EADDRINUSE);
	log_format_text(&r, text, sizeof(text));
	ck_assert_int_eq(r.level, LOG_LEVEL_ERROR);
	ck_assert_ptr_nonnull(strstr(text, "cannot listen"));
	ck_assert_ptr_nonnull(strstr(text, "address=192.0.2.1:3478"));
	ck_assert_ptr_nonnull(strstr(text, strerror(EADDRINUSE)));
	ck_assert_ptr_nonnull(strstr(text, "another program has it"));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("bind_failure");
	TCase *t = tcase_create("bind_failure");

	tcase_add_test(t, each_reason_has_its_remedy);
	tcase_add_test(t, a_record_has_it_all);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
