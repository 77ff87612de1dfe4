/*
 * The status page: the files of src/ctl/page, compiled into the program, so
 * that what is served always fits the API beside it and no file need be found.
 * They are read-only data: a page of memory that nobody asks for stays on disk.
 */
#ifndef TURNPIKE_CTL_PAGE_H
#define TURNPIKE_CTL_PAGE_H

#include <stddef.h>
#include <stdint.h>

/*
 * The Content-Security-Policy that every file is served with. The page needs
 * nothing else: its scripts and styles are files, it asks its own server only,
 * and nobody may frame it.
 */
#define PAGE_POLICY                                                 \
	"default-src 'none'; script-src 'self'; style-src 'self'; " \
	"img-src 'self'; connect-src 'self'; base-uri 'none'; "     \
	"form-action 'none'; frame-ancestors 'none'"

struct page_file {
	const char *path; /* in a URL: "/" or "/page/NAME" */
	const char *type; /* the value of Content-Type */
	const uint8_t *bytes;
	size_t len;
	const char *etag; /* of these bytes, with its quotes */
};

/* All of them, made from src/ctl/page by src/ctl/embed. */
extern const struct page_file page_files[];
extern const size_t page_file_count;

/* The file at exactly this path, or NULL. */
const struct page_file *page_find(const char *path);

#endif
