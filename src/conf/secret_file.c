#include "conf/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crypto.h"

/* What is to be read, and what is said of it. */
struct reading {
	const char *path;
	const char *what;
	unsigned line;
	struct report *report;
};

static size_t refuse(const struct reading *r, const char *found)
{
	char quoted[REPORT_QUOTE_BYTES];

	report_error(r->report, r->line,
		     "%s %s %s; expected a file that holds the secret alone",
		     r->what, report_quote(bytes_str(r->path), quoted), found);
	return 0;
}

static size_t refuse_errno(const struct reading *r, const char *found)
{
	char text[128];

	snprintf(text, sizeof(text), "%s: %s", found, strerror(errno));
	return refuse(r, text);
}

/* Whether the open file is one to read. */
static bool is_fit(const struct reading *r, int fd)
{
	char quoted[REPORT_QUOTE_BYTES];
	struct stat st;

	if (fstat(fd, &st) < 0) {
		refuse_errno(r, "cannot be examined");
		return false;
	}
	if (!S_ISREG(st.st_mode)) {
		refuse(r, "is not a regular file");
		return false;
	}
	if (st.st_mode & 06)
		report_warning(r->report, r->line,
			       "%s %s is open to every user of this machine; "
			       "chmod 640 it",
			       r->what,
			       report_quote(bytes_str(r->path), quoted));
	return true;
}

/* Reads at most `size` bytes; returns how many, or -1 and errno. */
static ssize_t read_some(int fd, char *out, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, out + used, size - used);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		if (got == 0)
			break;
		used += (size_t)got;
	}
	return (ssize_t)used;
}

/* `size` bytes are read, so that it shows if there are too many. */
static size_t read_open(const struct reading *r, int fd, char *out, size_t size)
{
	ssize_t got;
	size_t len;

	if (!is_fit(r, fd))
		return 0;
	got = read_some(fd, out, size);
	if (got < 0)
		return refuse_errno(r, "cannot be read");
	len = (size_t)got;
	if (len > 0 && out[len - 1] == '\n')
		len -= len > 1 && out[len - 2] == '\r' ? 2 : 1;
	if (len == size)
		return refuse(r, "holds too much");
	if (memchr(out, '\0', len))
		return refuse(r, "holds a NUL");
	if (len == 0)
		return refuse(r, "is empty");
	out[len] = '\0';
	return len;
}

size_t secret_file_read(const char *path, const char *what, unsigned line,
			char *out, size_t size, struct report *report)
{
	const struct reading r = { path, what, line, report };
	size_t len = 0;
	int fd;

	if (path[0] != '/') {
		refuse(&r, "does not begin with /");
		return 0;
	}
	/* Not to wait for the other end of a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return refuse_errno(&r, "cannot be opened");
	len = read_open(&r, fd, out, size);
	if (len == 0)
		crypto_wipe(out, size);
	close(fd);
	return len;
}
