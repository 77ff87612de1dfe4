#include "common_udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/sock_diag.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UDP_HEADER_BYTES 8

bool udp_parse(const char *text, struct sockaddr_in *out)
{
	char ip[INET_ADDRSTRLEN];
	const char *colon = strchr(text, ':');
	struct in_addr addr;
	unsigned long port;
	char *end;

	if (!colon || (size_t)(colon - text) >= sizeof(ip))
		return false;
	memcpy(ip, text, (size_t)(colon - text));
	ip[colon - text] = '\0';
	port = strtoul(colon + 1, &end, 10);
	if (*end || port > UINT16_MAX || inet_pton(AF_INET, ip, &addr) != 1)
		return false;
	*out = udp_addr(ntohl(addr.s_addr), (uint16_t)port);
	return true;
}

struct sockaddr_in udp_addr(uint32_t ip, uint16_t port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET,
				     .sin_port = htons(port),
				     .sin_addr = { htonl(ip) } };
}

/* As much as asked for where that is allowed, else what the limit gives. */
static void set_buffer(int fd, int force, int ask, int bytes)
{
	if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof(bytes)))
		setsockopt(fd, SOL_SOCKET, ask, &bytes, sizeof(bytes));
}

int udp_open(const struct sockaddr_in *local, int buffer_bytes)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;

	if (fd < 0)
		return -errno;
	set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, buffer_bytes);
	set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, buffer_bytes);
	if (!bind(fd, (const struct sockaddr *)local, sizeof(*local)))
		return fd;
	error = -errno;
	close(fd);
	return error;
}

int udp_count(int fd, unsigned prefix_bytes, uint32_t prefix,
	      unsigned payload_bytes)
{
	/* A UDP socket's filter sees the UDP header first. */
	unsigned at = UDP_HEADER_BYTES + prefix_bytes;
	/* clang-format off */
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, at + payload_bytes, 0, 5),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, BENCH_MAGIC, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, UDP_HEADER_BYTES),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
			 prefix_bytes ? prefix : BENCH_MAGIC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),          /* counted */
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX), /* kept: a stray */
	};
	/* clang-format on */
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]),
				      .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program,
			  sizeof(program))
		       ? -errno
		       : 0;
}

void udp_count_end(int fd)
{
	int unused = 0;

	setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof(unused));
}

uint32_t udp_counted(int fd)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof(info);

	getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len);
	return info[SK_MEMINFO_DROPS];
}

unsigned udp_drain(int fd)
{
	unsigned count = 0;
	char byte;

	while (recv(fd, &byte, sizeof(byte), MSG_DONTWAIT) >= 0)
		count++;
	return count;
}
