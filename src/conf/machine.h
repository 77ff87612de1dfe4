/*
 * The machine as the configuration has to do with it: what the kernel and
 * the environment say now.
 */
#ifndef TURNPIKE_CONF_MACHINE_H
#define TURNPIKE_CONF_MACHINE_H

#include "conf/conf.h"

/*
 * Looks at the machine: its addresses, its CPUs, the time, the directories
 * that the service manager gives, and a fresh key. Returns 0, or a negative
 * errno with what could not be read left out.
 */
int machine_look(struct conf_machine *out);

#endif
