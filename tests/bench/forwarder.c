/*
 * The physical limit: what any relay must do, and nothing else.
 *
 * It has the sockets of a relay with COUNT allocations (one for all clients,
 * one per allocation towards the peer), the same batch calls (recvmmsg with
 * UDP_GRO, sendmmsg with UDP_SEGMENT, datagrams of one allocation in a batch
 * grouped) and the same change of bytes (four taken off towards the peer, four
 * put before towards the client). It knows no protocol: client I has the
 * address CLIENTS + I, allocation I the port of RELAY + I, all have one peer,
 * and so nothing is looked up, checked, counted or timed.
 *
 *	forwarder LISTEN RELAY PEER CLIENTS COUNT
 *
 * all but the last as address:port. It runs until killed.
 */
#include <errno.h>
#include <netinet/udp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "common_udp.h"

#define COUNT_MAX 16384
#define HEADER_BYTES 4
#define CHANNEL 0x4000
#define EVENTS_MAX 512
#define SLOTS 512   /* messages read before they are sent */
#define READ_MIN 32 /* slots that a read should find free */
/* A slot takes what UDP_GRO may merge; the odd size spreads the slots over the
 * sets of the caches. */
#define SLOT_BYTES (65536 + 320)
#define SEGMENTS_MAX 64
#define DATAGRAMS_MAX (SLOTS * 2 * SEGMENTS_MAX) /* no kernel merges more */
#define GROUP_BYTES_MAX 65000
#define CALL_GROUPS 64
#define BUFFER_BYTES (4 << 20)
#define RELAY_BUFFER_BYTES (1 << 20)

/* A datagram to be sent, in a list with others of its flow. */
struct datagram {
	uint8_t *data;
	uint32_t bytes;
	int next; /* -1: none */
	uint8_t header[HEADER_BYTES];
};

/* The datagrams of one flow in this batch. */
struct flow {
	uint32_t index;
	int first;
	int last;
};

struct forwarder {
	int epoll;
	int listener;
	uint32_t count;
	uint32_t clients_ip;
	uint16_t clients_port;
	struct sockaddr_in peer;
	int *relays;
	int *flow_of; /* per allocation: in flows[], or -1 */

	uint8_t *slots;
	unsigned slots_used;
	struct datagram datagrams[DATAGRAMS_MAX];
	unsigned datagram_count;
	struct flow flows[SLOTS];
	unsigned flow_count;

	struct mmsghdr in[SLOTS];
	struct iovec in_vectors[SLOTS];
	struct sockaddr_in in_names[SLOTS];
	_Alignas(struct cmsghdr) uint8_t
		in_control[SLOTS][CMSG_SPACE(sizeof(int))];

	struct mmsghdr out[CALL_GROUPS];
	struct sockaddr_in out_names[CALL_GROUPS];
	struct iovec out_vectors[CALL_GROUPS * SEGMENTS_MAX * 2];
	_Alignas(struct cmsghdr) uint8_t
		out_control[CALL_GROUPS][CMSG_SPACE(sizeof(uint16_t))];
	unsigned out_count;
	unsigned out_vector_count;
};

