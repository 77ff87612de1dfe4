/*
 * Datagrams on their way out: one batch, built from verdicts.
 *
 * Datagrams of one flow with the same socket, destination, TOS and DF and of
 * equal size, but for a smaller last one, leave as one segmented send
 * (UDP_SEGMENT), however they were mixed with other flows; all that leaves
 * from one socket shares a system call. Datagrams of one flow are never
 * reordered. Nothing is copied but what a verdict prepends: payloads must stay
 * where they are until udp_out_flush().
 *
 * Where a device or a size does not allow segmentation the datagrams are sent
 * one by one, and sizes that were refused are not tried again for a while.
 */
#ifndef TURNPIKE_NET_UDP_OUT_H
#define TURNPIKE_NET_UDP_OUT_H

#include <sys/uio.h>

#include "net/sockaddr.h"
#include "turn/datagram.h"
#include "turn/verdict.h"

/* Datagrams in a batch; one more sends the batch first. */
#define UDP_OUT_DATAGRAMS 1024
/* Room for messages that are copied (udp_out_copy). */
#define UDP_OUT_COPY_BYTES 16384
/* What every kernel with UDP_SEGMENT takes at once. */
#define UDP_OUT_SEGMENTS_MAX 64

/* Groups and vectors of one system call. */
#define UDP_OUT_CALL_GROUPS 64
#define UDP_OUT_CALL_VECTORS 1024
#define UDP_OUT_BUCKETS 1024

struct udp_out_datagram {
	const uint8_t *payload;
	uint16_t payload_bytes;
	uint16_t next; /* of its group, index + 1 */
	uint8_t prepend_bytes;
	uint8_t pad_bytes;
	uint8_t prepend[VERDICT_PREPEND_MAX];
};

/* Datagrams that leave as one. */
struct udp_out_group {
	struct addr to;
	uint32_t flow;
	int fd;
	uint32_t bytes;         /* of all datagrams */
	uint16_t segment_bytes; /* of each but the last */
	uint16_t count;
	uint16_t first; /* datagrams, index + 1 */
	uint16_t last;
	uint16_t next; /* group of the same socket, index + 1 */
	uint16_t bucket;
	uint8_t tos;
	bool dont_fragment;
	bool closed; /* takes no more */
};

struct udp_out_socket {
	int fd;
	uint16_t first; /* groups, index + 1 */
	uint16_t last;
};

struct udp_out {
	/* Datagrams lost since udp_out_init(); for the caller to count. */
	uint64_t lost_buffer_full; /* EAGAIN or ENOBUFS */
	uint64_t lost_error;       /* any other errno */
	uint64_t segmented;        /* datagrams that left in segmented sends */

	unsigned datagram_count;
	unsigned group_count;
	unsigned socket_count;
	unsigned copied_bytes;
	uint32_t segment_limit;         /* larger segments were refused */
	uint32_t limit_flushes;         /* until they are tried again */
	uint16_t open[UDP_OUT_BUCKETS]; /* by flow: group, index + 1 */
	uint16_t sockets_by_fd[UDP_OUT_BUCKETS]; /* index + 1 */
	struct udp_out_socket sockets[UDP_OUT_DATAGRAMS];
	struct udp_out_group groups[UDP_OUT_DATAGRAMS];
	struct udp_out_datagram datagrams[UDP_OUT_DATAGRAMS];
	uint8_t copies[UDP_OUT_COPY_BYTES];

	/* What one system call is given. */
	struct mmsghdr headers[UDP_OUT_CALL_GROUPS];
	union sockaddr_any names[UDP_OUT_CALL_GROUPS];
	struct iovec vectors[UDP_OUT_CALL_VECTORS];
	_Alignas(struct cmsghdr) uint8_t
		control[UDP_OUT_CALL_GROUPS][2 * CMSG_SPACE(sizeof(int))];
};

/* An empty batch in the caller's storage. */
void udp_out_init(struct udp_out *out);

/*
 * Adds what the verdict (VERDICT_TO_PEER or VERDICT_TO_CLIENT) makes of a
 * datagram, to be sent from the socket `fd`. The bytes of `datagram` are
 * borrowed until the next udp_out_flush(). A full batch is sent first.
 */
void udp_out_add(struct udp_out *out, int fd, const struct verdict *v,
		 struct bytes datagram);

/*
 * Adds a message of at most UDP_OUT_COPY_BYTES, of which a copy is kept. It
 * leaves alone, after what was added before it for the same socket.
 */
void udp_out_copy(struct udp_out *out, int fd, const struct addr *to,
		  struct bytes message);

/*
 * Sends everything and empties the batch. What cannot be sent is lost and
 * counted. Before a socket that the batch may name is closed, flush.
 */
void udp_out_flush(struct udp_out *out);

/* Whether nothing waits to be sent. */
static inline bool udp_out_is_empty(const struct udp_out *out)
{
	return out->datagram_count == 0;
}

#endif
