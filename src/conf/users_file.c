#include "conf/users_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void refuse_passwords(const struct document_list *list,
			     struct report *report)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct value *v =
			document_value(&list->items[i], OPT_USERS_PASSWORD);

		if (v->is_given)
			report_error(report, v->line,
				     "a password in the users file; expected "
				     "key_md5 or key_sha256 in its place");
	}
}

static void check_mode(const struct source *source, const char *path,
		       struct report *report)
{
	if (source->mode & 06)
		report_warning(report, 0,
			       "holds keys, and every user of this machine "
			       "can %s it; chmod 640 %s",
			       (source->mode & 02) ? "write" : "read", path);
}

static void read_source(struct document *out, struct source *source,
			const char *path, struct report *report)
{
	if (source_check(source, report) &&
	    document_parse_list(out, GROUP_USERS, source, report)) {
		refuse_passwords(&out->lists[GROUP_USERS], report);
		check_mode(source, path, report);
	}
	source_fini(source);
}

static bool is_absent(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 && (errno == ENOENT || errno == ENOTDIR);
}

void users_file_read(struct document *out, const char *path,
		     struct report *report)
{
	struct source source;

	memset(out, 0, sizeof(*out));
	if (is_absent(path))
		return;
	report_enter(report, path);
	if (source_read(&source, path, report))
		read_source(out, &source, path, report);
	report_leave(report);
}
