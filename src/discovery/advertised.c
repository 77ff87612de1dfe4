#include "discovery/advertised.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "turn/peer_policy.h"

#define FIRST_LINE "turnpike-advertised 1"
#define TIME_FORMAT "%Y-%m-%dT%H:%M:%SZ"
#define TIME_BYTES 32
#define SOURCE_LETTERS                               \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP" \
	"QRSTUVWXYZ0123456789.:-"

const char *advertised_explain(enum advertised_result result)
{
	switch (result) {
	case ADVERTISED_OK:
		return "is good";
	case ADVERTISED_ABSENT:
		return "is not there";
	case ADVERTISED_UNREADABLE:
		return "cannot be read";
	case ADVERTISED_MALFORMED:
		return "is not as turnpike-address writes it";
	case ADVERTISED_NOT_PUBLIC:
		break;
	}
	return "names an address that is not a public one";
}

bool advertised_is_fit(const struct addr *a)
{
	return a->family == ADDR_IPV4 && !peer_is_special_purpose(a);
}

const char *advertised_path(const char *directories,
			    char out[ADVERTISED_PATH_BYTES])
{
	size_t len = directories ? strcspn(directories, ":") : 0;

	if (len == 0) {
		directories = ADVERTISED_DIRECTORY;
		len = strlen(directories);
	}
	/* Of a cut path there must be no file. */
	if (len > ADVERTISED_PATH_BYTES - sizeof("/" ADVERTISED_NAME))
		len = 0;
	snprintf(out, ADVERTISED_PATH_BYTES, "%.*s/%s", (int)len, directories,
		 len > 0 ? ADVERTISED_NAME : "");
	return out;
}

/* --- reading --- */

/* Takes a line "NAME VALUE" from the front of the text. */
static bool take_line(char **at, const char *name, char **value)
{
	size_t len = strlen(name);
	char *end = strchr(*at, '\n');

	if (!end || strncmp(*at, name, len) != 0 || (*at)[len] != ' ')
		return false;
	*end = '\0';
	*value = *at + len + 1;
	*at = end + 1;
	return true;
}

static bool parse_source(const char *text, char out[ADVERTISED_SOURCE_BYTES])
{
	size_t len = strlen(text);

	if (len == 0 || len >= ADVERTISED_SOURCE_BYTES ||
	    strspn(text, SOURCE_LETTERS) != len)
		return false;
	memcpy(out, text, len + 1);
	return true;
}

static const char *print_time(int64_t s, char out[TIME_BYTES])
{
	time_t when = (time_t)s;
	struct tm tm;

	if (!gmtime_r(&when, &tm) ||
	    strftime(out, TIME_BYTES, TIME_FORMAT, &tm) == 0)
		out[0] = '\0';
	return out;
}

/* One spelling only. */
static bool parse_time(const char *text, int64_t *out)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *end = strptime(text, TIME_FORMAT, &tm);
	char again[TIME_BYTES];

	if (!end || *end != '\0')
		return false;
	*out = timegm(&tm);
	return *out > 0 && !strcmp(print_time(*out, again), text);
}

enum advertised_result advertised_parse(struct bytes text,
					struct advertised *out)
{
	struct advertised a = { .found_s = 0 };
	char copy[ADVERTISED_FILE_BYTES] = "", *at = copy;
	char *version, *address, *source, *found;

	if (text.len >= sizeof(copy) || memchr(text.data, '\0', text.len))
		return ADVERTISED_MALFORMED;
	/* The NUL behind it is there already. */
	memcpy(copy, text.data, text.len);
	if (!take_line(&at, "turnpike-advertised", &version) ||
	    strcmp(version, "1") != 0 || !take_line(&at, "address", &address) ||
	    !take_line(&at, "source", &source) ||
	    !take_line(&at, "time", &found) || *at != '\0' ||
	    !addr_parse(address, &a.address) ||
	    !parse_source(source, a.source) || !parse_time(found, &a.found_s))
		return ADVERTISED_MALFORMED;
	if (!advertised_is_fit(&a.address))
		return ADVERTISED_NOT_PUBLIC;
	*out = a;
	return ADVERTISED_OK;
}

/* Reads what there is, up to `size`; -1 on an error. */
static ssize_t read_all(int fd, char *out, size_t size)
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

static enum advertised_result read_open(int fd, struct advertised *out)
{
	char text[ADVERTISED_FILE_BYTES];
	struct stat st;
	ssize_t len;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return ADVERTISED_UNREADABLE;
	len = read_all(fd, text, sizeof(text));
	if (len < 0)
		return ADVERTISED_UNREADABLE;
	return advertised_parse(bytes_of(text, (size_t)len), out);
}

enum advertised_result advertised_read(const char *path, struct advertised *out)
{
	/* Not to wait for the other end of a FIFO. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	enum advertised_result result;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? ADVERTISED_ABSENT
			       : ADVERTISED_UNREADABLE;
	result = read_open(fd, out);
	close(fd);
	return result;
}

/* --- writing --- */

size_t advertised_print(const struct advertised *a,
			char out[ADVERTISED_FILE_BYTES])
{
	char address[ADDR_TEXT_BYTES], found[TIME_BYTES];

	return (size_t)snprintf(out, ADVERTISED_FILE_BYTES,
				FIRST_LINE "\naddress %s\nsource %s\ntime %s\n",
				addr_print(&a->address, address), a->source,
				print_time(a->found_s, found));
}

/* Returns 0 or a negative errno. */
static int fill(int fd, const char *text, size_t len)
{
	ssize_t written = write(fd, text, len);

	if (written < 0)
		return -errno;
	if ((size_t)written < len)
		return -ENOSPC;
	/* Whatever the umask: who asks what is advertised may be told. */
	return fchmod(fd, 0644) < 0 ? -errno : 0;
}

static int replace(const char *path, const char *beside, const char *text,
		   size_t len)
{
	int fd, error;

	/* One that was left behind, or put there, is not written through. */
	if (unlink(beside) < 0 && errno != ENOENT)
		return -errno;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
		  0644);
	if (fd < 0)
		return -errno;
	error = fill(fd, text, len);
	if (close(fd) < 0 && !error)
		error = -errno;
	if (!error && rename(beside, path) < 0)
		error = -errno;
	if (error)
		unlink(beside);
	return error;
}

int advertised_write(const char *path, const struct advertised *a)
{
	char text[ADVERTISED_FILE_BYTES], beside[ADVERTISED_PATH_BYTES];
	size_t len = advertised_print(a, text);

	if (snprintf(beside, sizeof(beside), "%s.new", path) >=
	    (int)sizeof(beside))
		return -ENAMETOOLONG;
	return replace(path, beside, text, len);
}
