/*
 * What each of coturn's keys becomes, where that has to be worked out: one
 * function for a key or several of a kind, in the file of its subject. The
 * table of all keys is coturn_keys.c's, and what follows from several of them
 * together coturn_decide.c's.
 */
#ifndef TURNPIKE_TURNPIKECTL_COTURN_JUDGE_H
#define TURNPIKE_TURNPIKECTL_COTURN_JUDGE_H

#include "turnpikectl/coturn_import.h"

/* Where metrics are, for the notes. */
#define COTURN_OWN_METRICS \
	"metrics are at control.http, http://127.0.0.1:9641/metrics"

/*
 * Each takes the key's value over into the import and writes its note.
 * `number` is the value of a key that is a number, else 0.
 */
typedef void coturn_judge(struct coturn_import *i, struct coturn_note *n,
			  uint64_t number);

/* coturn_judge_addresses.c */
coturn_judge coturn_judge_listening_ip;
coturn_judge coturn_judge_listening_port;
coturn_judge coturn_judge_aux_server;
coturn_judge coturn_judge_no_udp;
coturn_judge coturn_judge_no_tcp;
coturn_judge coturn_judge_no_tls;
coturn_judge coturn_judge_certificate;
coturn_judge coturn_judge_relay_ip;
coturn_judge coturn_judge_external_ip;
coturn_judge coturn_judge_min_port;
coturn_judge coturn_judge_max_port;
coturn_judge coturn_judge_no_udp_relay;

/* coturn_judge_users.c */
coturn_judge coturn_judge_realm;
coturn_judge coturn_judge_lt_cred_mech;
coturn_judge coturn_judge_no_auth;
coturn_judge coturn_judge_user;
coturn_judge coturn_judge_use_auth_secret;
coturn_judge coturn_judge_static_auth_secret;
coturn_judge coturn_judge_rest_api_separator;
coturn_judge coturn_judge_other_db;
coturn_judge coturn_judge_userdb;

/* coturn_judge_redis.c */
coturn_judge coturn_judge_redis_userdb;

/* coturn_judge_limits.c */
coturn_judge coturn_judge_user_quota;
coturn_judge coturn_judge_total_quota;
coturn_judge coturn_judge_max_bps;
coturn_judge coturn_judge_bps_capacity;
coturn_judge coturn_judge_workers;
coturn_judge coturn_judge_sock_buf_size;
coturn_judge coturn_judge_stale_nonce;
coturn_judge coturn_judge_channel_lifetime;
coturn_judge coturn_judge_permission_lifetime;
coturn_judge coturn_judge_max_allocate_lifetime;
coturn_judge coturn_judge_verbose;
coturn_judge coturn_judge_very_verbose;
coturn_judge coturn_judge_log_min_level;
coturn_judge coturn_judge_no_dynamic;
coturn_judge coturn_judge_prometheus;

/* coturn_judge_peers.c */
coturn_judge coturn_judge_allowed_peer_ip;
coturn_judge coturn_judge_denied_peer_ip;
coturn_judge coturn_judge_stun_only;
coturn_judge coturn_judge_address_family;

#endif
