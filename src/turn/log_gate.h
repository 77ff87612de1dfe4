/*
 * A gate before the log: one line per subject and interval, however often
 * the same thing happens and whichever workers see it. A fixed table of atomics
 * under a keyed hash; two subjects that share a slot only make the log quieter.
 */
#ifndef TURNPIKE_TURN_LOG_GATE_H
#define TURNPIKE_TURN_LOG_GATE_H

#include <stdatomic.h>

#include "base/bytes.h"
#include "base/hash.h"

#define LOG_GATE_SLOTS 1024
#define LOG_GATE_INTERVAL_MS 60000

struct log_gate {
	struct hash_key key;
	struct {
		/* When the next line may pass; 0: now. */
		_Atomic uint64_t open_ms;
		_Atomic uint32_t held; /* lines held back since the last */
	} slots[LOG_GATE_SLOTS];
};

/* Opens the gate for all subjects. */
void log_gate_init(struct log_gate *g, const struct hash_key *key);

/*
 * Whether a line about `subject` may be written at `now_ms`. If so, `*held`
 * is how many were held back since the last one. Of several threads that ask
 * at the same time one passes.
 */
bool log_gate_pass(struct log_gate *g, struct bytes subject, uint64_t now_ms,
		   uint32_t *held);

#endif
