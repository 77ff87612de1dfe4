#include "turn/shared_rates.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int shared_rates_init(struct shared_rates *r, uint32_t slots)
{
	void *base;

	memset(r, 0, sizeof(*r));
	r->mapped_bytes = ((size_t)slots + 1) * sizeof(*r->users);
	base = mmap(NULL, r->mapped_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	r->total = base;
	r->users = r->total + 1;
	return 0;
}

void shared_rates_fini(struct shared_rates *r)
{
	if (!r->total)
		return;
	munmap(r->total, r->mapped_bytes);
	memset(r, 0, sizeof(*r));
}

void shared_rates_claim(struct shared_rates *r, uint32_t slot, uint64_t user,
			uint64_t own)
{
	struct shared_rate *rate = &r->users[slot];
	uint64_t owner = atomic_load(&rate->owner);

	/* Of two workers that see the change of owner one empties the slot. */
	if (owner != user &&
	    atomic_compare_exchange_strong(&rate->owner, &owner, user))
		for (unsigned way = 0; way < RATE_WAYS; way++)
			atomic_store(&rate->used[way], 0);
	atomic_store(&rate->own, own);
}
