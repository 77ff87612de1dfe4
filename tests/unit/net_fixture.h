/*
 * Plain sockets on loopback, for the tests of net/ and worker/.
 *
 * They are the other side of what is tested, made without it.
 */
#ifndef TURNPIKE_TESTS_NET_FIXTURE_H
#define TURNPIKE_TESTS_NET_FIXTURE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"

#define LOOPBACK 0x7f000001u

/*
 * A non-blocking UDP socket at 127.0.0.1 (or another address in 127/8) and a
 * port that the kernel chooses, with large buffers, telling the TOS.
 */
int net_socket(uint32_t ip);

/* Where a socket is bound. */
struct addr net_local(int fd);
struct sockaddr_in net_sockaddr(const struct addr *a);

/* Sends `len` bytes from `fd`; all must go. */
void net_send(int fd, const struct addr *to, const void *data, size_t len);

/* The same as one segmented send of datagrams of `segment` bytes. */
void net_send_segments(int fd, const struct addr *to, const void *data,
		       size_t len, uint16_t segment);

/*
 * Receives one datagram into `out`, waiting up to 5 s if there is none yet.
 * `from` and `tos` may be NULL. Returns its length.
 */
size_t net_receive(int fd, void *out, size_t size, struct addr *from, int *tos);

/* Whether nothing waits at the socket. */
bool net_is_empty(int fd);

/* How many descriptors this process has open. */
unsigned net_count_fds(void);

/* Bytes that are the same for the same `seed` only. */
void net_fill(void *out, size_t len, uint64_t seed);

#endif
