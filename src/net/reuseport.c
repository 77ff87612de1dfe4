#include "net/reuseport.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

/* Spreads neighbouring ports and addresses over all workers. */
#define PORT_FACTOR 0x9e3779b1u
#define FIRST_FACTOR 0x85ebca6bu
#define SECOND_FACTOR 0xc2b2ae35u

#define IPV4_SOURCE 12 /* offset in the IP header */

uint16_t reuseport_worker_of(const struct addr *client, uint16_t workers)
{
	uint32_t x = addr_ipv4_value(client) + client->port * PORT_FACTOR;

	assert(workers > 0);

	x = (x ^ x >> 16) * FIRST_FACTOR;
	x = (x ^ x >> 13) * SECOND_FACTOR;
	return (uint16_t)((x ^ x >> 16) % workers);
}

/* A ^= A >> shift, by way of X. */
#define FOLD(shift)                                           \
	BPF_STMT(BPF_MISC | BPF_TAX, 0),                      \
		BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, (shift)), \
		BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0)

int reuseport_attach(int fd, uint16_t workers)
{
	const uint32_t net = (uint32_t)SKF_NET_OFF;
	struct sock_filter code[] = {
		/* The length of the IP header, options included, into X. */
		BPF_STMT(BPF_LDX | BPF_MSH | BPF_B, net),
		/* The UDP source port follows it. */
		BPF_STMT(BPF_LD | BPF_IND | BPF_H, net),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, PORT_FACTOR),
		BPF_STMT(BPF_MISC | BPF_TAX, 0),
		BPF_STMT(BPF_LD | BPF_ABS | BPF_W, net + IPV4_SOURCE),
		BPF_STMT(BPF_ALU | BPF_ADD | BPF_X, 0),
		FOLD(16),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, FIRST_FACTOR),
		FOLD(13),
		BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, SECOND_FACTOR),
		FOLD(16),
		BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, workers),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	struct sock_fprog program;

	/* The kernel copies the padding, too. */
	memset(&program, 0, sizeof(program));
	program.len = sizeof(code) / sizeof(code[0]);
	program.filter = code;
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program,
		       sizeof(program)))
		return -errno;
	return 0;
}
