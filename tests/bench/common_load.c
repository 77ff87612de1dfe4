#include "common_load.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#define BUFFER_BYTES (32 << 20)

void load_die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("loadgen: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

uint64_t load_now_ms(void)
{
	return cpu_now_ns() / LOAD_NS_PER_MS;
}

void load_sleep_ms(uint64_t ms)
{
	struct timespec t = { .tv_sec = (time_t)(ms / 1000),
			      .tv_nsec = (long)(ms % 1000 * LOAD_NS_PER_MS) };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

void load_start(struct load *l)
{
	struct sockaddr_in any = udp_addr(0, ntohs(l->clients.sin_port));
	uint8_t seed[RANDOM_SEED_BYTES];
	int on = 1;

	if (cpu_pin(l->core))
		load_die("no core %d", l->core);
	l->client_fd = udp_open(&any, BUFFER_BYTES);
	l->peer_fd = udp_open(&l->peer, BUFFER_BYTES);
	if (l->client_fd < 0 || l->peer_fd < 0)
		load_die("cannot open the sockets of clients and peer");
	if (setsockopt(l->client_fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)))
		load_die("IP_PKTINFO: %s", strerror(errno));
	l->allocations = calloc(LOAD_ALLOCATIONS_MAX, sizeof(*l->allocations));
	l->order = calloc(LOAD_ALLOCATIONS_MAX, sizeof(*l->order));
	l->crypto = crypto_new();
	if (!l->allocations || !l->order || !l->crypto)
		load_die("no memory");
	if (getrandom(seed, sizeof(seed), 0) != sizeof(seed))
		load_die("getrandom: %s", strerror(errno));
	random_init(&l->random, l->crypto, seed);
	l->config.crypto = l->crypto;
	l->config.random = &l->random;
}

struct sockaddr_in load_client(const struct load *l, uint32_t index)
{
	return udp_addr(udp_ip(&l->clients) + index,
			ntohs(l->clients.sin_port));
}

bool load_send(int fd, const struct sockaddr_in *from,
	       const struct sockaddr_in *to, const void *data, size_t bytes)
{
	_Alignas(struct cmsghdr)
		uint8_t control[CMSG_SPACE(sizeof(struct in_pktinfo))] = { 0 };
	struct in_pktinfo info = { .ipi_spec_dst = from->sin_addr };
	struct sockaddr_in name = *to;
	struct iovec vector = { (void *)data, bytes };
	struct msghdr header = { .msg_name = &name,
				 .msg_namelen = sizeof(name),
				 .msg_iov = &vector,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *item = CMSG_FIRSTHDR(&header);

	item->cmsg_level = IPPROTO_IP;
	item->cmsg_type = IP_PKTINFO;
	item->cmsg_len = CMSG_LEN(sizeof(info));
	memcpy(CMSG_DATA(item), &info, sizeof(info));
	return sendmsg(fd, &header, 0) == (ssize_t)bytes;
}

unsigned load_receive(struct load *l, int fd)
{
	unsigned i;
	int got;

	for (i = 0; i < LOAD_BATCH; i++) {
		l->vectors[i] =
			(struct iovec){ l->buffers[i], LOAD_DATAGRAM_BYTES };
		l->headers[i].msg_hdr = (struct msghdr){
			.msg_name = &l->names[i],
			.msg_namelen = sizeof(l->names[i]),
			.msg_iov = &l->vectors[i],
			.msg_iovlen = 1,
			.msg_control = l->control[i],
			.msg_controllen = sizeof(l->control[i]),
		};
	}
	got = recvmmsg(fd, l->headers, LOAD_BATCH, MSG_DONTWAIT, NULL);
	return got > 0 ? (unsigned)got : 0;
}

uint32_t load_destination(struct load *l, unsigned i)
{
	struct cmsghdr *item = CMSG_FIRSTHDR(&l->headers[i].msg_hdr);
	struct in_pktinfo info;

	if (!item || item->cmsg_type != IP_PKTINFO)
		return 0;
	memcpy(&info, CMSG_DATA(item), sizeof(info));
	return ntohl(info.ipi_addr.s_addr);
}

bool load_from_server(const struct load *l, unsigned i)
{
	return l->names[i].sin_addr.s_addr == l->server.sin_addr.s_addr &&
	       l->names[i].sin_port == l->server.sin_port;
}

void load_wait(int fd, int timeout_ms)
{
	struct pollfd wait = { .fd = fd, .events = POLLIN };

	poll(&wait, 1, timeout_ms);
}
