/* link: -Wl,--wrap=logger_put,--wrap=pthread_create,--wrap=mmap,--wrap=timerfd_create,--wrap=eventfd,--wrap=epoll_create1,--wrap=aligned_alloc,--wrap=clock_gettime */
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "client/client.h"
#include "net/reuseport.h"
#include "net/udp.h"
#include "net_fixture.h"
#include "store/static_users.h"
#include "stun/builder.h"
#include "stun/channel_data.h"
#include "stun/integrity.h"
#include "worker/worker.h"

/*
 * Real workers with real sockets on loopback: the server listens on 127.0.0.1,
 * relays from 127.0.0.9 and advertises 192.0.2.9; peers are at 127.0.0.x.
 */
#define RELAY_IP 0x7f000009u
#define ADVERTISED_IP 0xc0000209u
#define PORT_MIN 50000
#define PORT_MAX 50999
#define WORKERS_MAX 5
#define BUFFER_BYTES (1 << 20)
#define CHANNEL 0x4001

static _Atomic unsigned warnings, sessions_ended;

void __wrap_logger_put(struct logger *l, const struct log_record *r);
int __real_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_timerfd_create(int clock, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __real_eventfd(unsigned value, int flags);
int __wrap_eventfd(unsigned value, int flags);
int __real_epoll_create1(int flags);
int __wrap_epoll_create1(int flags);
void *__real_aligned_alloc(size_t alignment, size_t bytes);
void *__wrap_aligned_alloc(size_t alignment, size_t bytes);

int __real_clock_gettime(clockid_t clock, struct timespec *t);
int __wrap_clock_gettime(clockid_t clock, struct timespec *t);

/* How far the workers' clock is ahead: a pause of the whole machine. */
static _Atomic int pause_s;

int __wrap_clock_gettime(clockid_t clock, struct timespec *t)
{
	int result = __real_clock_gettime(clock, t);

	if (clock == CLOCK_BOOTTIME)
		t->tv_sec += pause_s;
	return result;
}

/* The call that fails, of those below together, counted from 1. */
static unsigned fail_at, calls;

static bool fails(int err)
{
	if (++calls != fail_at)
		return false;
	errno = err;
	return true;
}

void __wrap_logger_put(struct logger *l, const struct log_record *r)
{
	(void)l;
	if (r->level <= LOG_LEVEL_WARNING)
		warnings++;
	if (!strcmp(r->message, "session ended"))
		sessions_ended++;
}

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *attr,
			  void *(*run)(void *), void *arg)
{
	if (fails(0))
		return EAGAIN;
	return __real_pthread_create(t, attr, run, arg);
}

void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	if (fails(ENOMEM))
		return MAP_FAILED;
	return __real_mmap(at, len, prot, flags, fd, off);
}

int __wrap_timerfd_create(int clock, int flags)
{
	return fails(ENOMEM) ? -1 : __real_timerfd_create(clock, flags);
}

int __wrap_eventfd(unsigned value, int flags)
{
	return fails(ENOMEM) ? -1 : __real_eventfd(value, flags);
}

int __wrap_epoll_create1(int flags)
{
	return fails(ENOMEM) ? -1 : __real_epoll_create1(flags);
}

void *__wrap_aligned_alloc(size_t alignment, size_t bytes)
{
	return fails(ENOMEM) ? NULL : __real_aligned_alloc(alignment, bytes);
}

/* --- the server ------------------------------------------------------------ */

static const struct hash_key hash_key = { 1, 2 };
static const uint8_t seed[RANDOM_SEED_BYTES] = { 3 };
static struct turn_config config;
static struct turn_shared shared;
static struct refusals *refusals;
static struct crypto *crypto;
static struct random random_source;
static struct static_users *users;
static struct worker *workers[WORKERS_MAX];
static uint16_t count;
static struct addr server;
static unsigned fds_before;

static void add_user(const char *name, const char *password)
{
	struct static_user user = { .name = name };

	stun_long_term_key(crypto, STUN_ALGORITHM_MD5, bytes_str(name),
			   bytes_str("example.org"), bytes_str(password),
			   &user.keys.md5);
	ck_assert_int_eq(static_users_add(users, &user), 0);
}

