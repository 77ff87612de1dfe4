/*
 * Help: what `turnpikectl help` and `turnpikectl --help` print.
 */
#ifndef TURNPIKE_TURNPIKECTL_CMD_HELP_H
#define TURNPIKE_TURNPIKECTL_CMD_HELP_H

#include <stdio.h>

/* Writes what turnpikectl is and the list of commands. */
void help_write(FILE *to);

#endif
