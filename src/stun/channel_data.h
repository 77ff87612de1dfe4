/*
 * ChannelData: the four-byte header of relayed media, RFC 8656 section 12.4.
 */
#ifndef TURNPIKE_STUN_CHANNEL_DATA_H
#define TURNPIKE_STUN_CHANNEL_DATA_H

#include "base/wire.h"

#define CHANNEL_DATA_HEADER_BYTES 4
/* RFC 8656 section 12: the numbers a client may bind. */
#define CHANNEL_NUMBER_MIN 0x4000
#define CHANNEL_NUMBER_MAX 0x4FFF

static inline bool channel_number_is_valid(uint16_t number)
{
	return number >= CHANNEL_NUMBER_MIN && number <= CHANNEL_NUMBER_MAX;
}

/*
 * Reads a datagram's header (RFC 8656 section 12.6): false if the channel
 * number is not one that can be bound, or the datagram is shorter than the
 * length it claims. Bytes after the claimed length are padding.
 */
static inline bool channel_data_parse(struct bytes datagram, uint16_t *number,
				      uint16_t *payload_bytes)
{
	if (datagram.len < CHANNEL_DATA_HEADER_BYTES)
		return false;
	*number = wire_get_u16(datagram.data);
	*payload_bytes = wire_get_u16(datagram.data + 2);
	return channel_number_is_valid(*number) &&
	       datagram.len - CHANNEL_DATA_HEADER_BYTES >= *payload_bytes;
}

/* Writes the header of a message that carries `payload_bytes`. */
static inline void channel_data_header(uint8_t out[CHANNEL_DATA_HEADER_BYTES],
				       uint16_t number, uint16_t payload_bytes)
{
	wire_put_u16(out, number);
	wire_put_u16(out + 2, payload_bytes);
}

#endif
