/* link: -Wl,--wrap=json_dump_callback */
#include "unit.h"

#include "ctl/answer.h"

static struct answer a;
static bool fails;

int __real_json_dump_callback(const json_t *json, json_dump_callback_t callback,
			      void *data, size_t flags);
int __wrap_json_dump_callback(const json_t *json, json_dump_callback_t callback,
			      void *data, size_t flags);

int __wrap_json_dump_callback(const json_t *json, json_dump_callback_t callback,
			      void *data, size_t flags)
{
	return fails ? -1
		     : __real_json_dump_callback(json, callback, data, flags);
}

static void expect(int status, const char *body)
{
	size_t len = answer_bytes(&a);

	ck_assert_int_eq(a.status, status);
	ck_assert_uint_eq(len, strlen(body));
	if (len > 0)
		ck_assert_mem_eq(evbuffer_pullup(a.body, -1), body, len);
	answer_fini(&a);
	answer_init(&a);
}

START_TEST(whole_answers)
{
	answer_init(&a);
	expect(500, "");
	answer_text(&a, 503, "draining");
	ck_assert_str_eq(a.type, "text/plain; charset=utf-8");
	expect(503, "draining\n");
	answer_json(&a, 201, json_pack("{s:i}", "n", 1));
	ck_assert_str_eq(a.type, "application/json");
	expect(201, "{\"n\":1}");
	answer_nothing(&a);
	expect(204, "");
	answer_json(&a, 200, json_array());
	answer_add(&a, bytes_str("\n"));
	answer_add_json(&a, json_object());
	expect(200, "[]\n{}");
}
END_TEST

START_TEST(a_body_of_its_own_type)
{
	answer_init(&a);
	evbuffer_add(answer_body(&a), "x 1\n", 4);
	answer_written(&a, 200, "text/x", true);
	ck_assert_str_eq(a.type, "text/x");
	expect(200, "x 1\n");
	/* What is not whole is nothing, and stays so. */
	evbuffer_add(answer_body(&a), "x 1\n", 4);
	answer_written(&a, 200, "text/x", false);
	ck_assert_ptr_null(answer_body(&a));
	answer_written(&a, 200, "text/x", true);
	expect(500, "");
}
END_TEST

START_TEST(errors)
{
	answer_init(&a);
	answer_error(&a, 404, "gone", "It is \"gone\".", NULL);
	expect(404, "{\"error\":{\"code\":\"gone\",\"message\":\"It is "
		    "\\\"gone\\\".\"}}");
	answer_error_with(&a, 422, "bad", "B", "R",
			  json_pack("[{s:i}]", "line", 3));
	expect(422, "{\"error\":{\"code\":\"bad\",\"message\":\"B\","
		    "\"remedy\":\"R\",\"details\":[{\"line\":3}]}}");
}
END_TEST

/* Half an answer is none. */
START_TEST(memory_that_is_short)
{
	answer_init(&a);
	answer_json(&a, 200, NULL);
	expect(500, "");
	answer_add(&a, bytes_str("["));
	fails = true;
	answer_json(&a, 200, json_object());
	fails = false;
	answer_add(&a, bytes_str("]"));
	answer_nothing(&a);
	answer_text(&a, 200, "x");
	ck_assert_ptr_null(a.type);
	expect(500, "");
}
END_TEST

static Suite *answer_suite(void)
{
	Suite *s = suite_create("answer");
	TCase *t = tcase_create("answer");

	tcase_add_test(t, whole_answers);
	tcase_add_test(t, a_body_of_its_own_type);
	tcase_add_test(t, errors);
	tcase_add_test(t, memory_that_is_short);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(answer_suite)
