/*
 * A gate before the log: one line per subject and interval, however often
 * the same thing happens. A fixed table under a keyed hash; two subjects that
 * share a slot only make the log quieter.
 */
#ifndef TURNPIKE_TURN_LOG_GATE_H
#define TURNPIKE_TURN_LOG_GATE_H

#include "base/bytes.h"
#include "base/hash.h"

#define LOG_GATE_SLOTS 1024
#define LOG_GATE_INTERVAL_MS 60000

struct log_gate {
	struct hash_key key;
	struct {
		uint64_t open_ms;  /* when the next line may pass; 0: now */
		uint32_t held;     /* lines held back since the last */
	} slots[LOG_GATE_SLOTS];
};

void log_gate_init(struct log_gate *g, const struct hash_key *key);

/*
 * Whether a line about `subject` may be written at `now_ms`. If so, `*held`
 * is how many were held back since the last one.
 */
bool log_gate_pass(struct log_gate *g, struct bytes subject, uint64_t now_ms,
		   uint32_t *held);

#endif
