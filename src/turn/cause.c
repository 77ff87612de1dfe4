#include "turn/cause.h"

#include <assert.h>

const char *turn_cause_name(enum turn_cause cause)
{
	static const char *const names[] = {
#define X(id, name) [TURN_CAUSE_##id] = name,
		TURN_CAUSES(X)
#undef X
	};

	assert((unsigned)cause < TURN_CAUSE_COUNT);
	return names[cause];
}
