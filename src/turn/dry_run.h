/*
 * Peer rules on a dry run: what they would refuse is let through, but counted
 * and told in the log, one line per user, rule and interval.
 *
 * The data path cannot log; it leaves a note in the flow table
 * (flow_table.dry), which goes to the log with the next tick.
 */
#ifndef TURNPIKE_TURN_DRY_RUN_H
#define TURNPIKE_TURN_DRY_RUN_H

#include "turn/core.h"

/*
 * The request for an allocation, which is to succeed, named that peer; port 0
 * for a permission. Returns whether only a dry run lets it through.
 */
bool dry_run_request(struct request *r, const struct addr *peer);

/* Logs what the data path noted. Returns whether there was a note. */
bool dry_run_noted(struct turn_server *s, const struct now *now,
		   struct actions *out);

#endif
