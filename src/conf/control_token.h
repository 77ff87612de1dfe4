/*
 * The token that the control API asks for over TCP.
 *
 * A random one is made in the state directory, mode 0640, where there is none;
 * a file that the configuration names must be there.
 */
#ifndef TURNPIKE_CONF_CONTROL_TOKEN_H
#define TURNPIKE_CONF_CONTROL_TOKEN_H

#include "conf/conf.h"
#include "conf/kept_file.h"
#include "ctl/access.h"

/*
 * Reads the token, a single line, or makes one that belongs to `owner`.
 * Returns false, with an error in the report, if that cannot be done, or if
 * every user of the machine could read it.
 */
bool control_token_load(const struct conf *conf, struct kept_owner owner,
			char out[ACCESS_TOKEN_MAX_BYTES + 1],
			struct report *report);

#endif
