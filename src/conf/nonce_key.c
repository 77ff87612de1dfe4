#include "conf/nonce_key.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "conf/kept_file.h"
#include "turn/nonce.h"

#define NAME "nonce.key"
/* The digits and a newline. */
#define FILE_BYTES (2 * NONCE_KEY_BYTES + 1)

/* Where the key is kept, and whom what is made there belongs to. */
struct place {
	const char *dir;
	int dir_fd;
	struct kept_owner owner;
	struct report *report;
};

static bool fail(const struct place *p, const char *what, int error)
{
	report_error(p->report, 0,
		     "%s/%s %s: %s; expected a directory that the server may "
		     "write to, see state_dir, or nonce.key in the "
		     "configuration",
		     p->dir, NAME, what, strerror(error));
	return false;
}

static bool is_private(const struct place *p, int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(p, "cannot be examined", errno);
	if (S_ISREG(st.st_mode) && (st.st_mode & 077) == 0)
		return true;
	report_error(p->report, 0,
		     "%s/%s is not a file that its owner alone can read; "
		     "expected one of mode 0600: remove it, and another key "
		     "is made",
		     p->dir, NAME);
	return false;
}

static bool read_key(const struct place *p, int fd, struct secret *out)
{
	uint8_t text[FILE_BYTES + 1];
	ssize_t len;
	bool ok;

	if (!is_private(p, fd))
		return false;
	len = kept_file_read(fd, text, sizeof(text));
	if (len < 0)
		return fail(p, "cannot be read", (int)-len);

	ok = len == FILE_BYTES && text[FILE_BYTES - 1] == '\n' &&
	     hex_decode(bytes_of(text, FILE_BYTES - 1), out->bytes,
			NONCE_KEY_BYTES);
	crypto_wipe(text, sizeof(text));
	if (ok)
		out->len = NONCE_KEY_BYTES;
	else
		report_error(p->report, 0,
			     "%s/%s holds something else; expected %d "
			     "hexadecimal digits: remove it, and another key "
			     "is made",
			     p->dir, NAME, 2 * NONCE_KEY_BYTES);
	return ok;
}

static bool keep(const struct place *p, const struct secret *key)
{
	char text[FILE_BYTES];
	int error;

	hex_encode(secret_bytes(key), text);
	text[FILE_BYTES - 1] = '\n';
	error = kept_file_write(p->dir_fd, NAME, bytes_of(text, sizeof(text)),
				0600, p->owner);
	crypto_wipe(text, sizeof(text));
	return !error || fail(p, "cannot be written", -error);
}

static bool make_key(const struct place *p, struct secret *out)
{
	if (getrandom(out->bytes, NONCE_KEY_BYTES, 0) != NONCE_KEY_BYTES)
		return fail(p, "cannot be made at random", errno);
	out->len = NONCE_KEY_BYTES;
	return keep(p, out);
}

static bool load_in(const struct place *p, struct secret *out)
{
	int fd = openat(p->dir_fd, NAME,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool ok;

	if (fd < 0 && errno == ENOENT)
		return make_key(p, out);
	if (fd < 0)
		return fail(p, "cannot be opened", errno);
	ok = read_key(p, fd, out);
	close(fd);
	return ok;
}

bool nonce_key_load(const char *state_dir, uid_t uid, gid_t gid,
		    struct secret *out, struct report *report)
{
	struct place p = {
		.dir = state_dir,
		.owner = { uid, gid },
		.report = report,
	};
	bool ok;

	memset(out, 0, sizeof(*out));
	p.dir_fd = kept_file_open_dir(state_dir, p.owner);
	if (p.dir_fd < 0)
		return fail(&p, "has no directory", -p.dir_fd);
	ok = load_in(&p, out);
	close(p.dir_fd);
	if (!ok)
		secret_wipe(out);
	return ok;
}
