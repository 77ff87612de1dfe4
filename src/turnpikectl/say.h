/*
 * What is said on standard error, by every command alike.
 */
#ifndef TURNPIKE_TURNPIKECTL_SAY_H
#define TURNPIKE_TURNPIKECTL_SAY_H

#include <stdio.h>

#include "turnpikectl/status.h"

/*
 * Says "turnpikectl: ..." with what is no text for a terminal escaped;
 * returns `status`.
 */
enum status say(enum status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

enum status say_no_memory(void);

/*
 * What is said from now on goes there, and to standard error again after
 * NULL: for who has another screen up, with which it would be gone.
 */
void say_to(FILE *to);

#endif