static void die(const char *what)
{
	fprintf(stderr, "forwarder: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- out ----------------------------------------------------------------- */

static void call(struct forwarder *f, int fd)
{
	unsigned done = 0;
	int sent;

	while (done < f->out_count) {
		sent = sendmmsg(fd, f->out + done, f->out_count - done, 0);
		/* What the kernel does not take is lost, as in any relay. */
		done += sent > 0 ? (unsigned)sent : 1;
	}
	f->out_count = f->out_vector_count = 0;
}

/* Where the vectors of the next group go; makes room for a full one. */
static struct msghdr *group_begin(struct forwarder *f, int fd,
				  const struct sockaddr_in *to)
{
	struct msghdr *group;

	if (f->out_count == CALL_GROUPS)
		call(f, fd);
	group = &f->out[f->out_count].msg_hdr;
	f->out_names[f->out_count] = *to;
	*group = (struct msghdr){
		.msg_name = &f->out_names[f->out_count],
		.msg_namelen = sizeof(*to),
		.msg_iov = &f->out_vectors[f->out_vector_count],
	};
	return group;
}

static void group_end(struct forwarder *f, struct msghdr *group,
		      unsigned segments, uint32_t segment_bytes)
{
	uint16_t size = (uint16_t)segment_bytes;
	struct cmsghdr *control;

	if (segments > 1) {
		group->msg_control = f->out_control[f->out_count];
		group->msg_controllen = sizeof(f->out_control[0]);
		control = CMSG_FIRSTHDR(group);
		control->cmsg_level = SOL_UDP;
		control->cmsg_type = UDP_SEGMENT;
		control->cmsg_len = CMSG_LEN(sizeof(size));
		memcpy(CMSG_DATA(control), &size, sizeof(size));
	}
	f->out_count++;
}

static void put(struct forwarder *f, struct msghdr *group, void *data,
		size_t bytes)
{
	f->out_vectors[f->out_vector_count++] = (struct iovec){ data, bytes };
	group->msg_iovlen++;
}

/* Sends the datagrams of a flow, as many of one size together as go. */
static void send_flow(struct forwarder *f, const struct flow *flow, int fd,
		      const struct sockaddr_in *to, size_t header_bytes)
{
	int at = flow->first;
	struct datagram *d;
	struct msghdr *group;
	unsigned segments;
	uint32_t bytes, size;

	while (at >= 0) {
		group = group_begin(f, fd, to);
		size = f->datagrams[at].bytes;
		bytes = segments = 0;
		while (at >= 0 && f->datagrams[at].bytes == size &&
		       segments < SEGMENTS_MAX &&
		       bytes + size + header_bytes <= GROUP_BYTES_MAX) {
			d = &f->datagrams[at];
			if (header_bytes)
				put(f, group, d->header, header_bytes);
			put(f, group, d->data, d->bytes);
			bytes += size + (uint32_t)header_bytes;
			segments++;
			at = d->next;
		}
		group_end(f, group, segments, size + (uint32_t)header_bytes);
	}
}

static void send_to_peer(struct forwarder *f)
{
	const struct flow *flow;
	unsigned i;

	for (i = 0; i < f->flow_count; i++) {
		flow = &f->flows[i];
		send_flow(f, flow, f->relays[flow->index], &f->peer, 0);
		call(f, f->relays[flow->index]);
	}
}

static void send_to_clients(struct forwarder *f)
{
	struct sockaddr_in to;
	const struct flow *flow;
	unsigned i;

	for (i = 0; i < f->flow_count; i++) {
		flow = &f->flows[i];
		to = udp_addr(f->clients_ip + flow->index, f->clients_port);
		send_flow(f, flow, f->listener, &to, HEADER_BYTES);
	}
	call(f, f->listener);
}

static void batch_clear(struct forwarder *f)
{
	unsigned i;

	for (i = 0; i < f->flow_count; i++)
		f->flow_of[f->flows[i].index] = -1;
	f->flow_count = f->datagram_count = f->slots_used = 0;
}

/* --- in ------------------------------------------------------------------ */

static void add(struct forwarder *f, uint32_t index, uint8_t *data,
		uint32_t bytes)
{
	int number = (int)f->datagram_count++;
	struct datagram *d = &f->datagrams[number];
	struct flow *flow;

	*d = (struct datagram){
		.data = data,
		.bytes = bytes,
		.next = -1,
		.header = { CHANNEL >> 8, CHANNEL & 0xff, (uint8_t)(bytes >> 8),
			    (uint8_t)bytes },
	};
	if (f->flow_of[index] < 0) {
		f->flow_of[index] = (int)f->flow_count;
		f->flows[f->flow_count++] =
			(struct flow){ index, number, number };
		return;
	}
	flow = &f->flows[f->flow_of[index]];
	f->datagrams[flow->last].next = number;
	flow->last = number;
}

/* The size of the datagrams that were merged into a message. */
static uint32_t segment_bytes(struct msghdr *header, uint32_t bytes)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	int size;

	if (!control || control->cmsg_type != UDP_GRO)
		return bytes;
	memcpy(&size, CMSG_DATA(control), sizeof(size));
	return (uint32_t)size;
}

/* Takes a message apart; `skip` bytes of each datagram stay behind. */
static void split(struct forwarder *f, struct mmsghdr *message, uint32_t index,
		  uint32_t skip)
{
	uint8_t *data = message->msg_hdr.msg_iov->iov_base;
	uint32_t left = message->msg_len;
	uint32_t size = segment_bytes(&message->msg_hdr, left);
	uint32_t bytes;

	for (; left; left -= bytes, data += bytes) {
		bytes = left < size ? left : size;
		if (bytes >= skip && f->datagram_count < DATAGRAMS_MAX)
			add(f, index, data + skip, bytes - skip);
	}
}

/* Reads what waits at a socket into the free slots. */
static unsigned fill(struct forwarder *f, int fd)
{
	unsigned i;
	int got;

	for (i = f->slots_used; i < SLOTS; i++) {
		f->in[i].msg_hdr.msg_namelen = sizeof(f->in_names[i]);
		f->in[i].msg_hdr.msg_controllen = sizeof(f->in_control[i]);
	}
	got = recvmmsg(fd, f->in + f->slots_used, SLOTS - f->slots_used, 0,
		       NULL);
	return got > 0 ? (unsigned)got : 0;
}

static void from_clients(struct forwarder *f)
{
	unsigned got = fill(f, f->listener);
	uint32_t index;
	unsigned i;

	for (i = 0; i < got; i++) {
		index = udp_ip(&f->in_names[f->slots_used + i]) - f->clients_ip;
		if (index < f->count)
			split(f, &f->in[f->slots_used + i], index,
			      HEADER_BYTES);
	}
	send_to_peer(f);
	batch_clear(f);
}

static void from_peer(struct forwarder *f, uint32_t index)
{
	unsigned got = fill(f, f->relays[index]);
	unsigned i;

	for (i = 0; i < got; i++)
		split(f, &f->in[f->slots_used + i], index, 0);
	f->slots_used += got;
	if (f->slots_used + READ_MIN <= SLOTS)
		return;
	send_to_clients(f);
	batch_clear(f);
}

static void run(struct forwarder *f)
{
	struct epoll_event events[EVENTS_MAX];
	uint32_t index;
	int ready, i;

	for (;;) {
		ready = epoll_wait(f->epoll, events, EVENTS_MAX, -1);
		for (i = 0; i < ready; i++) {
			index = events[i].data.u32;
			if (index != f->count) {
				from_peer(f, index);
				continue;
			}
			send_to_clients(f);
			batch_clear(f);
			from_clients(f);
		}
		send_to_clients(f);
		batch_clear(f);
	}
}

/* --- set-up -------------------------------------------------------------- */

static int open_socket(struct forwarder *f, const struct sockaddr_in *local,
		       int buffer_bytes, uint32_t index)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = index };
	int fd = udp_open(local, buffer_bytes);
	int on = 1;

	if (fd < 0) {
		errno = -fd;
		die("socket");
	}
	if (setsockopt(fd, SOL_UDP, UDP_GRO, &on, sizeof(on)))
		die("UDP_GRO");
	if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, fd, &event))
		die("epoll_ctl");
	return fd;
}