static void make_config(void)
{
	memset(&config, 0, sizeof(config));
	snprintf(config.realms[0].name, sizeof(config.realms[0].name), "%s",
		 "example.org");
	config.realm_count = 1;
	config.relay = addr_ipv4(RELAY_IP, 0);
	config.relay_advertise = addr_ipv4(ADVERTISED_IP, 0);
	config.limits = (struct turn_limits){
		.allocations = 200,
		.permissions_per_allocation = 8,
		.channels_per_allocation = 8,
	};
	config.nonce.current.len = NONCE_KEY_BYTES;
	config.nonce.lifetime_s = 600;
	config.worker_count = (uint8_t)count;
	config.peers.generation = 1;
	ck_assert(peer_rule_parse("127.0.0.0/8", &config.peers.allow[0]));
	config.peers.allow_count = 1;
	config.peers.relay_ips[0] = config.relay;
	config.peers.relay_ips[1] = config.relay_advertise;
	config.peers.relay_ip_count = 2;
	config.peers.relay_port_min = PORT_MIN;
	config.peers.relay_port_max = PORT_MAX;
}

static struct worker_credentials user_credentials(struct static_users *set)
{
	return (struct worker_credentials){
		.config.realms = config.realms,
		.config.realm_count = config.realm_count,
		.config.users = set,
	};
}

static int make_workers(int buffer_bytes)
{
	const struct worker_buffers buffers = { buffer_bytes, buffer_bytes };

	const struct worker_commons commons = {
		.shared = &shared,
		.refusals = refusals,
	};
	const struct worker_credentials credentials = user_credentials(users);

	return workers_new(workers, count, &config, &commons, &credentials,
			   buffers, seed);
}

static void set_listener(const struct addr *at)
{
	const struct turn_listener listener = { .in_use = true, .local = *at };
	int fds[WORKERS_MAX];

	ck_assert_int_eq(udp_open_listeners(at, count, BUFFER_BYTES, fds), 0);
	ck_assert_int_eq(udp_local(fds[0], &server), 0);
	for (uint16_t i = 0; i < count; i++)
		worker_set_listener(workers[i], 0, &listener, fds[i]);
}

static void prepare(uint16_t worker_count)
{
	fds_before = net_count_fds();
	count = worker_count;
	calls = fail_at = 0;
	warnings = sessions_ended = 0;
	crypto = crypto_new();
	random_init(&random_source, crypto, seed);
	users = static_users_new(&hash_key, TURN_SOURCE_CONFIG);
	ck_assert_ptr_nonnull(users);
	add_user("alice", "secret");
	make_config();
	refusals = refusals_new();
	ck_assert_int_eq(turn_shared_init(&shared, &config, &hash_key), 0);
}

static void clean_up(void)
{
	turn_shared_fini(&shared);
	refusals_free(refusals);
	static_users_free(users);
	crypto_free(crypto);
	ck_assert_uint_eq(net_count_fds(), fds_before);
}

static void begin(uint16_t worker_count)
{
	struct addr any = addr_ipv4(LOOPBACK, 0);

	prepare(worker_count);
	ck_assert_int_eq(make_workers(BUFFER_BYTES), 0);
	set_listener(&any);
	ck_assert_int_eq(workers_start(workers, count), 0);
}

static void end(void)
{
	workers_stop(workers, count, TURN_CAUSE_SHUTDOWN);
	workers_free(workers, count);
	ck_assert_uint_eq(ports_free(&shared.ports), PORT_MAX - PORT_MIN + 1);
	clean_up();
}

static uint64_t counted(uint16_t worker, size_t offset)
{
	const uint8_t *base = (const void *)worker_counters(workers[worker]);

	return counter_get(
		(const _Atomic uint64_t *)(const void *)(base + offset));
}

#define COUNTED(worker, name) counted(worker, offsetof(struct counters, name))

/* --- a client -------------------------------------------------------------- */

struct user {
	int fd;
	struct client client;
	struct addr relayed;
};

