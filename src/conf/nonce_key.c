#include "conf/nonce_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"
#include "turn/nonce.h"

#define NAME "nonce.key"
#define NEW_NAME "nonce.key.new"
/* The digits and a newline. */
#define FILE_BYTES (2 * NONCE_KEY_BYTES + 1)

/* Where the key is kept, and whom what is made there belongs to. */
struct place {
	const char *dir;
	int dir_fd;
	uid_t uid;
	gid_t gid;
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

static bool give_away(const struct place *p, int fd)
{
	/* Only root can, and only then it is asked for. */
	return p->uid == (uid_t)-1 || fchown(fd, p->uid, p->gid) == 0;
}

/* Reads at most `size` bytes; returns how many or a negative errno. */
static ssize_t read_some(int fd, uint8_t *out, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, out + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
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
	len = read_some(fd, text, sizeof(text));
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

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t done = write(fd, data, len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return false;
		data += done;
		len -= (size_t)done;
	}
	return true;
}

/* Writes, flushes and closes a new file; false with errno set. */
static bool write_file(const struct place *p, int fd, const char *text)
{
	bool ok = give_away(p, fd) && write_all(fd, text, FILE_BYTES) &&
		  fsync(fd) == 0;
	int error = errno;

	ok &= close(fd) == 0;
	if (error)
		errno = error;
	return ok;
}

static bool keep(const struct place *p, const struct secret *key)
{
	char text[FILE_BYTES];
	bool ok;
	int fd;

	/* What a crash may have left. */
	unlinkat(p->dir_fd, NEW_NAME, 0);
	fd = openat(p->dir_fd, NEW_NAME,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return fail(p, "cannot be made", errno);

	hex_encode(secret_bytes(key), text);
	text[FILE_BYTES - 1] = '\n';
	errno = 0;
	ok = write_file(p, fd, text) &&
	     renameat(p->dir_fd, NEW_NAME, p->dir_fd, NAME) == 0 &&
	     fsync(p->dir_fd) == 0;
	crypto_wipe(text, sizeof(text));
	if (ok)
		return true;
	fail(p, "cannot be written", errno);
	unlinkat(p->dir_fd, NEW_NAME, 0);
	return false;
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

static int open_dir(const char *dir)
{
	return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Opens the directory, making it if need be; -1 with errno set. */
static int open_place(const struct place *p)
{
	int fd = open_dir(p->dir);

	if (fd >= 0 || errno != ENOENT || mkdir(p->dir, 0700) < 0)
		return fd;
	fd = open_dir(p->dir);
	if (fd >= 0 && !give_away(p, fd)) {
		close(fd);
		return -1;
	}
	return fd;
}

bool nonce_key_load(const char *state_dir, uid_t uid, gid_t gid,
		    struct secret *out, struct report *report)
{
	struct place p = {
		.dir = state_dir,
		.uid = uid,
		.gid = gid,
		.report = report,
	};
	bool ok;

	memset(out, 0, sizeof(*out));
	p.dir_fd = open_place(&p);
	if (p.dir_fd < 0)
		return fail(&p, "has no directory", errno);
	ok = load_in(&p, out);
	close(p.dir_fd);
	if (!ok)
		secret_wipe(out);
	return ok;
}
