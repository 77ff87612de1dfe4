/*
 * The load generator's state and its datagrams.
 *
 * All clients share one socket, and so do all peers: client I has the address
 * `clients` + I, which goes with each of its datagrams (IP_PKTINFO). To the
 * server that is no different from a socket each; here it spares thousands of
 * system calls.
 *
 * Whatever goes wrong ends the program with a message (load_die).
 */
#ifndef TURNPIKE_BENCH_COMMON_LOAD_H
#define TURNPIKE_BENCH_COMMON_LOAD_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "client/client.h"
#include "stun/channel_data.h"

#include "common_cpu.h"
#include "common_inject.h"
#include "common_udp.h"

#define LOAD_ALLOCATIONS_MAX INJECT_FLOWS_MAX
#define LOAD_CHANNEL CHANNEL_NUMBER_MIN /* the same on each allocation */
#define LOAD_BATCH 64
#define LOAD_DATAGRAM_BYTES 2048
/* An answer or datagram that takes longer is lost. */
#define LOAD_ANSWER_MS 200
#define LOAD_NS_PER_S 1000000000ull
#define LOAD_NS_PER_MS 1000000ull

struct allocation {
	struct client client;
	bool permitted;
	bool bound;
	bool waiting; /* a request of the set-up is in flight */
	struct sockaddr_in relayed;
	uint32_t touched; /* datagrams that came through */
};

struct load {
	struct sockaddr_in server;
	struct sockaddr_in peer;
	struct sockaddr_in clients; /* the first */
	struct sockaddr_in relay;   /* the first; port 0: TURN tells */
	int core;
	int server_core;
	enum inject_way way;
	struct cpu_meter meter; /* of the server */

	int client_fd;
	int peer_fd;
	struct crypto *crypto;
	struct random random;
	struct client_config config;
	struct allocation *allocations;
	uint32_t count;  /* that stand */
	uint16_t *order; /* 0..count-1 mixed, so that no order helps */

	/* What the last load_receive() got. */
	struct mmsghdr headers[LOAD_BATCH];
	struct iovec vectors[LOAD_BATCH];
	struct sockaddr_in names[LOAD_BATCH];
	_Alignas(struct cmsghdr) uint8_t
		control[LOAD_BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
	uint8_t buffers[LOAD_BATCH][LOAD_DATAGRAM_BYTES];
};

/* Ends the program with a message. */
__attribute__((format(printf, 1, 2), noreturn)) void
load_die(const char *format, ...);

uint64_t load_now_ms(void);
void load_sleep_ms(uint64_t ms);

/* Opens the sockets; addresses, cores and config's name and password are set
 * already. */
void load_start(struct load *l);

/* The address of a client. */
struct sockaddr_in load_client(const struct load *l, uint32_t index);

/* Sends one datagram from an address of ours. Whether the kernel took it. */
bool load_send(int fd, const struct sockaddr_in *from,
	       const struct sockaddr_in *to, const void *data, size_t bytes);

/*
 * Reads what waits at a socket, without waiting: at most LOAD_BATCH datagrams,
 * in buffers[i], of headers[i].msg_len bytes, from names[i].
 */
unsigned load_receive(struct load *l, int fd);

/* Which address, in host order, the i-th of them was sent to. */
uint32_t load_destination(struct load *l, unsigned i);

/* Whether the i-th of them came from the server's listener. */
bool load_from_server(const struct load *l, unsigned i);

/* Waits until there is something to read, or the time is over. */
void load_wait(int fd, int timeout_ms);

#endif