static const struct client_config credentials = {
	.name = { (const uint8_t *)"alice", 5 },
	.password = { (const uint8_t *)"secret", 6 },
};
static struct client_config client_config;

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* A client whose address belongs to that worker. */
static void user_init(struct user *u, uint16_t worker)
{
	int unfit[1000];
	unsigned n = 0;

	for (;; n++) {
		struct addr local;

		u->fd = net_socket(LOOPBACK);
		local = net_local(u->fd);
		if (reuseport_worker_of(&local, count) == worker)
			break;
		unfit[n] =
			u->fd; /* kept, so that its port is not tried again */
	}
	while (n-- > 0)
		close(unfit[n]);
	client_config = credentials;
	client_config.crypto = crypto;
	client_config.random = &random_source;
	client_init(&u->client, &client_config);
}

static void user_fini(struct user *u)
{
	client_fini(&u->client);
	close(u->fd);
}

/* Goes on until the request in flight has ended; returns how. */
static struct client_event finish(struct user *u)
{
	struct client_event event = { .type = CLIENT_NOTHING };
	uint8_t bytes[CLIENT_REQUEST_MAX_BYTES];

	while (event.type == CLIENT_NOTHING) {
		struct pollfd wait = { .fd = u->fd, .events = POLLIN };
		size_t len;

		while ((len = client_poll(&u->client, now_ms(), bytes,
					  sizeof(bytes), &event)) > 0)
			net_send(u->fd, &server, bytes, len);
		if (event.type != CLIENT_NOTHING || poll(&wait, 1, 50) == 0)
			continue;
		len = net_receive(u->fd, bytes, sizeof(bytes), NULL, NULL);
		client_receive(&u->client, bytes_of(bytes, len), now_ms(),
			       &event);
	}
	return event;
}

static void allocate(struct user *u)
{
	struct client_event event;

	ck_assert_int_eq(client_allocate(&u->client, 0, now_ms()), 0);
	event = finish(u);
	ck_assert_int_eq(event.type, CLIENT_ALLOCATED);
	u->relayed = event.relayed;
	ck_assert_uint_eq(addr_ipv4_value(&u->relayed), ADVERTISED_IP);
}

static void bind_channel(struct user *u, const struct addr *peer)
{
	ck_assert_int_eq(client_bind(&u->client, CHANNEL, peer, now_ms()), 0);
	ck_assert_int_eq(finish(u).type, CLIENT_BOUND);
}

static void say(struct user *u, const struct addr *to, const char *text)
{
	uint8_t bytes[256];
	size_t len = client_send(&u->client, to, bytes_str(text), bytes,
				 sizeof(bytes));

	ck_assert_uint_gt(len, 0);
	net_send(u->fd, &server, bytes, len);
}

static void hear(struct user *u, const struct addr *from, const char *text)
{
	struct client_event event;
	uint8_t bytes[256];
	struct addr sender;
	size_t len = net_receive(u->fd, bytes, sizeof(bytes), &sender, NULL);

	ck_assert(addr_equal(&sender, &server));
	client_receive(&u->client, bytes_of(bytes, len), now_ms(), &event);
	ck_assert_int_eq(event.type, CLIENT_DATA);
	ck_assert(addr_equal(&event.peer, from));
	ck_assert(bytes_equal(event.data, bytes_str(text)));
}

/* Whether the server answers a Binding request. */
static bool answers(struct user *u)
{
	const uint8_t id[STUN_TRANSACTION_ID_BYTES] = { 1 };
	struct pollfd wait = { .fd = u->fd, .events = POLLIN };
	uint8_t bytes[128];
	struct stun_builder b;

	stun_begin(&b, bytes, sizeof(bytes), STUN_REQUEST, STUN_BINDING, id);
	net_send(u->fd, &server, bytes, stun_finish(&b));
	if (poll(&wait, 1, 300) == 0)
		return false;
	net_receive(u->fd, bytes, sizeof(bytes), NULL, NULL);
	return true;
}

/* --- tests ----------------------------------------------------------------- */

static const uint16_t counts[] = { 1, 2, 5 };

START_TEST(each_client_has_its_worker)
{
	begin(counts[_i]);
	for (uint16_t i = 0; i < count; i++) {
		struct user u;

		user_init(&u, i);
		ck_assert(answers(&u));
		ck_assert_uint_eq(COUNTED(i, requests[COUNTERS_BINDING]), 1);
		user_fini(&u);
	}
	end();
	ck_assert_uint_eq(warnings, 0);
}
END_TEST

