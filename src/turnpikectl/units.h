/*
 * Numbers as people read and write them.
 */
#ifndef TURNPIKE_TURNPIKECTL_UNITS_H
#define TURNPIKE_TURNPIKECTL_UNITS_H

#include <stdbool.h>
#include <stdint.h>

#define UNITS_TEXT_BYTES 40

/* "0", "999 B", "1.2 kB", "34 MB": powers of 1000. Returns `out`. */
const char *units_bytes(uint64_t bytes, char out[UNITS_TEXT_BYTES]);

/* The same for a rate, in bits: "1.2 Mbit/s". */
const char *units_rate(uint64_t bytes_per_s, char out[UNITS_TEXT_BYTES]);

/* "41s", "3m20s", "2h05m", "3d04h". Returns `out`. */
const char *units_duration(uint64_t seconds, char out[UNITS_TEXT_BYTES]);

/*
 * Reads "90", "90s", "5m", "1h" or "2d" as seconds. Returns false if it is
 * anything else, 0, or more than a year.
 */
bool units_read_duration(const char *text, uint64_t *out);

/* Reads a time of the API, "2026-11-25T17:00:00Z"; false for other texts. */
bool units_read_time(const char *text, int64_t *out);

#endif
