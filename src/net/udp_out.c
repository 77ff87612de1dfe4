#include "net/udp_out.h"

#include <assert.h>
#include <errno.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

/* Flushes after which a refused segment size is tried again. */
#define LIMIT_FLUSHES 4096

static const uint8_t zeros[4];

void udp_out_init(struct udp_out *out)
{
	memset(out, 0, sizeof(*out));
	out->segment_limit = DATAGRAM_MAX_BYTES;
}

static unsigned bucket_of(uint32_t flow)
{
	return (flow * 0x9e3779b1u) >> 16 & (UDP_OUT_BUCKETS - 1);
}

/*
 * The socket's list. Another socket may take over its bucket; it then gets a
 * second list, which is sent after the first, so the order stays.
 */
static struct udp_out_socket *socket_of(struct udp_out *out, int fd)
{
	uint16_t *slot = &out->sockets_by_fd[(unsigned)fd % UDP_OUT_BUCKETS];
	struct udp_out_socket *s;

	if (*slot && out->sockets[*slot - 1].fd == fd)
		return &out->sockets[*slot - 1];
	s = &out->sockets[out->socket_count++];
	*slot = (uint16_t)out->socket_count;
	*s = (struct udp_out_socket){ .fd = fd };
	return s;
}

static struct udp_out_group *new_group(struct udp_out *out, int fd)
{
	struct udp_out_socket *s = socket_of(out, fd);
	struct udp_out_group *g = &out->groups[out->group_count++];
	uint16_t number = (uint16_t)out->group_count;

	if (s->last)
		out->groups[s->last - 1].next = number;
	else
		s->first = number;
	s->last = number;
	g->fd = fd;
	g->next = 0;
	g->bytes = 0;
	g->count = 0;
	return g;
}

/* A datagram at the end of the group, for the caller to fill. */
static struct udp_out_datagram *append(struct udp_out *out,
				       struct udp_out_group *g, unsigned bytes)
{
	struct udp_out_datagram *d = &out->datagrams[out->datagram_count++];
	uint16_t number = (uint16_t)out->datagram_count;

	if (g->count == 0)
		g->first = number;
	else
		out->datagrams[g->last - 1].next = number;
	g->last = number;
	g->count++;
	g->bytes += bytes;
	d->next = 0;
	return d;
}

/*
 * Whether a datagram may join. An empty one would leave no trace in a
 * segmented send.
 */
static bool fits(const struct udp_out *out, const struct udp_out_group *g,
		 int fd, const struct verdict *v, unsigned bytes)
{
	return !g->closed && g->flow == v->flow && g->fd == fd &&
	       bytes <= g->segment_bytes && bytes > 0 && g->tos == v->tos &&
	       g->dont_fragment == v->dont_fragment &&
	       g->count < UDP_OUT_SEGMENTS_MAX &&
	       g->bytes + bytes <= DATAGRAM_MAX_BYTES &&
	       g->segment_bytes <= out->segment_limit &&
	       addr_equal(&g->to, &v->to);
}

void udp_out_add(struct udp_out *out, int fd, const struct verdict *v,
		 struct bytes datagram)
{
	unsigned bytes =
		(unsigned)v->prepend_bytes + v->payload_bytes + v->pad_bytes;
	unsigned bucket = bucket_of(v->flow);
	struct udp_out_group *g = NULL;
	struct udp_out_datagram *d;

	assert(v->skip_bytes + (size_t)v->payload_bytes <= datagram.len);
	assert(v->prepend_bytes <= sizeof(d->prepend));
	assert(v->pad_bytes <= sizeof(zeros));

	if (out->datagram_count == UDP_OUT_DATAGRAMS)
		udp_out_flush(out);
	if (out->open[bucket])
		g = &out->groups[out->open[bucket] - 1];
	if (!g || !fits(out, g, fd, v, bytes)) {
		g = new_group(out, fd);
		out->open[bucket] = (uint16_t)out->group_count;
		g->bucket = (uint16_t)bucket;
		g->to = v->to;
		g->flow = v->flow;
		g->segment_bytes = (uint16_t)bytes;
		g->tos = v->tos;
		g->dont_fragment = v->dont_fragment;
		g->closed = false;
	} else if (bytes < g->segment_bytes) {
		g->closed = true;
	}
	d = append(out, g, bytes);
	d->payload = datagram.data + v->skip_bytes;
	d->payload_bytes = v->payload_bytes;
	d->prepend_bytes = v->prepend_bytes;
	d->pad_bytes = v->pad_bytes;
	memcpy(d->prepend, v->prepend, sizeof(d->prepend));
}

