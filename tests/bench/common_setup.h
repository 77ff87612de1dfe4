/*
 * Allocations, permissions and channels for the load, by src/client.
 *
 * Each function prints one line of JSON: how many were done, how many failed
 * (with the last error code), and what the server spent meanwhile.
 */
#ifndef TURNPIKE_BENCH_COMMON_SETUP_H
#define TURNPIKE_BENCH_COMMON_SETUP_H

#include "common_load.h"

/* Allocates, each with the round of its 401, until there are `count`. */
void setup_allocate(struct load *l, uint32_t count);

/* A permission, or a channel, for the peer on each that has none. */
void setup_permit(struct load *l);
void setup_bind(struct load *l);

#endif
