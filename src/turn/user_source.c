#include "turn/user_source.h"

#include <assert.h>

const char *turn_source_name(enum turn_source source)
{
	static const char *const names[] = {
#define X(id, name) [TURN_SOURCE_##id] = name,
		TURN_SOURCES(X)
#undef X
	};

	assert((unsigned)source < TURN_SOURCE_COUNT);
	return names[source];
}
