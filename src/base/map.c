#include "base/map.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/*
 * Linear hashing: there are low_mask + 1 <= buckets < 2 * (low_mask + 1)
 * buckets. The first buckets - (low_mask + 1) of this round have been split:
 * for them one more bit of the hash counts.
 */

int map_init(struct map *m, const struct pool *pool, size_t link_offset)
{
	uint32_t most = 1;
	void *heads;

	assert(link_offset % _Alignof(struct map_link) == 0);

	memset(m, 0, sizeof(*m));
	while (most < pool->capacity && most <= UINT32_MAX / 2)
		most *= 2;
	heads = mmap(NULL, most * sizeof(*m->heads), PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (heads == MAP_FAILED)
		return -ENOMEM;

	m->pool = pool;
	m->link_offset = link_offset;
	m->heads = heads;
	m->mapped_bytes = most * sizeof(*m->heads);
	m->buckets = 1;
	return 0;
}

void map_fini(struct map *m)
{
	if (!m->heads)
		return;
	munmap(m->heads, m->mapped_bytes);
	memset(m, 0, sizeof(*m));
}

/* Spreads the next bucket of the round over itself and a new one. */
static void split(struct map *m)
{
	uint32_t round = m->low_mask + 1;
	uint32_t *stay = &m->heads[m->buckets - round];
	uint32_t *move = &m->heads[m->buckets];
	uint32_t link = *stay;

	while (link != 0) {
		struct map_link *l = map_link(m, link - 1);
		uint32_t **end = l->hash & round ? &move : &stay;

		**end = link;
		*end = &l->next;
		link = l->next;
	}
	*stay = 0;
	*move = 0;

	m->buckets++;
	if (m->buckets == 2 * round)
		m->low_mask = 2 * round - 1;
}

void map_add(struct map *m, uint32_t index, uint32_t hash)
{
	struct map_link *l = map_link(m, index);
	uint32_t *head;

	/* A record is in once: so there is room for a bucket for each. */
	assert(m->count < m->pool->capacity);

	if (m->count == m->buckets)
		split(m);
	head = &m->heads[map_bucket(m, hash)];
	l->hash = hash;
	l->next = *head;
	*head = index + 1;
	m->count++;
}

void map_remove(struct map *m, uint32_t index)
{
	struct map_link *l = map_link(m, index);
	uint32_t *at = &m->heads[map_bucket(m, l->hash)];

	while (*at != index + 1) {
		assert(*at != 0);
		at = &map_link(m, *at - 1)->next;
	}
	*at = l->next;
	l->next = 0;
	m->count--;
}
