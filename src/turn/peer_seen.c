#include "turn/peer_seen.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* Entries of a bucket: 64 bytes. */
#define WAYS 8
/* Peers of an allocation that there is room for on average. */
#define PEERS_EACH 16

/*
 * An entry is the seconds of its last use, one more than the clock says, and
 * the upper half of the hash; 0 is free. The lower half chooses the bucket.
 */
static uint64_t entry_of(uint64_t hash, uint64_t now_ms)
{
	return (now_ms / 1000 + 1) << 32 | hash >> 32;
}

static uint64_t *bucket_of(const struct peer_seen *p, uint64_t hash)
{
	return p->entries + WAYS * ((uint32_t)hash & p->bucket_mask);
}

int peer_seen_init(struct peer_seen *p, uint32_t allocations)
{
	uint32_t buckets = 64;
	void *base;

	memset(p, 0, sizeof(*p));
	while (buckets < (uint64_t)allocations * PEERS_EACH / WAYS)
		buckets *= 2;
	p->mapped_bytes = (size_t)buckets * WAYS * sizeof(*p->entries);
	base = mmap(NULL, p->mapped_bytes, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return -ENOMEM;
	p->entries = base;
	p->bucket_mask = buckets - 1;
	return 0;
}

void peer_seen_fini(struct peer_seen *p)
{
	if (!p->entries)
		return;
	munmap(p->entries, p->mapped_bytes);
	memset(p, 0, sizeof(*p));
}

static bool is_recent(uint64_t entry, uint64_t now_ms)
{
	return now_ms / 1000 + 1 - (entry >> 32) < PEER_SEEN_S;
}

bool peer_seen_find(struct peer_seen *p, uint64_t hash, uint64_t now_ms)
{
	uint64_t *bucket = bucket_of(p, hash);
	uint64_t entry = entry_of(hash, now_ms);

	for (unsigned i = 0; i < WAYS; i++) {
		if (!bucket[i] || (uint32_t)bucket[i] != (uint32_t)entry)
			continue;
		if (!is_recent(bucket[i], now_ms))
			return false;
		if (bucket[i] != entry)
			bucket[i] = entry;
		return true;
	}
	return false;
}

void peer_seen_add(struct peer_seen *p, uint64_t hash, uint64_t now_ms)
{
	uint64_t *bucket = bucket_of(p, hash);
	uint64_t entry = entry_of(hash, now_ms);
	unsigned oldest = 0;

	for (unsigned i = 0; i < WAYS; i++) {
		/* One that has grown old takes its own place again. */
		if ((uint32_t)bucket[i] == (uint32_t)entry) {
			oldest = i;
			break;
		}
		if (bucket[i] < bucket[oldest])
			oldest = i;
	}
	bucket[oldest] = entry;
}
