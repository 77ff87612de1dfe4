#include "worker/notify.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define MESSAGE_BYTES 512

/* A path, or with @ in front a name; 0 if it is neither. */
static socklen_t address_of(const char *text, struct sockaddr_un *out)
{
	size_t len = strlen(text);

	if ((text[0] != '/' && text[0] != '@') || len < 2 ||
	    len >= sizeof(out->sun_path))
		return 0;
	memset(out, 0, sizeof(*out));
	out->sun_family = AF_UNIX;
	memcpy(out->sun_path, text, len);
	if (text[0] == '@')
		out->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

/* sd_notify() would wait for room. */
static bool send_to(const char *where, const char *message, size_t len)
{
	struct sockaddr_un sa;
	socklen_t sa_len = address_of(where, &sa);
	ssize_t sent;
	int fd;

	if (!sa_len)
		return false;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	sent = sendto(fd, message, len, MSG_NOSIGNAL,
		      (const struct sockaddr *)&sa, sa_len);
	close(fd);
	return sent >= 0;
}

bool notify_send(const char *format, ...)
{
	const char *where = getenv("NOTIFY_SOCKET");
	char message[MESSAGE_BYTES];
	va_list args;

	if (!where)
		return true;
	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	return send_to(where, message, strlen(message));
}
