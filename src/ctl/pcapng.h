/*
 * The pcapng file format, as far as a capture of datagrams needs it: a header,
 * and a packet at a time, in little-endian order.
 *
 * Each datagram is put into an IPv4 or IPv6 and a UDP header of its own, so
 * that what reads captures knows who sent it to whom.
 */
#ifndef TURNPIKE_CTL_PCAPNG_H
#define TURNPIKE_CTL_PCAPNG_H

#include "base/addr.h"
#include "base/bytes.h"

/* What the file says of who wrote it; "turnpiked 1.0". */
#define PCAPNG_WRITER_MAX_BYTES 64
#define PCAPNG_HEADER_MAX_BYTES 160
/* The longest datagram that is kept whole; the rest of it is cut. */
#define PCAPNG_DATAGRAM_MAX_BYTES 2048
#define PCAPNG_PACKET_MAX_BYTES (PCAPNG_DATAGRAM_MAX_BYTES + 160)

struct pcapng_packet {
	int64_t wall_ms;
	bool inbound; /* to the server */
	struct addr from;
	struct addr to; /* of the same family */
	struct bytes datagram;
	size_t original_bytes; /* before it was cut, if it was */
};

/* Writes what a file begins with; returns the bytes of it. */
size_t pcapng_header(const char *writer, uint8_t out[PCAPNG_HEADER_MAX_BYTES]);

/* Writes one packet; returns the bytes of it. */
size_t pcapng_packet(const struct pcapng_packet *packet,
		     uint8_t out[PCAPNG_PACKET_MAX_BYTES]);

#endif
