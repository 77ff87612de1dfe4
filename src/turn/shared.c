#include "turn/shared.h"

#include <errno.h>

int turn_shared_init(struct turn_shared *shared,
		     const struct turn_config *config,
		     const struct hash_key *key)
{
	memset(shared, 0, sizeof(*shared));
	if (ports_init(&shared->ports, config->peers.relay_port_min,
		       config->peers.relay_port_max) ||
	    quota_init(&shared->quota, config->limits.allocations, key) ||
	    shared_rates_init(&shared->rates, quota_slots(&shared->quota)) ||
	    quota_init(&shared->sources, config->limits.allocations, key) ||
	    reply_budget_init(&shared->reply_budget, key) ||
	    throttle_init(&shared->throttle, key)) {
		turn_shared_fini(shared);
		return -ENOMEM;
	}
	log_gate_init(&shared->gate, key);
	return 0;
}

void turn_shared_fini(struct turn_shared *shared)
{
	throttle_fini(&shared->throttle);
	reply_budget_fini(&shared->reply_budget);
	shared_rates_fini(&shared->rates);
	quota_fini(&shared->sources);
	quota_fini(&shared->quota);
	ports_fini(&shared->ports);
}
