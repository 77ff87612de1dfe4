/*
 * Configurations in tests: parsed for a machine that does not change.
 */
#ifndef TURNPIKE_TESTS_CONF_FIXTURE_H
#define TURNPIKE_TESTS_CONF_FIXTURE_H

#include "conf/conf.h"

/* What the last configuration was worth. */
extern struct report conf_report;

/*
 * The machine: 127.0.0.1, 203.0.113.7 and fe80::1, 4 CPUs, and no other
 * files. Tests may change their copy.
 */
struct conf_machine conf_machine_one(void);

/* Parses the text for that machine; NULL means conf_machine_one(). */
struct conf *conf_of(const char *text, const struct conf_machine *machine);

/* The same, which must succeed. */
struct conf *conf_good(const char *text, const struct conf_machine *machine);

/* Fails unless the text gives exactly these errors, printed for "t.conf". */
void conf_expect_errors(const char *text, const struct conf_machine *machine,
			const char *errors);

/* Fails unless the last report has exactly these messages of the kind. */
void conf_expect_messages(enum report_kind kind, const char *messages);

/* Fails unless what is in force, as conf_write() says, has that line. */
void conf_expect_in_force(const struct conf *c, const char *line);

/* Looks a user up: whether it is there, and with which keys. */
bool conf_user(const struct conf *c, uint8_t realm, const char *name,
	       struct turn_user *user);

#endif