/* All that was measured can be read while the worker runs. */
START_TEST(times_and_queues_can_be_read)
{
	const struct worker_latencies *l;
	uint32_t waiting, room = 0;
	struct user u;

	begin(1);
	l = worker_latencies(workers[0]);
	user_init(&u, 0);
	ck_assert(answers(&u));
	ck_assert_uint_gt(histogram_count(&l->pass), 0);
	ck_assert_uint_eq(histogram_count(&l->authentication), 0);
	allocate(&u);
	/* What asked for a nonce had no credentials. */
	ck_assert_uint_eq(histogram_count(&l->authentication), 1);
	ck_assert_uint_lt(counter_get(&l->authentication.sum_ns), 10000000000);
	for (int wait = 0; wait < 50 && !room; wait++) {
		worker_listener_queue(workers[0], 0, &waiting, &room);
		usleep(100000);
	}
	ck_assert_uint_gt(room, 0);
	ck_assert_uint_le(waiting, room);
	user_fini(&u);
	end();
}
END_TEST

START_TEST(a_session)
{
	struct addr peer_addr, relay;
	struct user u;
	uint8_t got[64];
	int peer;

	begin(counts[_i]);
	peer = net_socket(LOOPBACK + 5);
	peer_addr = net_local(peer);
	user_init(&u, (uint16_t)(count - 1));
	allocate(&u);
	bind_channel(&u, &peer_addr);
	say(&u, &peer_addr, "hello");
	ck_assert_uint_eq(net_receive(peer, got, sizeof(got), &relay, NULL), 5);
	ck_assert_uint_eq(addr_ipv4_value(&relay), RELAY_IP);
	ck_assert_uint_eq(relay.port, u.relayed.port);
	net_send(peer, &relay, "hello yourself", 14);
	hear(&u, &peer_addr, "hello yourself");
	ck_assert_int_eq(client_refresh(&u.client, 0, now_ms()), 0);
	ck_assert_int_eq(finish(&u).type, CLIENT_REFRESHED);
	ck_assert_uint_eq(sessions_ended, 1);
	user_fini(&u);
	close(peer);
	end();
}
END_TEST

/* Two clients talk through their relayed addresses, whose workers differ or
 * not, named by one form or the other. */
static void check_hairpin(uint16_t one, uint16_t other, uint32_t ip)
{
	struct addr a_addr, b_addr;
	struct user a, b;

	user_init(&a, one);
	user_init(&b, other);
	allocate(&a);
	allocate(&b);
	a_addr = addr_ipv4(ip, a.relayed.port);
	b_addr = addr_ipv4(ip, b.relayed.port);
	bind_channel(&a, &b_addr);
	bind_channel(&b, &a_addr);
	say(&a, &b_addr, "from a");
	hear(&b, &a_addr, "from a");
	say(&b, &a_addr, "from b");
	hear(&a, &b_addr, "from b");
	for (int i = 0; i < 20; i++)
		say(&a, &b_addr, "many");
	for (int i = 0; i < 20; i++)
		hear(&b, &a_addr, "many");
	user_fini(&a);
	user_fini(&b);
}

START_TEST(hairpin)
{
	begin(counts[_i]);
	for (uint16_t i = 0; i < count; i++) {
		check_hairpin(i, 0, RELAY_IP);
		check_hairpin(0, i, ADVERTISED_IP);
	}
	end();
	ck_assert_uint_eq(sessions_ended, counts[_i] * 4u);
}
END_TEST

START_TEST(settings_apply_while_running)
{
	struct worker_credentials other;
	struct static_users *nobody;
	struct peer_policy closed;
	struct addr peer_addr, at;
	struct user u, v;
	uint8_t got[64];
	int peer;

	begin(2);
	peer = net_socket(LOOPBACK + 5);
	peer_addr = net_local(peer);
	user_init(&u, 1);
	allocate(&u);
	bind_channel(&u, &peer_addr);
	say(&u, &peer_addr, "before");
	net_receive(peer, got, sizeof(got), NULL, NULL);

	closed = config.peers;
	closed.generation++;
	closed.allow_count = 0;
	worker_set_peers(workers[1], &closed);
	worker_sync(workers[1]);
	say(&u, &peer_addr, "after");
	ck_assert(answers(&u));
	ck_assert(net_is_empty(peer));

	nobody = static_users_new(&hash_key, TURN_SOURCE_CONFIG);
	other = user_credentials(nobody);
	for (uint16_t i = 0; i < count; i++) {
		worker_set_credentials(workers[i], &other.config, false);
		worker_sync(workers[i]);
	}
	user_init(&v, 0);
	ck_assert_int_eq(client_allocate(&v.client, 0, now_ms()), 0);
	ck_assert_int_eq(finish(&v).type, CLIENT_FAILED);

	/* The listener goes and comes back at the same address. */
	at = server;
	for (uint16_t i = 0; i < count; i++) {
		worker_set_listener(workers[i], 0,
				    &(struct turn_listener){ .in_use = false },
				    -1);
		worker_sync(workers[i]);
	}
	ck_assert(!answers(&u));
	set_listener(&at);
	ck_assert(answers(&u));
	user_fini(&u);
	user_fini(&v);
	close(peer);
	end();
	static_users_free(nobody);
}
END_TEST

