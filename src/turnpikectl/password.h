/*
 * Passwords from whoever types them.
 */
#ifndef TURNPIKE_TURNPIKECTL_PASSWORD_H
#define TURNPIKE_TURNPIKECTL_PASSWORD_H

#include <stdbool.h>

#include "turnpikectl/status.h"

#define PASSWORD_BYTES 1025 /* as turnpike.conf allows, and a NUL */

/*
 * Reads a password, NUL-terminated: on a terminal twice and without echo,
 * else the first line of standard input. What is wrong is told; `out` is then
 * empty. The caller wipes it.
 */
enum status password_read(char out[PASSWORD_BYTES]);

#endif
