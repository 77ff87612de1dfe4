#include "conf/kept_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int give_away(int fd, struct kept_owner owner)
{
	/* Only root can, and only then it is asked for. */
	if (owner.uid == (uid_t)-1 && owner.gid == (gid_t)-1)
		return 0;
	return fchown(fd, owner.uid, owner.gid) < 0 ? -errno : 0;
}

static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int kept_file_open_dir(const char *dir, struct kept_owner owner)
{
	int fd = open_dir(dir), error;

	if (fd != -ENOENT)
		return fd;
	if (mkdir(dir, 0700) < 0)
		return -errno;
	fd = open_dir(dir);
	error = fd < 0 ? 0 : give_away(fd, owner);
	if (!error)
		return fd;
	close(fd);
	return error;
}

static int write_all(int fd, struct bytes text)
{
	while (text.len > 0) {
		ssize_t done = write(fd, text.data, text.len);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		text = bytes_of(text.data + done, text.len - (size_t)done);
	}
	return 0;
}

/* Writes, flushes and closes a new file. */
static int fill(int fd, struct bytes text, mode_t mode, struct kept_owner owner)
{
	int error = give_away(fd, owner);

	/* The mode of open() is what the umask leaves of it. */
	if (!error && fchmod(fd, mode) < 0)
		error = -errno;
	if (!error)
		error = write_all(fd, text);
	if (!error && fsync(fd) < 0)
		error = -errno;
	if (close(fd) < 0 && !error)
		error = -errno;
	return error;
}

/* From then on it is there, whatever happens. */
static int put_in_place(int dir_fd, const char *new_name, const char *name)
{
	if (renameat(dir_fd, new_name, dir_fd, name) < 0 || fsync(dir_fd) < 0)
		return -errno;
	return 0;
}

int kept_file_write(int dir_fd, const char *name, struct bytes text,
		    mode_t mode, struct kept_owner owner)
{
	char new_name[KEPT_FILE_NAME_MAX_BYTES + 1];
	int fd, error;

	if (snprintf(new_name, sizeof(new_name), "%s.new", name) >=
	    (int)sizeof(new_name))
		return -ENAMETOOLONG;
	/* What a crash may have left. */
	unlinkat(dir_fd, new_name, 0);
	fd = openat(dir_fd, new_name,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	error = fill(fd, text, mode, owner);
	if (!error)
		error = put_in_place(dir_fd, new_name, name);
	if (error)
		unlinkat(dir_fd, new_name, 0);
	return error;
}

ssize_t kept_file_read(int fd, void *out, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(fd, (char *)out + used, size - used);

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