/* Of one that was removed the session goes on, until nothing holds it. */
START_TEST(a_listener_lingers_while_running)
{
	struct turn_listener listener = { .in_use = true, .lingers = true };
	struct addr peer_addr;
	struct user u, v;
	uint8_t got[64];
	int peer;

	begin(2);
	listener.local = server;
	peer = net_socket(LOOPBACK + 5);
	peer_addr = net_local(peer);
	user_init(&u, 1);
	user_init(&v, 1);
	allocate(&u);
	for (uint16_t i = 0; i < count; i++) {
		worker_change_listener(workers[i], 0, &listener);
		worker_sync(workers[i]);
	}
	ck_assert(!answers(&v));
	ck_assert(answers(&u));
	bind_channel(&u, &peer_addr);
	say(&u, &peer_addr, "lingers");
	net_receive(peer, got, sizeof(got), NULL, NULL);
	ck_assert_uint_eq(
		holdings_get(&worker_holdings(workers[0])->listeners[0]), 0);
	ck_assert_uint_eq(
		holdings_get(&worker_holdings(workers[1])->listeners[0]), 1);

	/* It is wanted again, with the sockets that it has. */
	listener.lingers = false;
	for (uint16_t i = 0; i < count; i++) {
		worker_change_listener(workers[i], 0, &listener);
		worker_sync(workers[i]);
	}
	allocate(&v);
	ck_assert_uint_eq(
		holdings_get(&worker_holdings(workers[1])->listeners[0]), 2);
	user_fini(&u);
	user_fini(&v);
	close(peer);
	end();
}
END_TEST

static void change_none(void *arg)
{
	struct turn_listener listener = { .in_use = false };

	(void)arg;
	worker_change_listener(workers[0], TURN_LISTENERS_MAX, &listener);
}

START_TEST(a_listener_that_cannot_be_is_asserted)
{
	prepare(1);
	ck_assert_int_eq(make_workers(BUFFER_BYTES), 0);
	ck_assert(unit_aborts(change_none, NULL));
	workers_free(workers, count);
	clean_up();
}
END_TEST

/* --- sessions, as another thread sees them --------------------------------- */

/* More than are copied in one go. */
#define MANY 150

static struct turn_session seen[MANY];

static unsigned count_sessions(uint16_t worker)
{
	uint32_t cursor = 0;

	return worker_sessions(workers[worker], &cursor, seen, MANY);
}

START_TEST(sessions_are_listed_by_any_thread)
{
	static struct user u[MANY];
	unsigned ports = 0;
	uint32_t cursor = 0;

	begin(2);
	ck_assert_uint_eq(count_sessions(0), 0);
	for (unsigned i = 0; i < MANY; i++) {
		user_init(&u[i], 1);
		allocate(&u[i]);
	}
	ck_assert_uint_eq(count_sessions(0), 0);
	ck_assert_uint_eq(count_sessions(1), MANY);
	for (unsigned i = 0; i < MANY; i++) {
		struct addr local = net_local(u[i].fd);

		for (unsigned j = 0; j < MANY; j++)
			ports += addr_equal(&local, &seen[j].client) &&
				 addr_equal(&u[i].relayed, &seen[j].advertised);
		ck_assert_uint_eq(seen[i].worker, 1);
		ck_assert(addr_same_ip(&seen[i].local, &server));
	}
	ck_assert_uint_eq(ports, MANY);
	/* By and by. */
	for (unsigned left = MANY; left > 0; left -= 50)
		ck_assert_uint_eq(
			worker_sessions(workers[1], &cursor, seen, 50), 50);
	ck_assert_uint_eq(worker_sessions(workers[1], &cursor, seen, 50), 0);
	ck_assert_uint_eq(cursor, TURN_SESSIONS_END);
	for (unsigned i = 0; i < MANY; i++)
		user_fini(&u[i]);
	end();
}
END_TEST

