/*
 * Cursors over network-order bytes, with a sticky error.
 *
 * A reader or writer that once runs past its end stays failed: every later
 * read yields 0 (or an empty view), every later write does nothing. So a
 * caller does a whole series of steps and asks once, at the end, whether all
 * of them held. Bytes are accessed one at a time; alignment never matters.
 */
#ifndef TURNPIKE_BASE_WIRE_H
#define TURNPIKE_BASE_WIRE_H

#include "base/bytes.h"

struct wire_reader {
	const uint8_t *at;
	const uint8_t *end;
	bool failed;
};

struct wire_writer {
	uint8_t *start;
	uint8_t *at;
	uint8_t *end;
	bool failed;
};

/* Big-endian loads and stores of 2, 4 and 8 bytes at any address. */
static inline uint16_t wire_get_u16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t wire_get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

static inline uint64_t wire_get_u64(const uint8_t *p)
{
	return (uint64_t)wire_get_u32(p) << 32 | wire_get_u32(p + 4);
}

static inline void wire_put_u16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void wire_put_u32(uint8_t *p, uint32_t value)
{
	wire_put_u16(p, (uint16_t)(value >> 16));
	wire_put_u16(p + 2, (uint16_t)value);
}

static inline void wire_put_u64(uint8_t *p, uint64_t value)
{
	wire_put_u32(p, (uint32_t)(value >> 32));
	wire_put_u32(p + 4, (uint32_t)value);
}

/* Starts reading at the first byte of `view`, which must stay valid. */
void wire_reader_init(struct wire_reader *r, struct bytes view);

/* Bytes not yet read; 0 once the reader has failed. */
size_t wire_left(const struct wire_reader *r);

/* The next 1, 2, 4 or 8 bytes as a number; 0 on failure. */
uint8_t wire_read_u8(struct wire_reader *r);
uint16_t wire_read_u16(struct wire_reader *r);
uint32_t wire_read_u32(struct wire_reader *r);
uint64_t wire_read_u64(struct wire_reader *r);

/* A view of the next `len` bytes; an empty view on failure. */
struct bytes wire_read_bytes(struct wire_reader *r, size_t len);

/* Passes over `len` bytes. */
void wire_skip(struct wire_reader *r, size_t len);

/* Starts writing at `buffer`, which holds `size` bytes and is the caller's. */
void wire_writer_init(struct wire_writer *w, void *buffer, size_t size);

/* Bytes written so far. */
size_t wire_written(const struct wire_writer *w);

/* Appends a number in network order, or `len` bytes, or `len` zero bytes. */
void wire_write_u8(struct wire_writer *w, uint8_t value);
void wire_write_u16(struct wire_writer *w, uint16_t value);
void wire_write_u32(struct wire_writer *w, uint32_t value);
void wire_write_u64(struct wire_writer *w, uint64_t value);
void wire_write_bytes(struct wire_writer *w, struct bytes value);
void wire_write_zeros(struct wire_writer *w, size_t len);

#endif
