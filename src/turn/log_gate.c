#include "turn/log_gate.h"

void log_gate_init(struct log_gate *g, const struct hash_key *key)
{
	memset(g, 0, sizeof(*g));
	g->key = *key;
}

bool log_gate_pass(struct log_gate *g, struct bytes subject, uint64_t now_ms,
		   uint32_t *held)
{
	size_t i = hash_bytes(&g->key, subject) % LOG_GATE_SLOTS;
	uint64_t open_ms = atomic_load(&g->slots[i].open_ms);

	if (now_ms < open_ms ||
	    !atomic_compare_exchange_strong(&g->slots[i].open_ms, &open_ms,
					    now_ms + LOG_GATE_INTERVAL_MS)) {
		atomic_fetch_add(&g->slots[i].held, 1);
		return false;
	}
	*held = atomic_exchange(&g->slots[i].held, 0);
	return true;
}
