/*
 * Which worker a client belongs to.
 *
 * The sockets of a listener form an SO_REUSEPORT group, one socket a worker in
 * the order of their numbers. A program in the kernel picks the socket by the
 * client's address and port alone, so a client stays with its worker whatever
 * else happens, and user space can tell which worker that is.
 *
 * With the client's IPv4 address `ip` and UDP port `port` as numbers in host
 * order, and all arithmetic modulo 2^32:
 *
 *	x = ip + port * 0x9e3779b1
 *	x = (x ^ x >> 16) * 0x85ebca6b
 *	x = (x ^ x >> 13) * 0xc2b2ae35
 *	worker = (x ^ x >> 16) % workers
 */
#ifndef TURNPIKE_NET_REUSEPORT_H
#define TURNPIKE_NET_REUSEPORT_H

#include "base/addr.h"

/* The number of the worker, 0..workers - 1, that an IPv4 client belongs to. */
uint16_t reuseport_worker_of(const struct addr *client, uint16_t workers);

/*
 * Attaches that program to the group of an IPv4 UDP socket with SO_REUSEPORT
 * set; if the socket is not bound yet, it will be the first of a group of its
 * own. Returns 0 or a negative errno.
 */
int reuseport_attach(int fd, uint16_t workers);

#endif
