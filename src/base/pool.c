#include "base/pool.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int pool_init(struct pool *p, size_t record_bytes, uint32_t capacity,
	      bool secret)
{
	size_t stride;
	size_t bytes;
	void *base;

	assert(record_bytes > 0 && capacity < POOL_TAKEN);

	memset(p, 0, sizeof(*p));
	if (__builtin_add_overflow(record_bytes, sizeof(struct pool_slot) + 7,
				   &stride))
		return -ENOMEM;
	stride &= ~(size_t)7;
	/* At least one, as nothing cannot be mapped. */
	if (__builtin_mul_overflow(stride, capacity > 0 ? capacity : 1, &bytes))
		return -ENOMEM;

	base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	if (secret && madvise(base, bytes, MADV_DONTDUMP)) {
		munmap(base, bytes);
		return -ENOMEM;
	}

	p->base = base;
	p->stride = stride;
	p->mapped_bytes = bytes;
	p->capacity = capacity;
	p->free_head = POOL_NONE;
	p->secret = secret;
	return 0;
}

void pool_fini(struct pool *p)
{
	if (!p->base)
		return;
	if (p->secret)
		explicit_bzero(p->base, p->touched * p->stride);
	munmap(p->base, p->mapped_bytes);
	memset(p, 0, sizeof(*p));
}

uint32_t pool_take(struct pool *p)
{
	uint32_t index = p->free_head;
	struct pool_slot *slot;

	if (index != POOL_NONE) {
		slot = pool_slot(p, index);
		p->free_head = slot->next;
		memset(slot + 1, 0, p->stride - sizeof(*slot));
	} else if (p->touched < p->capacity) {
		/* The pages have never been written: the record is zeroed. */
		index = p->touched++;
		slot = pool_slot(p, index);
		slot->generation = 1;
	} else {
		return POOL_NONE;
	}
	slot->next = POOL_TAKEN;
	p->used++;
	return index;
}

void pool_give(struct pool *p, uint32_t index)
{
	struct pool_slot *slot;

	assert(pool_is_taken(p, index));

	slot = pool_slot(p, index);
	if (p->secret)
		explicit_bzero(slot + 1, p->stride - sizeof(*slot));
	slot->generation++;
	if (slot->generation == 0)
		slot->generation = 1;
	slot->next = p->free_head;
	p->free_head = index;
	p->used--;
}

struct ref pool_ref(const struct pool *p, uint32_t index)
{
	assert(pool_is_taken(p, index));
	return (struct ref){
		.index = index,
		.generation = pool_slot(p, index)->generation,
	};
}
