#include "unit.h"

#include <string.h>

#include "base/wire.h"

static const uint8_t sample[15] = {
	0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
	0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32,
};

static struct wire_reader reader_of(size_t len)
{
	struct wire_reader r;

	wire_reader_init(&r, bytes_of(sample, len));
	return r;
}

START_TEST(loads_and_stores)
{
	uint8_t out[8];

	/* Odd addresses on purpose. */
	ck_assert_uint_eq(wire_get_u16(sample + 1), 0x2345);
	ck_assert_uint_eq(wire_get_u32(sample + 5), 0xabcdeffe);
	ck_assert_uint_eq(wire_get_u64(sample + 7), 0xeffedcba98765432);
	wire_put_u16(out + 1, 0x89ab);
	ck_assert_mem_eq(out + 1, "\x89\xab", 2);
	wire_put_u32(out + 1, 0x89abcdef);
	ck_assert_mem_eq(out + 1, "\x89\xab\xcd\xef", 4);
	wire_put_u64(out, 0xfedcba9876543210);
	ck_assert_mem_eq(out, "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
}
END_TEST

START_TEST(reads_each_size_in_turn)
{
	struct wire_reader r = reader_of(15);

	ck_assert_uint_eq(wire_left(&r), 15);
	ck_assert_uint_eq(wire_read_u8(&r), 0x01);
	ck_assert_uint_eq(wire_read_u16(&r), 0x2345);
	ck_assert_uint_eq(wire_read_u32(&r), 0x6789abcd);
	ck_assert_uint_eq(wire_left(&r), 8);
	ck_assert_uint_eq(wire_read_u64(&r), 0xeffedcba98765432);
	ck_assert_uint_eq(wire_left(&r), 0);
	ck_assert(!r.failed);
}
END_TEST

START_TEST(reads_and_skips_views)
{
	struct wire_reader r = reader_of(6);
	struct bytes view;

	wire_skip(&r, 2);
	view = wire_read_bytes(&r, 3);
	ck_assert_ptr_eq(view.data, sample + 2);
	ck_assert_uint_eq(view.len, 3);
	ck_assert_uint_eq(wire_left(&r), 1);
	wire_skip(&r, 1);
	view = wire_read_bytes(&r, 0);
	ck_assert_uint_eq(view.len, 0);
	ck_assert(!r.failed);
}
END_TEST

/* One byte too few for each size: 0, failed, and failed for ever after. */
START_TEST(reading_past_the_end_sticks)
{
	struct wire_reader r = reader_of(0);

	ck_assert_uint_eq(wire_read_u8(&r), 0);
	ck_assert(r.failed);
	r = reader_of(1);
	ck_assert_uint_eq(wire_read_u16(&r), 0);
	ck_assert(r.failed);
	ck_assert_uint_eq(wire_left(&r), 0);
	ck_assert_uint_eq(wire_read_u8(&r), 0);
	r = reader_of(3);
	ck_assert_uint_eq(wire_read_u32(&r), 0);
	ck_assert(r.failed);
	ck_assert_uint_eq(wire_read_u16(&r), 0);
	r = reader_of(7);
	ck_assert_uint_eq(wire_read_u64(&r), 0);
	ck_assert(r.failed);
	ck_assert_uint_eq(wire_read_u32(&r), 0);
	ck_assert_uint_eq(wire_read_u64(&r), 0);
}
END_TEST

START_TEST(view_past_the_end_is_empty)
{
	struct wire_reader r = reader_of(4);
	struct bytes view = wire_read_bytes(&r, 5);

	ck_assert(r.failed);
	ck_assert_ptr_null(view.data);
	ck_assert_uint_eq(view.len, 0);
	ck_assert_uint_eq(wire_read_bytes(&r, 1).len, 0);

	r = reader_of(4);
	wire_skip(&r, SIZE_MAX);
	ck_assert(r.failed);
	wire_skip(&r, 0);
	ck_assert(r.failed);
}
END_TEST

START_TEST(an_empty_view_can_be_read)
{
	struct wire_reader r;

	wire_reader_init(&r, bytes_of(NULL, 0));
	ck_assert_uint_eq(wire_left(&r), 0);
	ck_assert(!r.failed);
	wire_skip(&r, 0);
	ck_assert(!r.failed);
	wire_skip(&r, 1);
	ck_assert(r.failed);
}
END_TEST

START_TEST(writes_each_kind_in_turn)
{
	static const uint8_t expected[20] = {
		0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
		0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 'a',  'b',  0,    0,    0,
	};
	uint8_t out[20];
	struct wire_writer w;

	memset(out, 0xee, sizeof(out));
	wire_writer_init(&w, out, sizeof(out));
	ck_assert_uint_eq(wire_written(&w), 0);
	wire_write_u8(&w, 0x01);
	wire_write_u16(&w, 0x0203);
	wire_write_u32(&w, 0x04050607);
	wire_write_u64(&w, 0x08090a0b0c0d0e0f);
	ck_assert_uint_eq(wire_written(&w), 15);
	wire_write_bytes(&w, bytes_str("ab"));
	wire_write_bytes(&w, bytes_of(NULL, 0));
	wire_write_zeros(&w, 3);
	ck_assert_uint_eq(wire_written(&w), 20);
	ck_assert(!w.failed);
	ck_assert_mem_eq(out, expected, sizeof(expected));
}
END_TEST

/* Each kind of write, tried with too little room: see writing_past_the_end. */
static void write_u8(struct wire_writer *w)
{
	wire_write_u8(w, 0x11);
}

static void write_u16(struct wire_writer *w)
{
	wire_write_u16(w, 0x1111);
}

static void write_u32(struct wire_writer *w)
{
	wire_write_u32(w, 0x11111111);
}

static void write_u64(struct wire_writer *w)
{
	wire_write_u64(w, 0x1111111111111111);
}

static void write_bytes(struct wire_writer *w)
{
	wire_write_bytes(w, bytes_str("sixsix"));
}

static void write_zeros(struct wire_writer *w)
{
	wire_write_zeros(w, 5);
}

static const struct {
	void (*write)(struct wire_writer *w);
	size_t size;
} writes[] = {
	{ write_u8, 1 },  { write_u16, 2 },   { write_u32, 4 },
	{ write_u64, 8 }, { write_bytes, 6 }, { write_zeros, 5 },
};

START_TEST(writing_past_the_end_sticks)
{
	uint8_t out[16];
	struct wire_writer w;
	size_t size = writes[_i].size;

	memset(out, 0xee, sizeof(out));
	wire_writer_init(&w, out, size - 1);
	writes[_i].write(&w);
	ck_assert(w.failed);
	wire_write_u8(&w, 1);
	ck_assert_uint_eq(wire_written(&w), 0);
	for (size_t i = 0; i < sizeof(out); i++)
		ck_assert_uint_eq(out[i], 0xee);

	wire_writer_init(&w, out, size);
	writes[_i].write(&w);
	ck_assert(!w.failed);
	ck_assert_uint_eq(wire_written(&w), size);
	ck_assert_uint_eq(out[size], 0xee);
}
END_TEST

static Suite *wire_suite(void)
{
	Suite *s = suite_create("wire");
	TCase *reading = tcase_create("reading");
	TCase *writing = tcase_create("writing");

	tcase_add_test(reading, loads_and_stores);
	tcase_add_test(reading, reads_each_size_in_turn);
	tcase_add_test(reading, reads_and_skips_views);
	tcase_add_test(reading, reading_past_the_end_sticks);
	tcase_add_test(reading, view_past_the_end_is_empty);
	tcase_add_test(reading, an_empty_view_can_be_read);
	suite_add_tcase(s, reading);

	tcase_add_test(writing, writes_each_kind_in_turn);
	tcase_add_loop_test(writing, writing_past_the_end_sticks, 0,
			    sizeof(writes) / sizeof(writes[0]));
	suite_add_tcase(s, writing);
	return s;
}

UNIT_MAIN(wire_suite)
