/*
 * The hooks of the control API (ctl/hooks.h), by what they do: look at the
 * process (operator_look.c) or change something (operator_act.c). The first
 * argument of each is the service.
 */
#ifndef TURNPIKE_WORKER_OPERATOR_HOOKS_H
#define TURNPIKE_WORKER_OPERATOR_HOOKS_H

#include "ctl/hooks.h"
#include "worker/in_force.h"

/* operator_look.c */
const char *operator_not_ready(void *arg);
void operator_look(void *arg, struct control_server *out);
void operator_measure(void *arg, struct metrics_snapshot *out);
const char *operator_realm_name(void *arg, uint8_t realm);
unsigned operator_refusals(void *arg, struct refusal *out, unsigned max,
			   uint64_t *total);
int64_t operator_usage(void *arg, control_visit_usage *visit, void *visitor);
void operator_drain(void *arg, struct control_drain *out);

/* operator_act.c */
void operator_sessions(void *arg, control_visit *visit, void *visitor);
bool operator_end_session(void *arg, const struct turn_session *session,
			  const char *by);
bool operator_begin_drain(void *arg, int64_t deadline_s, const char *by);
bool operator_end_drain(void *arg, const char *by);
void operator_reload(void *arg, struct control_reload *out);
int operator_begin_self_test(void *arg, uint8_t realm, const struct addr *peer,
			     const char *by, struct control_self_test *out);
int operator_capture_begin(void *arg, const struct addr *client,
			   uint32_t seconds);
bool operator_capture_is_there(void *arg);
bool operator_capture_next(void *arg, struct control_message *out);
uint64_t operator_capture_end(void *arg);

/* operator_users.c */
bool operator_users(void *arg, control_visit_user *visit, void *visitor,
		    bool *writable, char why[CONTROL_WHY_BYTES]);
enum control_user_result
operator_change_user(void *arg, const struct control_user_change *change,
		     char why[CONTROL_WHY_BYTES]);

/* operator_credentials.c */
int operator_mint(void *arg, const char *user, uint32_t lifetime_s,
		  struct control_credential *out);

/* CLOCK_BOOTTIME. */
uint64_t operator_clock_ms(void);

/* The options by name. */
void operator_name_pending(const struct restart_pending *pending,
			   struct control_pending *out);

#endif
