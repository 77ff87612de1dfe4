/*
 * Sessions as a table, for `sessions` and `top`.
 */
#ifndef TURNPIKE_TURNPIKECTL_SESSIONS_H
#define TURNPIKE_TURNPIKECTL_SESSIONS_H

#include <jansson.h>

#include "turnpikectl/table.h"

/* Of an array of sessions as the API has them; NULL without memory. */
struct table *sessions_table(const json_t *list);

#endif
