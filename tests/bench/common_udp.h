/*
 * Sockets of the bench, and receivers that count without being read.
 *
 * A counting socket has a classic BPF filter: what is exactly as expected is
 * discarded by the kernel right at the socket, which counts it; anything else
 * stays in its queue as a stray. That is delivery in every sense but one: no
 * process is woken and nothing is copied out, so that one core can offer a
 * flood and count what arrives. (On loopback the receiving half of a datagram
 * runs on the core of the sender, here the server's. On a real network that
 * core hands the datagram to a device instead, so that what the filter saves
 * is work that no server has.)
 */
#ifndef TURNPIKE_BENCH_COMMON_UDP_H
#define TURNPIKE_BENCH_COMMON_UDP_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first four bytes of all payloads of the bench; nothing like STUN. */
#define BENCH_MAGIC 0xF1B3A5C7u

/* Reads "127.0.0.1:3478". False if it is anything else. */
bool udp_parse(const char *text, struct sockaddr_in *out);

/* The IPv4 address of `a` in host order. */
static inline uint32_t udp_ip(const struct sockaddr_in *a)
{
	return ntohl(a->sin_addr.s_addr);
}

/* An address from numbers in host order. */
struct sockaddr_in udp_addr(uint32_t ip, uint16_t port);

/*
 * A non-blocking UDP socket bound to `local`, with buffers as large as it
 * gets up to `buffer_bytes`. Returns it, or a negative errno.
 */
int udp_open(const struct sockaddr_in *local, int buffer_bytes);

/*
 * Makes the socket count datagrams of `prefix_bytes` (0 or 4, which must be
 * `prefix`) and `payload_bytes` that begin with BENCH_MAGIC. 0 or -errno.
 */
int udp_count(int fd, unsigned prefix_bytes, uint32_t prefix,
	      unsigned payload_bytes);

/* Ends that: the socket is read again. */
void udp_count_end(int fd);

/* How many were counted since the socket was opened, modulo 2^32. */
uint32_t udp_counted(int fd);

/* Discards what waits at the socket. Returns how many datagrams it was. */
unsigned udp_drain(int fd);

#endif
