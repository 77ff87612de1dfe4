#include "net_fixture.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <netinet/udp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#define BUFFER_BYTES (4 << 20)
#define WAIT_MS 5000

static void set_int(int fd, int level, int name, int value)
{
	ck_assert_int_eq(setsockopt(fd, level, name, &value, sizeof(value)), 0);
}

struct sockaddr_in net_sockaddr(const struct addr *a)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(a->port),
		.sin_addr.s_addr = htonl(addr_ipv4_value(a)),
	};
}

int net_socket(uint32_t ip)
{
	struct addr a = addr_ipv4(ip, 0);
	struct sockaddr_in local = net_sockaddr(&a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	set_int(fd, SOL_SOCKET, SO_RCVBUF, BUFFER_BYTES);
	set_int(fd, SOL_SOCKET, SO_SNDBUF, BUFFER_BYTES);
	set_int(fd, IPPROTO_IP, IP_RECVTOS, 1);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&local, sizeof(local)), 0);
	return fd;
}

struct addr net_local(int fd)
{
	struct sockaddr_in sa;
	socklen_t len = sizeof(sa);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&sa, &len), 0);
	return addr_ipv4(ntohl(sa.sin_addr.s_addr), ntohs(sa.sin_port));
}

void net_send(int fd, const struct addr *to, const void *data, size_t len)
{
	struct sockaddr_in sa = net_sockaddr(to);

	ck_assert_int_eq(
		sendto(fd, data, len, 0, (struct sockaddr *)&sa, sizeof(sa)),
		(ssize_t)len);
}

void net_send_segments(int fd, const struct addr *to, const void *data,
		       size_t len, uint16_t segment)
{
	set_int(fd, SOL_UDP, UDP_SEGMENT, segment);
	net_send(fd, to, data, len);
	set_int(fd, SOL_UDP, UDP_SEGMENT, 0);
}

size_t net_receive(int fd, void *out, size_t size, struct addr *from, int *tos)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
	struct pollfd wait = { .fd = fd, .events = POLLIN };
	struct iovec vector = { out, size };
	struct sockaddr_in sa;
	struct msghdr h = {
		.msg_name = &sa,
		.msg_namelen = sizeof(sa),
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	ck_assert_int_eq(poll(&wait, 1, WAIT_MS), 1);
	n = recvmsg(fd, &h, 0);
	ck_assert_int_ge(n, 0);
	ck_assert_int_eq(h.msg_flags & MSG_TRUNC, 0);
	if (from)
		*from = addr_ipv4(ntohl(sa.sin_addr.s_addr),
				  ntohs(sa.sin_port));
	if (tos)
		*tos = *CMSG_DATA(CMSG_FIRSTHDR(&h));
	return (size_t)n;
}

bool net_is_empty(int fd)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	return poll(&wait, 1, 0) == 0;
}

unsigned net_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

void net_fill(void *out, size_t len, uint64_t seed)
{
	uint8_t *at = out;

	for (size_t i = 0; i < len; i++) {
		if (i % 8 == 0)
			unit_random(&seed);
		at[i] = (uint8_t)(seed >> i % 8 * 8);
	}
}
