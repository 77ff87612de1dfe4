#include "unit.h"

#include <string.h>

#include "ctl/page.h"

/* All of them together; more would make the program larger for little. */
#define ALL_MAX_BYTES 92160

START_TEST(the_page_itself)
{
	const struct page_file *f = page_find("/");

	ck_assert_ptr_nonnull(f);
	ck_assert_str_eq(f->type, "text/html; charset=utf-8");
	ck_assert_uint_gt(f->len, 15);
	ck_assert_mem_eq(f->bytes, "<!doctype html>", 15);
}
END_TEST

START_TEST(what_is_not_there)
{
	static const char *const paths[] = {
		"",
		"/page",
		"/page/",
		"/page/index.html",
		"//",
		"/page/../page/page.css",
		"/page/page.css?",
		"/PAGE/page.css",
		"/page/page.cs",
	};

	ck_assert_ptr_nonnull(page_find("/page/page.css"));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		ck_assert_msg(page_find(paths[i]) == NULL, "%s", paths[i]);
}
END_TEST

/* The source of a file, in memory that the caller frees. */
static uint8_t *read_source(const struct page_file *f, size_t *len)
{
	const char *name = strrchr(f->path, '/') + 1;
	char path[256];
	uint8_t *bytes = malloc(ALL_MAX_BYTES);
	FILE *in;

	snprintf(path, sizeof(path), "src/ctl/page/%s",
		 name[0] ? name : "index.html");
	in = fopen(path, "r");
	ck_assert_msg(in && bytes, "%s", path);
	*len = fread(bytes, 1, ALL_MAX_BYTES, in);
	fclose(in);
	return bytes;
}

START_TEST(files_are_their_sources)
{
	size_t all = 0;

	for (size_t i = 0; i < page_file_count; i++) {
		const struct page_file *f = &page_files[i];
		size_t len;
		uint8_t *source = read_source(f, &len);

		ck_assert_msg(len == f->len &&
				      memcmp(source, f->bytes, len) == 0,
			      "%s", f->path);
		ck_assert_ptr_eq(page_find(f->path), f);
		free(source);
		all += len;
	}
	ck_assert_uint_le(all, ALL_MAX_BYTES);
}
END_TEST

/* A tag is a quoted word, and two files do not share one. */
START_TEST(tags)
{
	for (size_t i = 0; i < page_file_count; i++) {
		const char *tag = page_files[i].etag;
		size_t len = strlen(tag);

		ck_assert_uint_gt(len, 4);
		ck_assert(tag[0] == '"' && tag[len - 1] == '"');
		ck_assert_uint_eq(strspn(tag + 1, "0123456789abcdef-"),
				  len - 2);
		for (size_t k = 0; k < i; k++)
			ck_assert_str_ne(tag, page_files[k].etag);
	}
}
END_TEST

START_TEST(types)
{
	for (size_t i = 0; i < page_file_count; i++) {
		const char *dot = strrchr(page_files[i].path, '.');
		const char *type = page_files[i].type;

		if (!dot)
			continue;
		if (strcmp(dot, ".js") == 0)
			ck_assert_str_eq(type,
					 "text/javascript; charset=utf-8");
		else if (strcmp(dot, ".css") == 0)
			ck_assert_str_eq(type, "text/css; charset=utf-8");
		else
			ck_assert_str_eq(type, "image/svg+xml");
	}
}
END_TEST

static Suite *page_suite(void)
{
	Suite *s = suite_create("page");
	TCase *c = tcase_create("page");

	tcase_add_test(c, the_page_itself);
	tcase_add_test(c, what_is_not_there);
	tcase_add_test(c, files_are_their_sources);
	tcase_add_test(c, tags);
	tcase_add_test(c, types);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(page_suite)
