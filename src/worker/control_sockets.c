#include "worker/control_sockets.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/sockaddr.h"

/* As many as ctl/http.h serves at a time. */
#define BACKLOG 64

#define SOCKET_MODE 0660
#define DIRECTORY_MODE 0755

static int open_socket(int family)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd < 0 ? -errno : fd;
}

static int close_with(int fd, int error)
{
	close(fd);
	return error;
}

/* The directory of a path, if it has to be made. */
static int make_directory(const char *path, struct kept_owner owner)
{
	char dir[PATH_MAX];
	size_t len = (size_t)(strrchr(path, '/') - path);

	if (len == 0 || len >= sizeof(dir))
		return 0;
	memcpy(dir, path, len);
	dir[len] = '\0';
	if (mkdir(dir, DIRECTORY_MODE) < 0)
		return errno == EEXIST ? 0 : -errno;
	/* The umask has taken from it what others need to come through. */
	if (chmod(dir, DIRECTORY_MODE) < 0)
		return -errno;
	if (owner.uid != (uid_t)-1 && chown(dir, owner.uid, owner.gid) < 0)
		return -errno;
	return 0;
}

/* Whether a process listens there; false too if there is no socket. */
static bool is_alive(const struct sockaddr_un *sa)
{
	int fd = open_socket(AF_UNIX);
	bool alive;

	if (fd < 0)
		return true;
	/* A full backlog is somebody's. */
	alive = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) == 0 ||
		errno == EAGAIN;
	close(fd);
	return alive;
}

/* Makes way, if what stands there is the socket of a process that is gone. */
static int remove_stale(const struct sockaddr_un *sa)
{
	struct stat st;

	if (lstat(sa->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	if (is_alive(sa))
		return -EADDRINUSE;
	return unlink(sa->sun_path) < 0 ? -errno : 0;
}

static int bind_unix(int fd, const struct sockaddr_un *sa,
		     struct kept_owner owner)
{
	if (bind(fd, (const struct sockaddr *)sa, sizeof(*sa)) < 0)
		return -errno;
	if (owner.gid != (gid_t)-1 &&
	    lchown(sa->sun_path, (uid_t)-1, owner.gid) < 0)
		return -errno;
	if (chmod(sa->sun_path, SOCKET_MODE) < 0)
		return -errno;
	return listen(fd, BACKLOG) < 0 ? -errno : 0;
}

int control_sockets_open_unix(const char *path, struct kept_owner owner)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	int fd, error;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	memcpy(sa.sun_path, path, strlen(path) + 1);
	error = make_directory(path, owner);
	if (!error)
		error = remove_stale(&sa);
	if (error)
		return error;
	fd = open_socket(AF_UNIX);
	if (fd < 0)
		return fd;
	error = bind_unix(fd, &sa, owner);
	return error ? close_with(fd, error) : fd;
}

int control_sockets_open_tcp(const struct addr *address)
{
	union sockaddr_any sa;
	socklen_t len = sockaddr_from_addr(address, &sa);
	int fd = open_socket(sa.any.sa_family), on = 1;

	if (fd < 0)
		return fd;
	/* Connections that have just ended are in nobody's way. */
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &sa.any, len) < 0 || listen(fd, BACKLOG) < 0)
		return close_with(fd, -errno);
	return fd;
}

void control_sockets_remove(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };

	memcpy(sa.sun_path, path, strlen(path) + 1);
	remove_stale(&sa);
}
