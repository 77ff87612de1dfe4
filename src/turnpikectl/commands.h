/*
 * The descriptors that the table of commands is made of; for command.c, and
 * for their own files.
 */
#ifndef TURNPIKE_TURNPIKECTL_COMMANDS_H
#define TURNPIKE_TURNPIKECTL_COMMANDS_H

#include "turnpikectl/command.h"

/* Where turnpiked has its socket if nobody says otherwise. */
#define COMMAND_SOCKET "/run/turnpike/control.sock"

extern const struct command command_help_command;
extern const struct command command_import_coturn;

#endif
