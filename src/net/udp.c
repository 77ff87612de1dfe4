#include "net/udp.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <unistd.h>

#include "net/reuseport.h"
#include "net/sockaddr.h"

static int set_option(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof(value)) ? -errno : 0;
}

/* The forced form is not clamped to net.core.[rw]mem_max, but needs rights. */
static int set_buffer(int fd, int forced, int plain, int bytes)
{
	if (!set_option(fd, SOL_SOCKET, forced, bytes))
		return 0;
	return set_option(fd, SOL_SOCKET, plain, bytes);
}

/* A socket with all options, not bound. */
static int open_socket(const struct addr *local, int buffer_bytes)
{
	int err, fd;

	if (local->family != ADDR_IPV4)
		return -EAFNOSUPPORT;
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = set_option(fd, IPPROTO_IP, IP_RECVTOS, 1);
	if (!err)
		err = set_option(fd, IPPROTO_IP, IP_MTU_DISCOVER,
				 IP_PMTUDISC_OMIT);
	if (!err)
		err = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes);
	if (!err)
		err = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
	if (err) {
		close(fd);
		return err;
	}
	/* Linux before 5.0 has none; datagrams then come one by one. */
	set_option(fd, IPPROTO_UDP, UDP_GRO, 1);
	return fd;
}

static int bind_to(int fd, const struct addr *local)
{
	union sockaddr_any sa;
	socklen_t len = sockaddr_from_addr(local, &sa);

	return bind(fd, &sa.any, len) ? -errno : 0;
}

/* Until stop_refusing(), what arrives at the socket is dropped. */
static int refuse(int fd)
{
	struct sock_filter code = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog program = { .len = 1, .filter = &code };

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
		       sizeof(program)))
		return -errno;
	return 0;
}

static int stop_refusing(int fd)
{
	return set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0);
}

/*
 * Adds a socket to the group. The first brings the program before it is bound:
 * then it is the first at its address or bind() fails. The others join it.
 */
static int open_member(const struct addr *local, uint16_t count, bool first,
		       int buffer_bytes)
{
	int fd = open_socket(local, buffer_bytes);
	int err;

	if (fd < 0)
		return fd;
	err = set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	if (!err)
		err = refuse(fd);
	if (!err && first)
		err = reuseport_attach(fd, count);
	if (!err)
		err = bind_to(fd, local);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

static int open_group(struct addr local, uint16_t count, int buffer_bytes,
		      int *fds)
{
	uint16_t opened;
	int err = 0;

	for (opened = 0; opened < count; opened++) {
		if (opened == 1) /* port 0 has become a port */
			err = udp_local(fds[0], &local);
		if (err)
			goto out;
		fds[opened] =
			open_member(&local, count, opened == 0, buffer_bytes);
		if (fds[opened] < 0) {
			err = fds[opened];
			goto out;
		}
	}
	for (uint16_t i = 0; !err && i < count; i++)
		err = stop_refusing(fds[i]);
out:
	while (err && opened > 0)
		close(fds[--opened]);
	return err;
}

int udp_open_listeners(const struct addr *local, uint16_t count,
		       int buffer_bytes, int *fds)
{
	assert(count > 0);

	if (count > 1)
		return open_group(*local, count, buffer_bytes, fds);
	fds[0] = udp_open_relay(local, buffer_bytes);
	return fds[0] < 0 ? fds[0] : 0;
}

int udp_open_relay(const struct addr *local, int buffer_bytes)
{
	int fd = open_socket(local, buffer_bytes);
	int err;

	if (fd < 0)
		return fd;
	err = bind_to(fd, local);
	if (err) {
		close(fd);
		return err;
	}
	return fd;
}

/* The kernel doubles what was asked for, for its own bookkeeping. */
static int get_buffer(int fd, int name)
{
	int bytes = 0;
	socklen_t len = sizeof(bytes);

	if (getsockopt(fd, SOL_SOCKET, name, &bytes, &len))
		return -errno;
	return bytes / 2;
}

int udp_buffer_granted(int fd)
{
	int receive = get_buffer(fd, SO_RCVBUF);
	int send = get_buffer(fd, SO_SNDBUF);

	return receive < send ? receive : send;
}

void udp_look(int fd, struct udp_look *out)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	/* What fails leaves it as it is. */
	(void)getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	out->drops = info[SK_MEMINFO_DROPS];
	out->waiting_bytes = info[SK_MEMINFO_RMEM_ALLOC];
	out->room_bytes = info[SK_MEMINFO_RCVBUF];
}

uint32_t udp_drops(int fd)
{
	struct udp_look look;

	udp_look(fd, &look);
	return look.drops;
}

int udp_local(int fd, struct addr *local)
{
	union sockaddr_any sa;
	socklen_t len = sizeof(sa);

	if (getsockname(fd, &sa.any, &len))
		return -errno;
	return sockaddr_to_addr(&sa, len, local) ? 0 : -EAFNOSUPPORT;
}