START_TEST(a_session_is_ended_by_any_thread)
{
	struct addr peer_addr, relay;
	struct user u, v;
	uint8_t got[64];
	int peer;

	begin(2);
	peer = net_socket(LOOPBACK + 5);
	peer_addr = net_local(peer);
	user_init(&u, 1);
	user_init(&v, 1);
	allocate(&u);
	allocate(&v);
	bind_channel(&u, &peer_addr);
	bind_channel(&v, &peer_addr);
	ck_assert_uint_eq(count_sessions(1), 2);
	ck_assert(!worker_end_session(workers[0], seen[0].allocation,
				      TURN_CAUSE_KILLED));
	for (unsigned i = 0; i < 2; i++)
		if (addr_equal(&seen[i].advertised, &u.relayed))
			seen[0] = seen[i];
	ck_assert(worker_end_session(workers[1], seen[0].allocation,
				     TURN_CAUSE_KILLED));
	ck_assert_uint_eq(sessions_ended, 1);
	ck_assert(!worker_end_session(workers[1], seen[0].allocation,
				      TURN_CAUSE_KILLED));
	/* No byte more of the one, and all of the other. */
	say(&u, &peer_addr, "gone");
	say(&v, &peer_addr, "still here");
	ck_assert_uint_eq(net_receive(peer, got, sizeof(got), &relay, NULL),
			  10);
	ck_assert_uint_eq(relay.port, v.relayed.port);
	ck_assert(net_is_empty(peer));
	ck_assert_uint_eq(count_sessions(1), 1);
	user_fini(&u);
	user_fini(&v);
	close(peer);
	end();
}
END_TEST

/* Several threads ask at once, and some still do when the worker stops. */
static _Atomic bool asking;
static _Atomic unsigned asked;

static void *ask_on(void *arg)
{
	struct turn_session *out = malloc(MANY * sizeof(*out));

	while (asking) {
		uint32_t cursor = 0;

		worker_sessions(arg, &cursor, out, MANY);
		worker_end_session(arg, (struct ref){ 0, 9 },
				   TURN_CAUSE_KILLED);
		asked++;
	}
	free(out);
	return NULL;
}

