#include "ctl/pcapng.h"

#include <assert.h>

#include "base/wire.h"

/*
 * Block types, options and numbers of the format. A file may have either byte
 * order, which the first block's magic tells; ours is the network's.
 */
#define BLOCK_SECTION 0x0A0D0D0A
#define BLOCK_INTERFACE 1
#define BLOCK_PACKET 6
#define ORDER_MAGIC 0x1A2B3C4D
#define LENGTH_UNKNOWN UINT64_MAX
#define LINK_IP 101 /* packets begin with their IP header */
#define OPTION_END 0
#define OPTION_FLAGS 2      /* of a packet */
#define OPTION_WRITER 4     /* of a section: which program */
#define OPTION_RESOLUTION 9 /* of an interface's times */
#define MILLISECONDS 3      /* ten to the minus */
#define FLAG_INBOUND 1
#define FLAG_OUTBOUND 2

#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40
#define UDP_HEADER_BYTES 8
#define PROTOCOL_UDP 17
#define HOPS 64

static size_t padding(size_t len)
{
	return -len & 3;
}

/* Begins a block; its length is known at its end. */
static size_t begin_block(struct wire_writer *w, uint32_t type)
{
	size_t at = wire_written(w);

	wire_write_u32(w, type);
	wire_write_u32(w, 0);
	return at;
}

static void end_block(struct wire_writer *w, size_t at)
{
	uint32_t len = (uint32_t)(wire_written(w) - at + 4);

	wire_write_u32(w, len);
	assert(!w->failed);
	wire_put_u32(w->start + at + 4, len);
}

static void write_option(struct wire_writer *w, uint16_t code,
			 struct bytes value)
{
	wire_write_u16(w, code);
	wire_write_u16(w, (uint16_t)value.len);
	wire_write_bytes(w, value);
	wire_write_zeros(w, padding(value.len));
}

static void end_options(struct wire_writer *w)
{
	write_option(w, OPTION_END, bytes_of("", 0));
}

size_t pcapng_header(const char *writer, uint8_t out[PCAPNG_HEADER_MAX_BYTES])
{
	static const uint8_t resolution = MILLISECONDS;
	struct wire_writer w;
	size_t at;

	assert(strlen(writer) <= PCAPNG_WRITER_MAX_BYTES);

	wire_writer_init(&w, out, PCAPNG_HEADER_MAX_BYTES);
	at = begin_block(&w, BLOCK_SECTION);
	wire_write_u32(&w, ORDER_MAGIC);
	wire_write_u16(&w, 1);
	wire_write_u16(&w, 0);
	wire_write_u64(&w, LENGTH_UNKNOWN);
	write_option(&w, OPTION_WRITER, bytes_str(writer));
	end_options(&w);
	end_block(&w, at);

	at = begin_block(&w, BLOCK_INTERFACE);
	wire_write_u16(&w, LINK_IP);
	wire_write_u16(&w, 0);
	wire_write_u32(&w, 0); /* no limit to a packet's length */
	write_option(&w, OPTION_RESOLUTION, bytes_of(&resolution, 1));
	end_options(&w);
	end_block(&w, at);
	return wire_written(&w);
}

/* --- the headers before the datagram --- */

static size_t ip_header_bytes(const struct addr *a)
{
	return a->family == ADDR_IPV4 ? IPV4_HEADER_BYTES : IPV6_HEADER_BYTES;
}

/* RFC 1071: sums of 16 bits, to be folded by checksum(). */
static uint32_t sum(struct bytes data)
{
	uint32_t total = 0;
	size_t i;

	for (i = 0; i + 1 < data.len; i += 2)
		total += wire_get_u16(data.data + i);
	if (i < data.len)
		total += (uint32_t)data.data[i] << 8;
	return total;
}

static uint16_t checksum(uint32_t total)
{
	total = (total >> 16) + (total & 0xFFFF);
	total += total >> 16;
	return (uint16_t)~total;
}

