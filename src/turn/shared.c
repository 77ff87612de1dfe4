#include "turn/shared.h"

int turn_shared_init(struct turn_shared *shared,
		     const struct turn_config *config,
		     const struct hash_key *key)
{
	int err = ports_init(&shared->ports, config->peers.relay_port_min,
			     config->peers.relay_port_max);

	if (err)
		return err;
	err = quota_init(&shared->quota, config->limits.allocations, key);
	if (err)
		ports_fini(&shared->ports);
	else
		log_gate_init(&shared->gate, key);
	return err;
}

void turn_shared_fini(struct turn_shared *shared)
{
	quota_fini(&shared->quota);
	ports_fini(&shared->ports);
}
