#include "conf/control_token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"
#include "base/hex.h"

/* Of a token that is made. */
#define RANDOM_BYTES 32

static bool fail(const char *path, const char *what, int error,
		 struct report *report)
{
	report_error(report, 0,
		     "%s %s: %s; expected a directory that the server may "
		     "write to, see state_dir, or control.token_file",
		     path, what, strerror(error));
	return false;
}

static bool is_private(const char *path, int fd, struct report *report)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(path, "cannot be examined", errno, report);
	if (S_ISREG(st.st_mode) && (st.st_mode & 07) == 0)
		return true;
	report_error(report, 0,
		     "%s is not a file, or every user of this machine may use "
		     "it; expected a file of mode 0640",
		     path);
	return false;
}

static bool read_token(const char *path, int fd,
		       char out[ACCESS_TOKEN_MAX_BYTES + 1],
		       struct report *report)
{
	char text[ACCESS_TOKEN_MAX_BYTES + 2];
	ssize_t len;
	bool ok;

	if (!is_private(path, fd, report))
		return false;
	len = kept_file_read(fd, text, sizeof(text) - 1);
	if (len < 0)
		return fail(path, "cannot be read", (int)-len, report);
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	ok = access_is_token(text);
	if (ok)
		memcpy(out, text, strlen(text) + 1);
	else
		report_error(report, 0,
			     "%s holds no token; expected a line of %d to %d "
			     "letters, digits and -._~+/=",
			     path, ACCESS_TOKEN_MIN_BYTES,
			     ACCESS_TOKEN_MAX_BYTES);
	crypto_wipe(text, sizeof(text));
	return ok;
}

/* In the state directory, under the last part of the path. */
static bool make_token(const struct conf *conf, struct kept_owner owner,
		       char out[ACCESS_TOKEN_MAX_BYTES + 1],
		       struct report *report)
{
	const char *path = conf->control.token_file;
	uint8_t bytes[RANDOM_BYTES];
	int dir, error;

	if (getrandom(bytes, sizeof(bytes), 0) != (ssize_t)sizeof(bytes))
		return fail(path, "cannot be made at random", errno, report);
	dir = kept_file_open_dir(conf->state_dir, owner);
	if (dir < 0)
		return fail(path, "has no directory", -dir, report);
	hex_encode(bytes_of(bytes, sizeof(bytes)), out);
	out[2 * RANDOM_BYTES] = '\n';
	error = kept_file_write(dir, strrchr(path, '/') + 1,
				bytes_of(out, 2 * RANDOM_BYTES + 1), 0640,
				owner);
	close(dir);
	out[2 * RANDOM_BYTES] = '\0';
	crypto_wipe(bytes, sizeof(bytes));
	return !error || fail(path, "cannot be written", -error, report);
}

bool control_token_load(const struct conf *conf, struct kept_owner owner,
			char out[ACCESS_TOKEN_MAX_BYTES + 1],
			struct report *report)
{
	const char *path = conf->control.token_file;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool ok;

	if (fd < 0 && errno == ENOENT && conf->control.token_is_kept)
		return make_token(conf, owner, out, report);
	if (fd < 0)
		return fail(path, "cannot be opened", errno, report);
	ok = read_token(path, fd, out, report);
	close(fd);
	return ok;
}
