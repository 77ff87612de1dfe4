/*
 * How much is sent to sources that have proven nothing, so that a spoofed
 * source makes no amplifier of us: over any 10 s the replies to requests
 * without a valid nonce towards one /24 (IPv6: /48) total at most the bytes
 * received from it plus 64 KiB. Bytes are those of UDP payload. The same then
 * holds in bytes of IP, since both sides grow by 28 a packet and there is at
 * most one reply to a request; the other way round it would not.
 *
 * A fixed table of atomics, made and touched at start; a place is found by a
 * keyed hash of the prefix and has two parts:
 *
 *	credit   bytes received from the prefix and not yet spent, at most
 *		 CREDIT_MAX, with the prefix they came from
 *	debits   bytes that were sent without credit, in sub-windows of 1 s:
 *		 the current one and the ten before, which cover any 10 s up
 *		 to now
 *
 * A reply spends its prefix's credit first; the rest is a debit, and is sent
 * only while the debits of the eleven sub-windows stay within DEBIT_MAX. So of
 * what was sent in any 10 s at most DEBIT_MAX was debit, and the rest was
 * credit: what there was at their beginning, at most CREDIT_MAX, and what came
 * in since. DEBIT_MAX + CREDIT_MAX is 64 KiB.
 *
 * Prefixes that share a place share its debits, and its credit belongs to the
 * one that was heard last: a collision only makes the bound stricter.
 *
 * Any number of workers may use it at once. A debit is entered before it is
 * checked against all sub-windows and taken back if it was too much, so that
 * of two workers at the bound at least one sees the other; credit that such a
 * reply had spent stays spent. A race can refuse a reply, never send one too
 * many. Time is what each worker says it is: if they differ by the length of a
 * batch, so do the ends of the 10 s.
 */
#ifndef TURNPIKE_TURN_REPLY_BUDGET_H
#define TURNPIKE_TURN_REPLY_BUDGET_H

#include <stdatomic.h>

#include "base/addr.h"
#include "base/hash.h"

#define REPLY_BUDGET_BYTES 65536
#define REPLY_BUDGET_WINDOW_S 10
#define REPLY_BUDGET_PLACES 4096

/* In 4 bytes, as STUN counts, and in 8 bits. */
#define REPLY_BUDGET_CREDIT_MAX (255 * 4)
#define REPLY_BUDGET_DEBIT_MAX (REPLY_BUDGET_BYTES - REPLY_BUDGET_CREDIT_MAX)

/* One cache line. */
struct reply_budget_place {
	_Alignas(64) _Atomic uint64_t credit; /* prefix << 8 | bytes / 4 */
	/* Second / 11 in 16 bits, bytes in 16 bits; found at second % 11. */
	_Atomic uint32_t debits[REPLY_BUDGET_WINDOW_S + 1];
};

struct reply_budget {
	struct hash_key key;
	struct reply_budget_place *places;
};

/* A table in which nothing has happened. Returns 0 or -ENOMEM. */
int reply_budget_init(struct reply_budget *b, const struct hash_key *key);
void reply_budget_fini(struct reply_budget *b);

/* A request of so many bytes came from there, whatever becomes of it. */
void reply_budget_received(struct reply_budget *b, const struct addr *from,
			   size_t bytes);

/*
 * Whether a reply of so many bytes may be sent there. Changes nothing, so
 * that the work of making one can be spared; another worker may be faster.
 */
bool reply_budget_has(const struct reply_budget *b, const struct addr *to,
		      size_t bytes, uint64_t now_ms);

/* The same, and if it may, it counts as sent. */
bool reply_budget_take(struct reply_budget *b, const struct addr *to,
		       size_t bytes, uint64_t now_ms);

/*
 * What one budget is for: the address of that one's prefix, port 0; `*bits` is
 * the prefix's length.
 */
struct addr reply_budget_prefix(const struct addr *a, uint8_t *bits);

#endif
