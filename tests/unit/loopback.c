#include "loopback.h"

#include "unit.h"

#include <string.h>

#include "conf_fixture.h"
#include "net/udp.h"

#define TEXT                                                     \
	"realm = \"r\"; workers = 2;\n"                          \
	"listen = ( { address = \"127.0.0.1\"; port = 9; } );\n" \
	"relay = { ports = [ %u, %u ]; };\n"                     \
	"users = ( { name = \"alice\"; password = \"secret\"; } );\n"

static struct loopback l = { .commons.shared = &l.shared };

struct loopback *loopback_start(uint16_t first_port, uint16_t last_port)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = { 1 };
	static const struct hash_key key = { 5, 6 };
	static const struct worker_buffers buffers = { 1 << 17, 1 << 16 };
	char text[512];
	int fds[LOOPBACK_WORKERS];

	snprintf(text, sizeof(text), TEXT, first_port, last_port);
	l.conf = conf_good(text, NULL);
	l.turn = l.conf->turn;
	memset(l.turn.nonce.current.bytes, 7, NONCE_KEY_BYTES);
	l.turn.nonce.current.len = NONCE_KEY_BYTES;
	l.listener = (struct turn_listener){
		.in_use = true,
		.local = addr_ipv4(0x7f000001, 0),
	};
	ck_assert_int_eq(udp_open_listeners(&l.listener.local, LOOPBACK_WORKERS,
					    1 << 17, fds),
			 0);
	ck_assert_int_eq(udp_local(fds[0], &l.listener.local), 0);
	l.turn.peers.own_sockets[l.turn.peers.own_socket_count++] =
		l.listener.local;
	l.turn.peers.own_ips[l.turn.peers.own_ip_count++] =
		addr_ipv4(0x7f000001, 0);

	l.credentials.config = (struct credentials_config){
		.realms = l.turn.realms,
		.realm_count = l.turn.realm_count,
		.users = l.conf->users,
	};
	ck_assert_int_eq(
		logger_new(&l.commons.log, LOGGER_TEXT, LOG_LEVEL_ERROR), 0);
	ck_assert_int_eq(turn_shared_init(&l.shared, &l.turn, &key), 0);
	l.commons.refusals = refusals_new();
	ck_assert_int_eq(workers_new(l.workers, LOOPBACK_WORKERS, &l.turn,
				     &l.commons, &l.credentials, buffers, seed),
			 0);
	for (uint16_t i = 0; i < LOOPBACK_WORKERS; i++)
		worker_set_listener(l.workers[i], 0, &l.listener, fds[i]);
	ck_assert_int_eq(workers_start(l.workers, LOOPBACK_WORKERS), 0);
	return &l;
}

void loopback_stop(void)
{
	workers_stop(l.workers, LOOPBACK_WORKERS, TURN_CAUSE_SHUTDOWN);
	workers_free(l.workers, LOOPBACK_WORKERS);
	turn_shared_fini(&l.shared);
	refusals_free(l.commons.refusals);
	logger_free(l.commons.log);
	conf_free(l.conf);
}
