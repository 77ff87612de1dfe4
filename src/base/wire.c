#include "base/wire.h"

#include <string.h>

void wire_reader_init(struct wire_reader *r, struct bytes view)
{
	static const uint8_t nothing;

	/* Arithmetic on a null pointer is undefined even with a zero. */
	r->at = view.len > 0 ? view.data : &nothing;
	r->end = r->at + view.len;
	r->failed = false;
}

size_t wire_left(const struct wire_reader *r)
{
	return r->failed ? 0 : (size_t)(r->end - r->at);
}

/* Passes over `len` bytes and returns the first, or fails and returns NULL. */
static const uint8_t *take(struct wire_reader *r, size_t len)
{
	const uint8_t *p = r->at;

	if (r->failed || len > (size_t)(r->end - r->at)) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return p;
}

uint8_t wire_read_u8(struct wire_reader *r)
{
	const uint8_t *p = take(r, 1);

	return p ? p[0] : 0;
}

uint16_t wire_read_u16(struct wire_reader *r)
{
	const uint8_t *p = take(r, 2);

	return p ? wire_get_u16(p) : 0;
}

uint32_t wire_read_u32(struct wire_reader *r)
{
	const uint8_t *p = take(r, 4);

	return p ? wire_get_u32(p) : 0;
}

uint64_t wire_read_u64(struct wire_reader *r)
{
	const uint8_t *p = take(r, 8);

	return p ? wire_get_u64(p) : 0;
}

struct bytes wire_read_bytes(struct wire_reader *r, size_t len)
{
	const uint8_t *p = take(r, len);

	return bytes_of(p, p ? len : 0);
}

void wire_skip(struct wire_reader *r, size_t len)
{
	take(r, len);
}

void wire_writer_init(struct wire_writer *w, void *buffer, size_t size)
{
	w->start = buffer;
	w->at = w->start;
	w->end = w->start + size;
	w->failed = false;
}

size_t wire_written(const struct wire_writer *w)
{
	return (size_t)(w->at - w->start);
}

/* Room for `len` bytes to be filled in, or fails and returns NULL. */
static uint8_t *make_room(struct wire_writer *w, size_t len)
{
	uint8_t *p = w->at;

	if (w->failed || len > (size_t)(w->end - w->at)) {
		w->failed = true;
		return NULL;
	}
	w->at += len;
	return p;
}

void wire_write_u8(struct wire_writer *w, uint8_t value)
{
	uint8_t *p = make_room(w, 1);

	if (p)
		p[0] = value;
}

void wire_write_u16(struct wire_writer *w, uint16_t value)
{
	uint8_t *p = make_room(w, 2);

	if (p)
		wire_put_u16(p, value);
}

void wire_write_u32(struct wire_writer *w, uint32_t value)
{
	uint8_t *p = make_room(w, 4);

	if (p)
		wire_put_u32(p, value);
}

void wire_write_u64(struct wire_writer *w, uint64_t value)
{
	uint8_t *p = make_room(w, 8);

	if (p)
		wire_put_u64(p, value);
}

void wire_write_bytes(struct wire_writer *w, struct bytes value)
{
	uint8_t *p = make_room(w, value.len);

	if (p && value.len > 0)
		memcpy(p, value.data, value.len);
}

void wire_write_zeros(struct wire_writer *w, size_t len)
{
	uint8_t *p = make_room(w, len);

	if (p)
		memset(p, 0, len);
}
