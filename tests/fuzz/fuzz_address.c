/*
 * libFuzzer target: any answer of those that turnpike-address asks, and any
 * text as the file through which it tells turnpiked.
 *
 * The first byte chooses which. Whatever the rest is, no address comes out of
 * it but a public one of IPv4, and nothing of a source that is not to be
 * printed; a file that is read is written as the same one.
 */
#include <assert.h>
#include <string.h>

#include "discovery/advertised.h"
#include "discovery/azure.h"
#include "discovery/stun_ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_azure(enum azure_result result, const struct addr *out)
{
	assert(azure_explain(result));
	if (result == AZURE_FOUND)
		assert(advertised_is_fit(out) && out->port == 0);
	else
		assert(out->family == ADDR_NONE);
}

static void check_file(struct bytes text)
{
	char again[ADVERTISED_FILE_BYTES];
	struct advertised a;

	if (advertised_parse(text, &a) != ADVERTISED_OK)
		return;
	assert(advertised_is_fit(&a.address) && a.address.port == 0);
	assert(advertised_print(&a, again) == text.len);
	assert(!memcmp(again, text.data, text.len));
	for (const char *c = a.source; *c; c++)
		assert((unsigned char)*c > 0x20 && (unsigned char)*c < 0x7f);
}

static void check_stun(struct bytes datagram)
{
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES] = "abcdefghijkl";
	struct addr out;

	if (stun_ask_parse(datagram, id, &out))
		assert(out.family == ADDR_IPV4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct addr ours = addr_ipv4(0x0a000004, 0);
	struct addr out = { .family = ADDR_NONE };
	struct bytes rest;

	if (size == 0)
		return 0;
	rest = bytes_of(data + 1, size - 1);
	switch (data[0]) {
	case 'i':
		check_azure(azure_parse_interfaces(rest, &ours, &out), &out);
		break;
	case 'l':
		check_azure(azure_parse_load_balancer(rest, &ours, &out), &out);
		break;
	case 's':
		check_stun(rest);
		break;
	default:
		check_file(rest);
		break;
	}
	return 0;
}
