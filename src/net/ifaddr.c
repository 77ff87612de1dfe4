#include "net/ifaddr.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

/* The kernel sends at most 32 KiB in one message. */
#define BUFFER_BYTES 32768
/* An interrupted dump is asked for again, not for ever. */
#define DUMP_TRIES 8

static void add(struct ifaddr_list *list, const struct ifaddr *item)
{
	if (list->count == IFADDR_MAX)
		list->full = true;
	else
		list->items[list->count++] = *item;
}

/* The address of an RTM_NEWADDR message, if it has one. */
static bool parse_address(struct bytes body, struct ifaddr *out)
{
	struct ifaddrmsg head;
	struct rtattr attr;
	size_t at, need, whole;
	bool found = false;

	if (body.len < sizeof(head))
		return false;
	memcpy(&head, body.data, sizeof(head));
	if (head.ifa_family != AF_INET && head.ifa_family != AF_INET6)
		return false;
	*out = (struct ifaddr){ .ifindex = head.ifa_index };
	out->ip.family = head.ifa_family == AF_INET ? ADDR_IPV4 : ADDR_IPV6;
	need = addr_ip_bytes(&out->ip);

	for (at = NLMSG_ALIGN(sizeof(head)); at + sizeof(attr) <= body.len;
	     at += whole) {
		memcpy(&attr, body.data + at, sizeof(attr));
		whole = RTA_ALIGN(attr.rta_len);
		if (attr.rta_len < sizeof(attr) || attr.rta_len > body.len - at)
			return false;
		if (attr.rta_len != sizeof(attr) + need)
			continue;
		/* On a point-to-point link IFA_ADDRESS is the other end. */
		if (attr.rta_type != IFA_LOCAL &&
		    (attr.rta_type != IFA_ADDRESS || found))
			continue;
		memcpy(out->ip.ip, body.data + at + sizeof(attr), need);
		found = true;
	}
	return found;
}

enum ifaddr_parse ifaddr_parse(struct ifaddr_list *list, struct bytes part)
{
	struct ifaddr item;
	struct nlmsghdr h;
	struct bytes body;

	for (size_t at = 0; at + sizeof(h) <= part.len;
	     at += NLMSG_ALIGN(h.nlmsg_len)) {
		memcpy(&h, part.data + at, sizeof(h));
		if (h.nlmsg_len < sizeof(h) || h.nlmsg_len > part.len - at)
			return IFADDR_BROKEN;
		if (h.nlmsg_flags & NLM_F_DUMP_INTR ||
		    h.nlmsg_type == NLMSG_ERROR)
			return IFADDR_BROKEN;
		if (h.nlmsg_type == NLMSG_DONE)
			return IFADDR_DONE;
		body = bytes_of(part.data + at + sizeof(h),
				h.nlmsg_len - sizeof(h));
		if (h.nlmsg_type == RTM_NEWADDR && parse_address(body, &item))
			add(list, &item);
	}
	return IFADDR_MORE;
}

static int open_netlink(uint32_t groups, int flags)
{
	struct sockaddr_nl local = {
		.nl_family = AF_NETLINK,
		.nl_groups = groups,
	};
	int err, fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | flags, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&local, sizeof(local))) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

/* Only the kernel's word counts, not that of another process. */
static ssize_t receive(int fd, uint8_t *buffer)
{
	struct sockaddr_nl from = { .nl_pid = UINT32_MAX };
	socklen_t from_len;
	ssize_t n;

	do {
		from_len = sizeof(from);
		n = recvfrom(fd, buffer, BUFFER_BYTES, MSG_TRUNC,
			     (struct sockaddr *)&from, &from_len);
	} while (n < 0 ? errno == EINTR : from.nl_pid != 0);
	if (n < 0)
		return -errno;
	return n > BUFFER_BYTES ? -ENOBUFS : n;
}

static int ask(int fd)
{
	struct {
		struct nlmsghdr header;
		struct ifaddrmsg body;
	} request = {
		.header.nlmsg_len = sizeof(request),
		.header.nlmsg_type = RTM_GETADDR,
		.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
		.body.ifa_family = AF_UNSPEC,
	};

	return send(fd, &request, sizeof(request), 0) < 0 ? -errno : 0;
}

/* One try at all addresses; -EAGAIN if they changed meanwhile. */
static int dump_once(struct ifaddr_list *list, uint8_t *buffer)
{
	enum ifaddr_parse state = IFADDR_MORE;
	int err, fd;

	*list = (struct ifaddr_list){ .count = 0 };
	fd = open_netlink(0, 0);
	if (fd < 0)
		return fd;
	err = ask(fd);
	while (!err && state == IFADDR_MORE) {
		ssize_t n = receive(fd, buffer);

		if (n < 0)
			err = (int)n;
		else
			state = ifaddr_parse(list, bytes_of(buffer, (size_t)n));
	}
	if (!err && state == IFADDR_BROKEN)
		err = -EAGAIN;
	close(fd);
	return err;
}

static int dump(struct ifaddr_list *list)
{
	uint8_t buffer[BUFFER_BYTES];
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < DUMP_TRIES; i++)
		err = dump_once(list, buffer);
	return err;
}

int ifaddr_open(struct ifaddr_monitor *m)
{
	int err;

	memset(m, 0, sizeof(*m));
	/* First listen, then ask: no change falls between the two. */
	m->fd = open_netlink(RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR,
			     SOCK_NONBLOCK);
	if (m->fd < 0)
		return m->fd;
	err = dump(&m->list);
	if (err)
		close(m->fd);
	return err;
}

void ifaddr_close(struct ifaddr_monitor *m)
{
	close(m->fd);
	m->fd = -1;
}

/* Takes all notices away; that some were lost is a notice too. */
static int drain(int fd)
{
	uint8_t buffer[64];
	ssize_t n;

	do {
		n = recv(fd, buffer, sizeof(buffer), 0);
	} while (n >= 0 || errno == ENOBUFS || errno == EINTR);
	return errno == EAGAIN ? 0 : -errno;
}

int ifaddr_update(struct ifaddr_monitor *m)
{
	struct ifaddr_list fresh;
	int err;

	err = drain(m->fd);
	if (!err)
		err = dump(&fresh);
	if (err)
		return err;
	if (fresh.count == m->list.count && fresh.full == m->list.full &&
	    !memcmp(fresh.items, m->list.items,
		    fresh.count * sizeof(fresh.items[0])))
		return 0;
	m->list = fresh;
	return 1;
}
