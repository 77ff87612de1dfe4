/*
 * The descriptors that the table of commands is made of; for command.c, and
 * for their own files.
 */
#ifndef TURNPIKE_TURNPIKECTL_COMMANDS_H
#define TURNPIKE_TURNPIKECTL_COMMANDS_H

#include "turnpikectl/command.h"

/* Where turnpiked has its socket if nobody says otherwise. */
#define COMMAND_SOCKET "/run/turnpike/control.sock"

extern const struct command command_capture;
extern const struct command command_completion;
extern const struct command command_credential;
extern const struct command command_doctor;
extern const struct command command_drain;
extern const struct command command_help_command;
extern const struct command command_import_coturn;
extern const struct command command_kill;
extern const struct command command_open;
extern const struct command command_reload;
extern const struct command command_sessions;
extern const struct command command_status;
extern const struct command command_top;
extern const struct command command_usage_command;
extern const struct command command_user_add;
extern const struct command command_user_del;
extern const struct command command_user_list;
extern const struct command command_user_passwd;
extern const struct command command_why;

#endif
