#include "turnpikectl/units.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define YEAR_S (365 * 24 * 3600)

/* Two digits at least, and no more than a reader needs. */
static const char *scaled(uint64_t number, const char *const *units,
			  char out[UNITS_TEXT_BYTES])
{
	uint64_t rest = 0;

	for (; number >= 1000 && units[1]; units++) {
		rest = number % 1000;
		number /= 1000;
		if (number >= 1000)
			continue;
		/* The last step: a digit after the point if there is room. */
		units++;
		if (number < 10)
			snprintf(out, UNITS_TEXT_BYTES,
				 "%" PRIu64 ".%" PRIu64 " %s", number,
				 rest / 100, *units);
		else
			snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 " %s",
				 number, *units);
		return out;
	}
	snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 " %s", number, *units);
	return out;
}

const char *units_bytes(uint64_t bytes, char out[UNITS_TEXT_BYTES])
{
	static const char *const units[] = { "B",  "kB", "MB", "GB",
					     "TB", "PB", "EB", NULL };

	if (bytes > 0)
		return scaled(bytes, units, out);
	snprintf(out, UNITS_TEXT_BYTES, "0");
	return out;
}

const char *units_rate(uint64_t bytes_per_s, char out[UNITS_TEXT_BYTES])
{
	static const char *const units[] = { "bit/s",  "kbit/s", "Mbit/s",
					     "Gbit/s", "Tbit/s", NULL };

	if (bytes_per_s > 0)
		return scaled(bytes_per_s * 8, units, out);
	snprintf(out, UNITS_TEXT_BYTES, "0");
	return out;
}

const char *units_duration(uint64_t seconds, char out[UNITS_TEXT_BYTES])
{
	uint64_t minutes = seconds / 60, hours = minutes / 60;

	if (minutes == 0)
		snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 "s", seconds);
	else if (hours == 0)
		snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 "m%02" PRIu64 "s",
			 minutes, seconds % 60);
	else if (hours < 24)
		snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 "h%02" PRIu64 "m",
			 hours, minutes % 60);
	else
		snprintf(out, UNITS_TEXT_BYTES, "%" PRIu64 "d%02" PRIu64 "h",
			 hours / 24, hours % 24);
	return out;
}

bool units_read_duration(const char *text, uint64_t *out)
{
	static const struct {
		const char *name;
		uint64_t seconds;
	} units[] = { { "", 1 },
		      { "s", 1 },
		      { "m", 60 },
		      { "h", 3600 },
		      { "d", 24 * 3600 } };
	unsigned long long number;
	char *end;

	if (!isdigit((unsigned char)text[0]))
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno != 0 || number == 0 || number > YEAR_S)
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(end, units[i].name) != 0)
			continue;
		*out = number * units[i].seconds;
		return *out <= YEAR_S;
	}
	return false;
}

bool units_read_time(const char *text, int64_t *out)
{
	struct tm tm = { 0 };
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);

	if (!end)
		return false;
	/* A fraction may be there, and does not count. */
	if (*end == '.')
		end += 1 + strspn(end + 1, "0123456789");
	if (strcmp(end, "Z") != 0)
		return false;
	*out = timegm(&tm);
	return true;
}
