#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* So long before its end a credential is not accepted any more: no session is
 * still being opened when its time is over. */
#define LAST_S 200

void access_draw(struct world *w)
{
	w->is_restless = sim_chance(w, 400);
	w->source = sim_chance(w, 500) ? TURN_SOURCE_REDIS : TURN_SOURCE_CONFIG;
	w->is_revocable = sim_chance(w, 800);
	w->expiry_ends = sim_chance(w, 500);
	w->credential_s = sim_chance(w, 200) ? 500 + sim_below(w, 1000) : 0;
}

/* The end of the credential in use now: they follow each other. */
static int64_t credential_end_s(const struct world *w)
{
	int64_t now_s = w->now.wall_s, end_s;

	if (!w->credential_s)
		return 0;
	end_s = (now_s / w->credential_s + 1) * w->credential_s;
	return end_s - now_s > LAST_S ? end_s : now_s;
}

enum turn_lookup access_find(struct world *w, uint8_t user,
			     struct turn_user *found)
{
	const struct sim_user *u = &sim_users[user];
	struct turn_keys *keys = &found->keys[0];
	const char *password = u->password;

	memset(found, 0, sizeof(*found));
	if (w->access[user] == ACCESS_GONE)
		return TURN_LOOKUP_UNKNOWN;
	if (w->access[user] == ACCESS_OTHER_KEY)
		password = "nobody knows it yet";
	found->source = w->source;
	found->disabled = w->access[user] == ACCESS_DISABLED;
	found->revocable = w->is_revocable;
	found->expiry_ends = w->expiry_ends;
	found->expires_wall_s = credential_end_s(w);
	found->grant.rate_bytes_per_s = w->own_rates[user];
	found->key_count = 1;
	keys->md5.len =
		(uint8_t)model_key(w, u, password, false, keys->md5.bytes);
	if (u->has_sha256)
		keys->sha256.len = (uint8_t)model_key(w, u, password, true,
						      keys->sha256.bytes);
	return TURN_LOOKUP_FOUND;
}

bool access_is_refused(const struct world *w, uint8_t user)
{
	return w->access[user] != ACCESS_GRANTED ||
	       (w->credential_s && credential_end_s(w) <= w->now.wall_s);
}

uint64_t access_ends_ms(const struct world *w)
{
	int64_t end_s = credential_end_s(w);

	if (!end_s || !w->expiry_ends)
		return UINT64_MAX;
	return w->now.mono_ms + 1000 * (uint64_t)(end_s - w->now.wall_s);
}

static void tell(struct world *w, uint16_t worker, uint8_t user)
{
	const struct sim_user *u = &sim_users[user];
	struct actions *out = calloc(1, sizeof(*out));
	struct turn_user found;
	enum turn_lookup result = access_find(w, user, &found);
	bool ended;

	if (!out)
		abort();
	if (sim_chance(w, w->failed_lookups)) {
		result = TURN_LOOKUP_UNAVAILABLE;
		sim_count(w, SIM_RECHECK_UNAVAILABLE);
	}
	do {
		actions_clear(out);
		ended = turn_recheck(w->servers[worker], &w->now, u->realm,
				     bytes_str(u->name), result, &found, out);
		model_recheck(w, worker, user, result, ended, out);
	} while (ended);
	free(out);
}

bool access_change(struct world *w, uint8_t user)
{
	bool goes = w->access[user] == ACCESS_GRANTED;

	w->access[user] =
		goes ? (enum sim_access)(1 + sim_below(w, ACCESS_KINDS - 1))
		     : ACCESS_GRANTED;
	w->was_away[user] = true;
	for (uint16_t i = 0; i < w->workers; i++)
		tell(w, i, user);
	return goes;
}
