#include "turn/refusal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

const struct refusal_words *refusal_words(enum refusal_cause cause)
{
	static const struct refusal_words words[] = {
#define X(id, label, level, message, option) \
	{ label, LOG_LEVEL_##level, message, option },
		REFUSAL_CAUSES(X)
#undef X
	};

	assert((unsigned)cause < REFUSAL_CAUSE_COUNT);
	return &words[cause];
}

bool refusal_is_authentication(enum refusal_cause cause)
{
	return cause <= REFUSAL_EXPIRED;
}

/* "2026-11-25T17:00:00Z", or the number where no calendar has it. */
static const char *print_time(int64_t wall_s, char out[32])
{
	time_t t = (time_t)wall_s;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
		snprintf(out, 32, "%" PRId64, wall_s);
	return out;
}

const char *refusal_print(const struct refusal *f, char out[REFUSAL_TEXT_BYTES])
{
	const char *label = refusal_words((enum refusal_cause)f->cause)->label;
	char text[ADDR_TEXT_BYTES];

	switch ((enum refusal_cause)f->cause) {
	case REFUSAL_EXPIRED:
		snprintf(out, REFUSAL_TEXT_BYTES, "%s at %s", label,
			 print_time(f->expired_wall_s, text));
		break;
	case REFUSAL_USER_QUOTA:
	case REFUSAL_SOURCE_QUOTA:
	case REFUSAL_REALM_QUOTA:
	case REFUSAL_TOTAL:
	case REFUSAL_PERMISSIONS:
	case REFUSAL_CHANNELS:
		snprintf(out, REFUSAL_TEXT_BYTES, "%s, %" PRIu32 " of %" PRIu32,
			 label, f->limit, f->limit);
		break;
	case REFUSAL_PEER:
		snprintf(out, REFUSAL_TEXT_BYTES, "%s %s: %.*s", label,
			 addr_print(&f->peer, text), REFUSAL_RULE_BYTES - 1,
			 f->rule);
		break;
	default:
		snprintf(out, REFUSAL_TEXT_BYTES, "%s", label);
		break;
	}
	return out;
}