START_TEST(many_ask_while_the_worker_stops)
{
	pthread_t threads[4];
	struct user u;

	begin(1);
	user_init(&u, 0);
	allocate(&u);
	asking = true;
	for (unsigned i = 0; i < 4; i++)
		ck_assert_int_eq(
			pthread_create(&threads[i], NULL, ask_on, workers[0]),
			0);
	while (asked < 200)
		usleep(1000);
	ck_assert(answers(&u));
	workers_stop(workers, count, TURN_CAUSE_SHUTDOWN);
	ck_assert_uint_eq(count_sessions(0), 0);
	ck_assert(!worker_end_session(workers[0], (struct ref){ 0, 1 },
				      TURN_CAUSE_KILLED));
	asking = false;
	for (unsigned i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	user_fini(&u);
	workers_free(workers, count);
	clean_up();
	ck_assert_uint_eq(sessions_ended, 1);
}
END_TEST

/* A socket that no worker ever took over is closed as well. */
START_TEST(settings_that_nobody_applied)
{
	struct addr any = addr_ipv4(LOOPBACK, 0);

	prepare(2);
	ck_assert_int_eq(make_workers(BUFFER_BYTES), 0);
	set_listener(&any);
	set_listener(&any);
	workers_free(workers, count);
	clean_up();
}
END_TEST

START_TEST(an_idle_worker_shows_that_it_lives)
{
	uint64_t passes[2];

	begin(2);
	for (uint16_t i = 0; i < 2; i++)
		passes[i] = worker_passes(workers[i]);
	for (int wait = 0; wait < 100; wait++) {
		usleep(100000);
		if (worker_passes(workers[0]) >= passes[0] + 2 &&
		    worker_passes(workers[1]) >= passes[1] + 2)
			break;
	}
	ck_assert_uint_ge(worker_passes(workers[0]), passes[0] + 2);
	ck_assert_uint_ge(worker_passes(workers[1]), passes[1] + 2);
	/* But does not spin. */
	ck_assert_uint_lt(worker_passes(workers[0]), passes[0] + 30);
	end();
}
END_TEST

START_TEST(what_expired_in_a_pause_ends)
{
	struct user old, new;

	begin(1);
	user_init(&old, 0);
	allocate(&old);
	pause_s = 10;
	user_init(&new, 0);
	allocate(&new);
	ck_assert_uint_eq(COUNTED(0, allocations), 2);

	/* The default lifetime of the first is over, the second's is not. */
	pause_s = 605;
	ck_assert(answers(&new));
	/* The counter comes first, the log after it. */
	for (int wait = 0; wait < 50 && sessions_ended < 1; wait++)
		usleep(100000);
	ck_assert_uint_eq(COUNTED(0, allocations), 1);
	ck_assert_uint_eq(sessions_ended, 1);
	ck_assert_int_eq(client_refresh(&new.client, 0, now_ms()), 0);
	ck_assert_int_eq(finish(&new).type, CLIENT_REFRESHED);
	user_fini(&old);
	user_fini(&new);
	pause_s = 0;
	end();
	ck_assert_uint_eq(sessions_ended, 2);
}
END_TEST

START_TEST(smaller_buffers_are_said_once)
{
	struct addr any = addr_ipv4(LOOPBACK, 0);
	struct user u;

	prepare(2);
	ck_assert_int_eq(make_workers(INT32_MAX), 0);
	set_listener(&any);
	ck_assert_int_eq(workers_start(workers, count), 0);
	user_init(&u, 0);
	ck_assert(answers(&u));
	user_fini(&u);
	ck_assert_uint_eq(warnings, 1);
	end();
}
END_TEST

START_TEST(each_thing_that_cannot_be_made)
{
	unsigned needed;

	prepare(2);
	calls = 0;
	ck_assert_int_eq(make_workers(BUFFER_BYTES), 0);
	needed = calls;
	workers_free(workers, count);
	ck_assert_uint_gt(needed, 10);
	for (unsigned n = 1; n <= needed; n++) {
		calls = 0;
		fail_at = n;
		ck_assert_int_eq(make_workers(BUFFER_BYTES), -ENOMEM);
		ck_assert_uint_eq(net_count_fds(), fds_before);
	}
	fail_at = 0;
	clean_up();
}
END_TEST

START_TEST(threads_that_cannot_be_started)
{
	for (unsigned n = 1; n <= 3; n++) {
		prepare(3);
		ck_assert_int_eq(make_workers(BUFFER_BYTES), 0);
		/* The first thread maps nothing through us before. */
		calls = 0;
		fail_at = n;
		ck_assert_int_eq(workers_start(workers, count), -EAGAIN);
		fail_at = 0;
		workers_free(workers, count);
		clean_up();
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("worker");
	TCase *c = tcase_create("worker");

	tcase_add_loop_test(c, each_client_has_its_worker, 0, 3);
	tcase_add_test(c, times_and_queues_can_be_read);
	tcase_add_loop_test(c, a_session, 0, 3);
	tcase_add_loop_test(c, hairpin, 0, 3);
	tcase_add_test(c, settings_apply_while_running);
	tcase_add_test(c, a_listener_lingers_while_running);
	tcase_add_test(c, a_listener_that_cannot_be_is_asserted);
	tcase_add_test(c, sessions_are_listed_by_any_thread);
	tcase_add_test(c, a_session_is_ended_by_any_thread);
	tcase_add_test(c, many_ask_while_the_worker_stops);
	tcase_add_test(c, settings_that_nobody_applied);
	tcase_add_test(c, an_idle_worker_shows_that_it_lives);
	tcase_add_test(c, what_expired_in_a_pause_ends);
	tcase_add_test(c, smaller_buffers_are_said_once);
	tcase_add_test(c, each_thing_that_cannot_be_made);
	tcase_add_test(c, threads_that_cannot_be_started);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
