#include "turn/log_gate.h"

void log_gate_init(struct log_gate *g, const struct hash_key *key)
{
	*g = (struct log_gate){ .key = *key };
}

bool log_gate_pass(struct log_gate *g, struct bytes subject, uint64_t now_ms,
		   uint32_t *held)
{
	size_t i = hash_bytes(&g->key, subject) % LOG_GATE_SLOTS;

	if (now_ms < g->slots[i].open_ms) {
		g->slots[i].held++;
		return false;
	}
	*held = g->slots[i].held;
	g->slots[i].held = 0;
	g->slots[i].open_ms = now_ms + LOG_GATE_INTERVAL_MS;
	return true;
}
