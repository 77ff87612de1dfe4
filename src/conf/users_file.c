#include "conf/users_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/opaque.h"
#include "conf/kept_file.h"

#define FILE_MODE 0640

/* Preparing a text makes it at most three times as long. */
#define PREPARED_MAX_BYTES 4096

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

static const struct kept_owner ours = { (uid_t)-1, (gid_t)-1 };

/* Whether a text of the file is, prepared, that one. */
static bool is_prepared(const struct value *v, const char *prepared)
{
	char text[PREPARED_MAX_BYTES];

	return v->is_set && !opaque_string(v->as.text, text, sizeof(text)) &&
	       !strcmp(text, prepared);
}

const struct document_item *users_file_find(const struct document *d,
					    const char *name, const char *realm,
					    const char *first_realm)
{
	const struct document_list *list = &d->lists[GROUP_USERS];

	for (size_t i = 0; i < list->count; i++) {
		const struct document_item *item = &list->items[i];
		const struct value *r = document_value(item, OPT_USERS_REALM);

		if (!is_prepared(document_value(item, OPT_USERS_NAME), name))
			continue;
		if (r->is_set ? is_prepared(r, realm)
			      : !strcmp(realm, first_realm))
			return item;
	}
	return NULL;
}

static void write_key(const uint8_t *key, size_t len, FILE *to)
{
	char digits[2 * VALUE_KEY_MAX_BYTES];

	hex_encode(bytes_of(key, len), digits);
	fprintf(to, "\"%.*s\"", (int)(2 * len), digits);
	crypto_wipe(digits, sizeof(digits));
}

static void write_option(const struct value *v, enum option_id id, FILE *to)
{
	if (!v->is_given || !v->is_set)
		return;
	fprintf(to, " %s = ", options[id].name);
	if (options[id].type == OPTION_KEY)
		write_key(v->as.key, (size_t)options[id].max, to);
	else
		value_write(v, id, to);
	fputc(';', to);
}

static void write_item(const struct document_item *item, FILE *to)
{
	enum option_id first = option_first(GROUP_USERS);

	for (size_t i = 0; i < option_count(GROUP_USERS); i++)
		write_option(&item->values[i], (enum option_id)(first + i), to);
}

static void write_text(const char *text, enum option_id id, FILE *to)
{
	struct value v = { .is_set = true, .is_given = true };

	/* It is only read. */
	v.as.text = (char *)text;
	write_option(&v, id, to);
}

static void write_number(int64_t number, enum option_id id, FILE *to)
{
	struct value v = { .is_set = number != 0, .is_given = true };

	v.as.number = number;
	write_option(&v, id, to);
}

static void write_secret(const struct secret *key, enum option_id id, FILE *to)
{
	fprintf(to, " %s = ", options[id].name);
	write_key(key->bytes, key->len, to);
	fputc(';', to);
}

static void write_user(const struct users_file_user *u, FILE *to)
{
	write_text(u->name, OPT_USERS_NAME, to);
	write_secret(&u->keys.md5, OPT_USERS_KEY_MD5, to);
	write_secret(&u->keys.sha256, OPT_USERS_KEY_SHA256, to);
	write_text(u->realm, OPT_USERS_REALM, to);
	write_number(u->allocations, OPT_USERS_ALLOCATIONS, to);
	write_number((int64_t)u->rate, OPT_USERS_RATE, to);
	write_number(u->disabled, OPT_USERS_DISABLED, to);
}

static void write_all(const struct document *d,
		      const struct document_item *without,
		      const struct users_file_user *with, FILE *to)
{
	const struct document_list *list = &d->lists[GROUP_USERS];
	const char *before = "\n\t{";

	fputs("# Written by turnpiked; see turnpike.conf(5).\nusers = (", to);
	for (size_t i = 0; i < list->count; i++) {
		if (&list->items[i] == without)
			continue;
		fputs(before, to);
		write_item(&list->items[i], to);
		before = " },\n\t{";
	}
	if (with) {
		fputs(before, to);
		write_user(with, to);
		before = " },\n\t{";
	}
	fputs(before[0] == ' ' ? " }\n);\n" : " );\n", to);
}

/* A copy of the directory's part of a path; the caller frees it. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == path ? strdup("/")
			     : strndup(path, (size_t)(slash - path));
}

static int keep(const char *path, struct bytes text)
{
	char *dir = directory_of(path);
	int fd = dir ? kept_file_open_dir(dir, ours) : -ENOMEM;
	int error;

	free(dir);
	if (fd < 0)
		return fd;
	error = kept_file_write(fd, strrchr(path, '/') + 1, text, FILE_MODE,
				ours);
	close(fd);
	return error;
}

int users_file_write(const char *path, const struct document *d,
		     const struct document_item *without,
		     const struct users_file_user *with)
{
	char *text = NULL;
	size_t len = 0;
	FILE *to = open_memstream(&text, &len);
	int error;

	if (!to)
		return -ENOMEM;
	write_all(d, without, with, to);
	error = ferror(to) ? -ENOMEM : 0;
	if (fclose(to) != 0)
		error = -ENOMEM;
	if (!error && len > SOURCE_MAX_BYTES)
		error = -EFBIG;
	if (!error)
		error = keep(path, bytes_of(text, len));
	if (text)
		crypto_wipe(text, len);
	free(text);
	return error;
}

bool users_file_is_writable(const char *path)
{
	char *dir = directory_of(path);
	bool ok = dir && access(dir, W_OK | X_OK) == 0;

	free(dir);
	return ok;
}
