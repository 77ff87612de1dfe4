/*
 * Completion for shells, made from the table of commands. What it makes is
 * etc/completion/; a test compares.
 */
#ifndef TURNPIKE_TURNPIKECTL_COMPLETION_H
#define TURNPIKE_TURNPIKECTL_COMPLETION_H

#include <stdio.h>

void completion_bash(FILE *to);
void completion_zsh(FILE *to);

#endif