void udp_out_copy(struct udp_out *out, int fd, const struct addr *to,
		  struct bytes message)
{
	struct udp_out_group *g;
	struct udp_out_datagram *d;
	uint8_t *copy;

	assert(message.len <= sizeof(out->copies));

	if (out->datagram_count == UDP_OUT_DATAGRAMS ||
	    message.len > sizeof(out->copies) - out->copied_bytes)
		udp_out_flush(out);
	copy = out->copies + out->copied_bytes;
	memcpy(copy, message.data, message.len);
	out->copied_bytes += (unsigned)message.len;

	g = new_group(out, fd);
	g->bucket = 0;
	g->to = *to;
	g->flow = 0;
	g->segment_bytes = (uint16_t)message.len;
	g->tos = 0;
	g->dont_fragment = false;
	g->closed = true;
	d = append(out, g, (unsigned)message.len);
	d->payload = copy;
	d->payload_bytes = (uint16_t)message.len;
	d->prepend_bytes = 0;
	d->pad_bytes = 0;
}

static struct udp_out_group *group_at(struct udp_out *out, uint16_t number)
{
	return number ? &out->groups[number - 1] : NULL;
}

static struct udp_out_datagram *datagram_at(struct udp_out *out,
					    uint16_t number)
{
	return number ? &out->datagrams[number - 1] : NULL;
}

static void add_vector(struct msghdr *h, const uint8_t *data, size_t len)
{
	if (len == 0)
		return;
	h->msg_iov[h->msg_iovlen++] = (struct iovec){
		.iov_base = (void *)(uintptr_t)data,
		.iov_len = len,
	};
}

static void add_vectors(struct msghdr *h, const struct udp_out_datagram *d)
{
	add_vector(h, d->prepend, d->prepend_bytes);
	add_vector(h, d->payload, d->payload_bytes);
	add_vector(h, zeros, d->pad_bytes);
}

static void add_control(struct msghdr *h, int level, int type,
			const void *value, size_t len)
{
	uint8_t *at = (uint8_t *)h->msg_control + h->msg_controllen;
	struct cmsghdr *c = (struct cmsghdr *)(void *)at;

	c->cmsg_level = level;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), value, len);
	h->msg_controllen += CMSG_SPACE(len);
}

/*
 * Starts a header for something of the group's: where to, and how. The header
 * already has its memory.
 */
static void begin_header(struct msghdr *h, const struct udp_out_group *g)
{
	int tos = g->tos;

	h->msg_namelen = sockaddr_from_addr(&g->to, h->msg_name);
	h->msg_iovlen = 0;
	h->msg_controllen = 0;
	h->msg_flags = 0;
	if (tos)
		add_control(h, IPPROTO_IP, IP_TOS, &tos, sizeof(tos));
}

static void fill_header(struct udp_out *out, struct msghdr *h,
			const struct udp_out_group *g)
{
	const struct udp_out_datagram *d;

	begin_header(h, g);
	if (g->count > 1)
		add_control(h, SOL_UDP, UDP_SEGMENT, &g->segment_bytes,
			    sizeof(g->segment_bytes));
	for (d = datagram_at(out, g->first); d; d = datagram_at(out, d->next))
		add_vectors(h, d);
}

/*
 * Fills the headers of one system call: groups from `g` on, as many as fit
 * and go with the same DF. Returns how many.
 */
static unsigned fill_call(struct udp_out *out, const struct udp_out_group *g)
{
	bool dont_fragment = g->dont_fragment;
	size_t vectors = 0;
	unsigned n = 0;

	for (; g; g = group_at(out, g->next)) {
		struct msghdr *h;

		if (n == UDP_OUT_CALL_GROUPS ||
		    g->dont_fragment != dont_fragment ||
		    vectors + g->count * 3u > UDP_OUT_CALL_VECTORS)
			break;
		h = &out->headers[n].msg_hdr;
		h->msg_name = &out->names[n];
		h->msg_iov = &out->vectors[vectors];
		h->msg_control = out->control[n];
		fill_header(out, h, g);
		vectors += h->msg_iovlen;
		n++;
	}
	return n;
}

