#include "unit.h"

#include <string.h>

#include "base/wire.h"
#include "ctl/pcapng.h"

static uint8_t file[PCAPNG_HEADER_MAX_BYTES + PCAPNG_PACKET_MAX_BYTES];

/* A block's two lengths are the same and a multiple of four; returns it. */
static size_t block_at(size_t at, uint32_t type)
{
	size_t len = wire_get_u32(file + at + 4);

	ck_assert_uint_eq(wire_get_u32(file + at), type);
	ck_assert_uint_eq(len % 4, 0);
	ck_assert_uint_eq(wire_get_u32(file + at + len - 4), len);
	return len;
}

static struct pcapng_packet packet_of(struct bytes datagram)
{
	struct pcapng_packet p = {
		.wall_ms = 1790000000123,
		.inbound = true,
		.from = addr_ipv4(0xC0000201, 1111),
		.to = addr_ipv4(0xC6336401, 3478),
		.datagram = datagram,
		.original_bytes = datagram.len,
	};

	return p;
}

static uint16_t folded(const uint8_t *data, size_t len, uint32_t begin)
{
	for (size_t i = 0; i < len; i++)
		begin += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (begin >> 16)
		begin = (begin >> 16) + (begin & 0xFFFF);
	return (uint16_t)begin;
}

START_TEST(a_file_begins_with_a_section_and_an_interface)
{
	size_t len = pcapng_header("turnpiked 1.2.3", file);
	size_t section = block_at(0, 0x0A0D0D0A);
	size_t interface = block_at(section, 1);

	ck_assert_uint_eq(section + interface, len);
	ck_assert_uint_eq(wire_get_u32(file + 8), 0x1A2B3C4D);
	ck_assert_ptr_nonnull(memmem(file, len, "turnpiked 1.2.3", 15));
	ck_assert_uint_eq(wire_get_u16(file + section + 8), 101);
}
END_TEST

START_TEST(the_longest_writer_fits)
{
	char writer[PCAPNG_WRITER_MAX_BYTES + 1];
	size_t len;

	memset(writer, 'w', PCAPNG_WRITER_MAX_BYTES);
	writer[PCAPNG_WRITER_MAX_BYTES] = '\0';
	len = pcapng_header(writer, file);
	ck_assert_uint_le(len, PCAPNG_HEADER_MAX_BYTES);
}
END_TEST

START_TEST(a_packet_over_ipv4)
{
	struct pcapng_packet p = packet_of(bytes_str("hello"));
	size_t len = pcapng_packet(&p, file);
	const uint8_t *ip = file + 28;

	ck_assert_uint_eq(block_at(0, 6), len);
	ck_assert_uint_eq(wire_get_u64(file + 12), 1790000000123);
	ck_assert_uint_eq(wire_get_u32(file + 20), 20 + 8 + 5);
	ck_assert_uint_eq(wire_get_u32(file + 24), 20 + 8 + 5);

	ck_assert_uint_eq(ip[0], 0x45);
	ck_assert_uint_eq(wire_get_u16(ip + 2), 33);
	ck_assert_uint_eq(ip[9], 17);
	ck_assert_uint_eq(wire_get_u32(ip + 12), 0xC0000201);
	ck_assert_uint_eq(wire_get_u32(ip + 16), 0xC6336401);
	ck_assert_uint_eq(folded(ip, 20, 0), 0xFFFF);

	ck_assert_uint_eq(wire_get_u16(ip + 20), 1111);
	ck_assert_uint_eq(wire_get_u16(ip + 22), 3478);
	ck_assert_uint_eq(wire_get_u16(ip + 24), 13);
	ck_assert_mem_eq(ip + 28, "hello\0\0", 8);
	/* The addresses, the protocol and the length, then all of UDP. */
	ck_assert_uint_eq(folded(ip + 12, 8 + 13, 17 + 13), 0xFFFF);

	/* epb_flags: inbound. */
	ck_assert_mem_eq(ip + 36, "\0\2\0\4\0\0\0\1\0\0\0\0", 12);
}
END_TEST

START_TEST(an_answer_over_ipv6)
{
	static const uint8_t one[16] = { 0x20, 1, 0x0D, 0xB8, [15] = 1 };
	static const uint8_t two[16] = { 0x20, 1, 0x0D, 0xB8, [15] = 2 };
	struct pcapng_packet p = packet_of(bytes_str("hello!"));
	const uint8_t *ip = file + 28;
	size_t len;

	p.inbound = false;
	p.from = addr_ipv6(one, 3478);
	p.to = addr_ipv6(two, 1111);
	len = pcapng_packet(&p, file);
	ck_assert_uint_eq(block_at(0, 6), len);
	ck_assert_uint_eq(ip[0], 0x60);
	ck_assert_uint_eq(wire_get_u16(ip + 4), 14);
	ck_assert_uint_eq(ip[6], 17);
	ck_assert_mem_eq(ip + 8, one, 16);
	ck_assert_mem_eq(ip + 24, two, 16);
	ck_assert_uint_eq(folded(ip + 8, 32 + 14, 17 + 14), 0xFFFF);
	ck_assert_mem_eq(file + len - 12, "\0\0\0\2", 4);
}
END_TEST

START_TEST(the_longest_datagram_and_a_cut_one_fit)
{
	static uint8_t data[PCAPNG_DATAGRAM_MAX_BYTES];
	static const uint8_t v6[16] = { 0x20 };
	struct pcapng_packet p = packet_of(bytes_of(data, sizeof(data)));
	const uint8_t *ip = file + 28;
	size_t len;

	p.from = p.to = addr_ipv6(v6, 1);
	len = pcapng_packet(&p, file);
	ck_assert_uint_le(len, PCAPNG_PACKET_MAX_BYTES);

	p = packet_of(bytes_of(data, sizeof(data)));
	p.original_bytes = 3000;
	pcapng_packet(&p, file);
	ck_assert_uint_eq(wire_get_u32(file + 20), 28 + sizeof(data));
	ck_assert_uint_eq(wire_get_u32(file + 24), 28 + 3000);
	ck_assert_uint_eq(wire_get_u16(ip + 24), 8 + 3000);
	ck_assert_uint_eq(wire_get_u16(ip + 26), 0);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pcapng");
	TCase *t = tcase_create("pcapng");

	tcase_add_test(t, a_file_begins_with_a_section_and_an_interface);
	tcase_add_test(t, the_longest_writer_fits);
	tcase_add_test(t, a_packet_over_ipv4);
	tcase_add_test(t, an_answer_over_ipv6);
	tcase_add_test(t, the_longest_datagram_and_a_cut_one_fit);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(suite)
