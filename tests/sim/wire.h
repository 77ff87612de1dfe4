/*
 * The simulator's own hand at the wire: STUN written and read without any of
 * the server's code but its digests, so that a mistake made twice the same
 * way in the server shows here.
 */
#ifndef TURNPIKE_TESTS_SIM_WIRE_H
#define TURNPIKE_TESTS_SIM_WIRE_H

#include "base/addr.h"
#include "base/crypto.h"

struct wire_out {
	uint8_t bytes[66000];
	size_t len;
};

void wire_start(struct wire_out *w, unsigned type, const uint8_t id[12]);
void wire_attr(struct wire_out *w, unsigned type, const void *value,
	       size_t len);
void wire_u32(struct wire_out *w, unsigned type, uint32_t value);
void wire_xor_addr(struct wire_out *w, unsigned type, const struct addr *a);
/* MESSAGE-INTEGRITY, or with `sha256` MESSAGE-INTEGRITY-SHA256. */
void wire_sign(struct wire_out *w, struct crypto *c, const uint8_t *key,
	       size_t key_bytes, bool sha256);
void wire_fingerprint(struct wire_out *w);

/* The attribute's value and length, or NULL. */
const uint8_t *wire_find(const uint8_t *m, size_t len, unsigned type,
			 size_t *attr_len);
/* How many headers of ChannelData stand one behind the other. */
unsigned wire_depth(const uint8_t *m, size_t len);
/* An XOR-ed IPv4 address; family ADDR_NONE if it is absent. */
struct addr wire_get_xor_addr(const uint8_t *m, size_t len, unsigned type);
/* ERROR-CODE as a number; 0 if there is none. */
unsigned wire_error(const uint8_t *m, size_t len);
/* Whether the message ends in the right integrity of the right kind. */
bool wire_signed_by(const uint8_t *m, size_t len, struct crypto *c,
		    const uint8_t *key, size_t key_bytes, bool sha256);

#endif
