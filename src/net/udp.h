/*
 * UDP sockets, opened the way the data path needs them.
 *
 * Every socket is non-blocking and closed on exec, tells the TOS of what it
 * receives, takes in datagrams that the kernel has coalesced (udp_in.h), and
 * sends without DF however small a path MTU somebody claims (RFC 8656 section
 * 14). None is ever connected: an ICMP error cannot fail a later call.
 *
 * IPv4 for now; another family is -EAFNOSUPPORT.
 */
#ifndef TURNPIKE_NET_UDP_H
#define TURNPIKE_NET_UDP_H

#include "base/addr.h"

/*
 * Opens the sockets of one listener, one for each of `count` workers, at the
 * exact address `local` (with port 0 one port that the kernel chooses). All
 * are bound, and each client's worker is settled (reuseport.h), before any of
 * them takes a datagram in. The address must be free: also another process
 * that shares its port is -EADDRINUSE. Buffers are as for udp_open_relay().
 * Writes `count` descriptors to `fds` and returns 0, or a negative errno with
 * none open.
 */
int udp_open_listeners(const struct addr *local, uint16_t count,
		       int buffer_bytes, int *fds);

/*
 * Opens the socket of an allocation at exactly this address and port, shared
 * with nobody. Asks for send and receive buffers of `buffer_bytes`, by
 * privilege if there is one, and takes what is granted. Returns the descriptor
 * or a negative errno.
 */
int udp_open_relay(const struct addr *local, int buffer_bytes);

/*
 * The size in bytes that the kernel granted to the smaller of the socket's
 * buffers, in the measure of `buffer_bytes`; or a negative errno.
 */
int udp_buffer_granted(int fd);

/* What the kernel says of a socket; all 0 if it does not. */
struct udp_look {
	/*
	 * Datagrams dropped for want of room since it was opened, modulo 2^32.
	 * (SO_RXQ_OVFL would tell with each datagram, and cost each of them
	 * some 5 %.)
	 */
	uint32_t drops;
	/* In its queue, and how much that may be, with what the kernel adds. */
	uint32_t waiting_bytes;
	uint32_t room_bytes;
};

void udp_look(int fd, struct udp_look *out);

/* The drops alone. */
uint32_t udp_drops(int fd);

/* Where the socket is bound. Returns 0 or a negative errno. */
int udp_local(int fd, struct addr *local);

#endif