static void prepare_slots(struct forwarder *f)
{
	unsigned i;

	f->slots = mmap(NULL, (size_t)SLOTS * SLOT_BYTES,
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			0);
	if (f->slots == MAP_FAILED)
		die("mmap");
	for (i = 0; i < SLOTS; i++) {
		f->in_vectors[i] =
			(struct iovec){ f->slots + (size_t)i * SLOT_BYTES,
					65536 };
		f->in[i].msg_hdr = (struct msghdr){
			.msg_name = &f->in_names[i],
			.msg_iov = &f->in_vectors[i],
			.msg_iovlen = 1,
			.msg_control = f->in_control[i],
		};
	}
}

int main(int argc, char **argv)
{
	static struct forwarder f;
	struct sockaddr_in listen, relay, clients;
	unsigned long count;
	uint32_t i;
	char *end;

	if (argc != 6 || !udp_parse(argv[1], &listen) ||
	    !udp_parse(argv[2], &relay) || !udp_parse(argv[3], &f.peer) ||
	    !udp_parse(argv[4], &clients) ||
	    (count = strtoul(argv[5], &end, 10), *end || count > COUNT_MAX)) {
		fprintf(stderr, "usage: forwarder LISTEN RELAY PEER CLIENTS "
				"COUNT\n");
		return 2;
	}
	f.count = (uint32_t)count;
	f.clients_ip = udp_ip(&clients);
	f.clients_port = ntohs(clients.sin_port);
	f.epoll = epoll_create1(EPOLL_CLOEXEC);
	f.relays = calloc(count + 1, sizeof(*f.relays));
	f.flow_of = malloc((count + 1) * sizeof(*f.flow_of));
	if (f.epoll < 0 || !f.relays || !f.flow_of)
		die("start");
	prepare_slots(&f);
	f.listener = open_socket(&f, &listen, BUFFER_BYTES, f.count);
	for (i = 0; i < f.count; i++) {
		f.flow_of[i] = -1;
		relay.sin_port =
			htons((uint16_t)(ntohs(relay.sin_port) + (i ? 1 : 0)));
		f.relays[i] = open_socket(&f, &relay, RELAY_BUFFER_BYTES, i);
	}
	run(&f);
}
