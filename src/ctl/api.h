/*
 * The routes, each in the file of its resource. For route.c alone.
 */
#ifndef TURNPIKE_CTL_API_H
#define TURNPIKE_CTL_API_H

#include "ctl/route.h"

/* api_credentials.c */
extern const struct route api_credentials;

/* api_capture.c */
extern const struct route api_capture_begin;
extern const struct route api_capture_take;
extern const struct route api_capture_end;

/* api_health.c */
extern const struct route api_healthz;
extern const struct route api_readyz;

/* api_metrics.c */
extern const struct route api_metrics;

/* api_page.c */
extern const struct route api_page;
extern const struct route api_page_file;

/* api_self_test.c */
extern const struct route api_self_test;

/* api_server.c */
extern const struct route api_server;

/* api_sessions.c */
extern const struct route api_sessions;
extern const struct route api_sessions_end;
extern const struct route api_session;
extern const struct route api_session_end;

/* api_refusals.c */
extern const struct route api_refusals;

/* api_drain.c */
extern const struct route api_drain;
extern const struct route api_drain_begin;
extern const struct route api_drain_end;

/* api_usage.c */
extern const struct route api_usage;

/* api_users.c */
extern const struct route api_users;
extern const struct route api_users_add;
extern const struct route api_user_password;
extern const struct route api_user_remove;

/* api_reload.c */
extern const struct route api_reload;

#endif
