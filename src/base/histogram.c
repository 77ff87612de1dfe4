#include "base/histogram.h"

const uint64_t histogram_bounds_ns[HISTOGRAM_BOUNDS] = {
	25000,    50000,     100000,    250000,     500000,
	1000000,  2500000,   5000000,   10000000,   25000000,
	50000000, 100000000, 250000000, 1000000000, 10000000000,
};

void histogram_add(struct histogram *h, uint64_t took_ns)
{
	unsigned i = 0;

	/* Most are short. */
	while (i < HISTOGRAM_BOUNDS && took_ns > histogram_bounds_ns[i])
		i++;
	counter_add(&h->buckets[i], 1);
	counter_add(&h->sum_ns, took_ns);
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t count = 0;

	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
		count += counter_get(&h->buckets[i]);
	return count;
}
