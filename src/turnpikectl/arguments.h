/*
 * Arguments: from main()'s argv to a call of a command.
 */
#ifndef TURNPIKE_TURNPIKECTL_ARGUMENTS_H
#define TURNPIKE_TURNPIKECTL_ARGUMENTS_H

#include "turnpikectl/command.h"

#define ARGUMENTS_WHY_BYTES 256

/*
 * Reads the arguments that follow the program's name, of which `argv` is
 * reordered. Options may stand anywhere, "--" ends them. `out->command` is
 * NULL if there is no command: then --help may have been asked for. Returns
 * false, with a sentence in `why`, if they are wrong; `out->command` may then
 * tell whose usage to show.
 */
bool arguments_parse(size_t count, char **argv, struct call *out,
		     char why[ARGUMENTS_WHY_BYTES]);

#endif