static bool is_buffer_full(int err)
{
	return err == EAGAIN || err == ENOBUFS || err == ENOMEM;
}

/* Whether the kernel may have meant the segments, not the datagrams. */
static bool is_about_segments(int err)
{
	return err == EIO || err == EINVAL || err == EMSGSIZE;
}

static void lose(struct udp_out *out, int err, unsigned datagrams)
{
	if (is_buffer_full(err))
		out->lost_buffer_full += datagrams;
	else
		out->lost_error += datagrams;
}

/*
 * Sends one by one what could not be sent in segments. Only if that helps was
 * it about segments: a device that cannot do them (EIO), or a size that its
 * MTU does not hold.
 */
static void send_singly(struct udp_out *out, const struct udp_out_group *g,
			int err)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(int))];
	struct udp_out_datagram *d;
	struct iovec vectors[3];
	union sockaddr_any name;
	struct msghdr h = {
		.msg_name = &name,
		.msg_iov = vectors,
		.msg_control = control,
	};
	bool helped = false;

	for (d = datagram_at(out, g->first); d; d = datagram_at(out, d->next)) {
		begin_header(&h, g);
		add_vectors(&h, d);
		if (sendmsg(g->fd, &h, 0) < 0)
			lose(out, errno, 1);
		else
			helped = true;
	}
	if (!helped)
		return;
	out->segment_limit = err == EIO ? 0 : g->segment_bytes - 1u;
	out->limit_flushes = LIMIT_FLUSHES;
}

/* The header of group `g` was refused with `err`. */
static void recover(struct udp_out *out, const struct udp_out_group *g,
		    const struct msghdr *h, int err)
{
	/* An error that waited at the socket is gone now: once more. */
	if (!is_buffer_full(err) && !is_about_segments(err)) {
		if (sendmsg(g->fd, h, 0) >= 0)
			return;
		err = errno;
	}
	if (g->count > 1 && is_about_segments(err))
		send_singly(out, g, err);
	else
		lose(out, err, g->count);
}

/* Sends the first `n` headers, which are those of `g` and its followers. */
static void send_headers(struct udp_out *out, const struct udp_out_group *g,
			 unsigned n)
{
	unsigned i = 0;

	while (i < n) {
		int sent;

		if (n - i == 1)
			sent = sendmsg(g->fd, &out->headers[i].msg_hdr, 0) < 0
				       ? -1
				       : 1;
		else
			sent = sendmmsg(g->fd, &out->headers[i], n - i, 0);
		if (sent <= 0) {
			recover(out, g, &out->headers[i].msg_hdr, errno);
			sent = 1;
		}
		for (i += (unsigned)sent; sent > 0; sent--)
			g = group_at(out, g->next);
	}
}

/* PROBE sets DF and, like OMIT, believes no path MTU; it cannot fail. */
static void set_dont_fragment(int fd, bool on)
{
	int value = on ? IP_PMTUDISC_PROBE : IP_PMTUDISC_OMIT;

	setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &value, sizeof(value));
}

static void send_socket(struct udp_out *out, const struct udp_out_socket *s)
{
	const struct udp_out_group *g = group_at(out, s->first);

	while (g) {
		unsigned n = fill_call(out, g);

		if (g->dont_fragment)
			set_dont_fragment(s->fd, true);
		send_headers(out, g, n);
		if (g->dont_fragment)
			set_dont_fragment(s->fd, false);
		while (n-- > 0)
			g = group_at(out, g->next);
	}
}

void udp_out_flush(struct udp_out *out)
{
	if (udp_out_is_empty(out))
		return;
	for (unsigned i = 0; i < out->socket_count; i++) {
		const struct udp_out_socket *s = &out->sockets[i];

		send_socket(out, s);
		out->sockets_by_fd[(unsigned)s->fd % UDP_OUT_BUCKETS] = 0;
	}
	for (unsigned i = 0; i < out->group_count; i++)
		out->open[out->groups[i].bucket] = 0;
	out->datagram_count = 0;
	out->group_count = 0;
	out->socket_count = 0;
	out->copied_bytes = 0;
	if (out->limit_flushes > 0 && --out->limit_flushes == 0)
		out->segment_limit = DATAGRAM_MAX_BYTES;
}
