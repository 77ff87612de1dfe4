/*
 * Requests to the control API in tests, without a connection: what a route
 * answers, with hooks of the test's own.
 */
#ifndef TURNPIKE_TESTS_CTL_FIXTURE_H
#define TURNPIKE_TESTS_CTL_FIXTURE_H

#include "ctl/route.h"

/* Set what the test needs; the rest is NULL. */
extern struct control_hooks ctl_hooks;

/* What the last request was answered: the body as text, and as JSON. */
extern int ctl_status;
extern char *ctl_body;
extern json_t *ctl_json;

/*
 * Asks as who is let in; `body` may be NULL. Returns the status. What is not
 * well formed fails the test, unless the answer is 400 for a reason of its own.
 */
int ctl_ask(enum route_method method, const char *target, const char *body);

/* Frees what the last answer left. */
void ctl_done(void);

/* Fails unless the last answer is an error of that status and code. */
void ctl_expect_error(int status, const char *code);

#endif
