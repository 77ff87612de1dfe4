/*
 * The IP addresses of this machine's interfaces, and when they change.
 *
 * Asks the kernel by rtnetlink for all addresses, and watches for notices of
 * changes on a second socket. A notice says only that all is to be asked for
 * anew: changes are rare, and so nothing is missed when notices are lost.
 */
#ifndef TURNPIKE_NET_IFADDR_H
#define TURNPIKE_NET_IFADDR_H

#include "base/addr.h"
#include "base/bytes.h"

#define IFADDR_MAX 512

/* One address of one interface. */
struct ifaddr {
	struct addr ip; /* port 0 */
	uint32_t ifindex;
};

struct ifaddr_list {
	unsigned count;
	bool full; /* there were more than IFADDR_MAX */
	struct ifaddr items[IFADDR_MAX];
};

struct ifaddr_monitor {
	int fd; /* readable when something may have changed */
	struct ifaddr_list list;
};

/*
 * Reads all addresses, IPv4 and IPv6, and begins to watch them. The caller
 * owns the storage. Returns 0 or a negative errno.
 */
int ifaddr_open(struct ifaddr_monitor *m);
void ifaddr_close(struct ifaddr_monitor *m);

/*
 * To be called when `fd` is readable: brings `list` up to date. Returns 1 if
 * it has changed, 0 if not, or a negative errno with the list as it was.
 */
int ifaddr_update(struct ifaddr_monitor *m);

/* How far a part of the kernel's answer brought us. */
enum ifaddr_parse {
	IFADDR_MORE,   /* well so far, there is more to come */
	IFADDR_DONE,   /* that was the end */
	IFADDR_BROKEN, /* an error, or addresses changed meanwhile */
};

/*
 * Adds the addresses of one part of the answer to a list; messages of other
 * kinds are passed over. Pure, and safe on any bytes.
 */
enum ifaddr_parse ifaddr_parse(struct ifaddr_list *list, struct bytes part);

#endif