static struct bytes ip_of(const struct addr *a)
{
	return bytes_of(a->ip, addr_ip_bytes(a));
}

static void write_ipv4(struct wire_writer *w, const struct pcapng_packet *p,
		       size_t udp_bytes)
{
	uint8_t *start = w->at;

	wire_write_u8(w, 0x45);
	wire_write_u8(w, 0);
	wire_write_u16(w, (uint16_t)(IPV4_HEADER_BYTES + udp_bytes));
	wire_write_u32(w, 0);
	wire_write_u8(w, HOPS);
	wire_write_u8(w, PROTOCOL_UDP);
	wire_write_u16(w, 0);
	wire_write_bytes(w, ip_of(&p->from));
	wire_write_bytes(w, ip_of(&p->to));
	wire_put_u16(start + 10,
		     checksum(sum(bytes_of(start, IPV4_HEADER_BYTES))));
}

static void write_ipv6(struct wire_writer *w, const struct pcapng_packet *p,
		       size_t udp_bytes)
{
	wire_write_u32(w, 0x60000000);
	wire_write_u16(w, (uint16_t)udp_bytes);
	wire_write_u8(w, PROTOCOL_UDP);
	wire_write_u8(w, HOPS);
	wire_write_bytes(w, ip_of(&p->from));
	wire_write_bytes(w, ip_of(&p->to));
}

static uint16_t udp_checksum(const struct pcapng_packet *p, size_t udp_bytes)
{
	uint32_t total = sum(ip_of(&p->from)) + sum(ip_of(&p->to));
	uint16_t result;

	total += PROTOCOL_UDP + 2 * (uint32_t)udp_bytes;
	total += p->from.port + (uint32_t)p->to.port + sum(p->datagram);
	result = checksum(total);
	return result ? result : 0xFFFF;
}

static void write_udp(struct wire_writer *w, const struct pcapng_packet *p,
		      size_t udp_bytes)
{
	/* Of a datagram that is cut it could not be right: there is none. */
	bool whole = p->datagram.len == p->original_bytes;

	wire_write_u16(w, p->from.port);
	wire_write_u16(w, p->to.port);
	wire_write_u16(w, (uint16_t)udp_bytes);
	wire_write_u16(w, whole ? udp_checksum(p, udp_bytes) : 0);
}

size_t pcapng_packet(const struct pcapng_packet *p,
		     uint8_t out[PCAPNG_PACKET_MAX_BYTES])
{
	size_t udp_bytes = UDP_HEADER_BYTES + p->original_bytes;
	size_t headers = ip_header_bytes(&p->from) + UDP_HEADER_BYTES;
	size_t captured = headers + p->datagram.len;
	uint8_t flags[4] = { 0 };
	struct wire_writer w;
	size_t at;

	assert(p->from.family == p->to.family && p->from.family != ADDR_NONE);
	assert(p->datagram.len <= PCAPNG_DATAGRAM_MAX_BYTES);
	assert(p->datagram.len <= p->original_bytes);

	wire_writer_init(&w, out, PCAPNG_PACKET_MAX_BYTES);
	at = begin_block(&w, BLOCK_PACKET);
	wire_write_u32(&w, 0); /* the first interface */
	wire_write_u64(&w, (uint64_t)p->wall_ms);
	wire_write_u32(&w, (uint32_t)captured);
	wire_write_u32(&w, (uint32_t)(headers + p->original_bytes));
	if (p->from.family == ADDR_IPV4)
		write_ipv4(&w, p, udp_bytes);
	else
		write_ipv6(&w, p, udp_bytes);
	write_udp(&w, p, udp_bytes);
	wire_write_bytes(&w, p->datagram);
	wire_write_zeros(&w, padding(captured));
	flags[3] = p->inbound ? FLAG_INBOUND : FLAG_OUTBOUND;
	write_option(&w, OPTION_FLAGS, bytes_of(flags, sizeof(flags)));
	end_options(&w);
	end_block(&w, at);
	return wire_written(&w);
}
