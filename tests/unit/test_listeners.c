/* link: -Wl,--wrap=udp_open_listeners,--wrap=worker_set_listener,--wrap=worker_change_listener,--wrap=worker_holdings */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "net/udp.h"
#include "worker/listeners.h"

#define WORKERS 3

/* Sockets are files here, and workers are numbers. */
static struct {
	unsigned opened;
	int error;     /* of every further one, if not 0 */
	unsigned good; /* before that, so many work */
	struct addr last;
} udp;

static struct {
	unsigned given;
	unsigned taken;
	unsigned changed;
	struct turn_listener changed_to; /* of the last one */
	uint16_t index;                  /* of the last one */
	struct turn_listener listener;
	bool serving[WORKERS][TURN_LISTENERS_MAX];
} handed;

static struct holdings holdings[WORKERS];

int __wrap_udp_open_listeners(const struct addr *local, uint16_t count,
			      int buffer_bytes, int *fds);
void __wrap_worker_set_listener(struct worker *w, uint16_t index,
				const struct turn_listener *listener, int fd);

void __wrap_worker_change_listener(struct worker *w, uint16_t index,
				   const struct turn_listener *listener);
const struct holdings *__wrap_worker_holdings(const struct worker *w);

int __wrap_udp_open_listeners(const struct addr *local, uint16_t count,
			      int buffer_bytes, int *fds)
{
	ck_assert_uint_eq(count, WORKERS);
	ck_assert_int_eq(buffer_bytes, 12345);
	if (udp.error && udp.good == 0)
		return udp.error;
	udp.good -= udp.error != 0;
	for (uint16_t i = 0; i < count; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	udp.opened++;
	udp.last = *local;
	return 0;
}

void __wrap_worker_set_listener(struct worker *w, uint16_t index,
				const struct turn_listener *listener, int fd)
{
	uintptr_t number = (uintptr_t)w - 1;

	ck_assert_uint_lt(number, WORKERS);
	ck_assert(listener->in_use == (fd >= 0));
	ck_assert(handed.serving[number][index] != listener->in_use);
	handed.serving[number][index] = listener->in_use;
	if (fd >= 0) {
		ck_assert_int_eq(close(fd), 0);
		handed.given++;
	} else {
		handed.taken++;
	}
	handed.index = index;
	handed.listener = *listener;
}

void __wrap_worker_change_listener(struct worker *w, uint16_t index,
				   const struct turn_listener *listener)
{
	uintptr_t number = (uintptr_t)w - 1;

	ck_assert_uint_lt(number, WORKERS);
	ck_assert(listener->in_use);
	ck_assert(handed.serving[number][index]);
	handed.changed++;
	handed.changed_to = *listener;
}

const struct holdings *__wrap_worker_holdings(const struct worker *w)
{
	return &holdings[(uintptr_t)w - 1];
}

static struct worker *workers[WORKERS];
static struct conf conf;   /* of the start */
static struct conf wanted; /* of a reload */
static struct listeners listeners;
static struct ifaddr_list machine;
static struct listeners_failure failure;

static struct addr ip(const char *text)
{
	struct addr a;

	ck_assert(addr_parse(text, &a));
	return a;
}

static void set_machine(const char *const *ips)
{
	machine.count = 0;
	machine.full = false;
	for (; *ips; ips++)
		machine.items[machine.count++].ip = ip(*ips);
}

#define MACHINE(...) set_machine((const char *const[]){ __VA_ARGS__, NULL })

static void add(struct conf *to, const char *address, uint16_t port,
		uint8_t realm)
{
	struct addr a = ip(address);

	to->listeners[to->listener_count] = (struct conf_listener){
		.address = addr_with_port(&a, port),
		.realm = realm,
		.line = (unsigned)to->listener_count + 11,
	};
	to->listener_count++;
}

/* By the configuration of the start. */
static void listen_at(const char *address, uint16_t port, uint8_t realm)
{
	add(&conf, address, port, realm);
	listeners_init(&listeners, &conf);
}

static void setup(void)
{
	memset(&udp, 0, sizeof(udp));
	memset(&handed, 0, sizeof(handed));
	memset(&conf, 0, sizeof(conf));
	memset(&wanted, 0, sizeof(wanted));
	memset(holdings, 0, sizeof(holdings));
	conf.turn.worker_count = WORKERS;
	conf.listener_buffer_bytes = 12345;
	for (uintptr_t i = 0; i < WORKERS; i++)
		workers[i] = (struct worker *)(i + 1);
	listeners_init(&listeners, &conf);
}

static void teardown(void)
{
	listeners_fini(&listeners);
}

static bool follow(void)
{
	bool changed = listeners_follow(&listeners, &machine, &failure);

	ck_assert_int_eq(failure.error, 0);
	return changed;
}

static void follow_and_hand_over(void)
{
	follow();
	listeners_hand_over(&listeners, workers);
}

static unsigned serving(void)
{
	unsigned count = 0;

	for (unsigned i = 0; i < TURN_LISTENERS_MAX; i++) {
		/* All workers or none. */
		for (unsigned w = 1; w < WORKERS; w++)
			ck_assert(handed.serving[w][i] == handed.serving[0][i]);
		count += handed.serving[0][i];
	}
	ck_assert_uint_eq(count, listeners_count(&listeners));
	return count;
}

START_TEST(a_listener_is_opened_once)
{
	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("192.0.2.1", 3478, 1);
	ck_assert(follow());
	ck_assert_uint_eq(udp.opened, 1);
	ck_assert_uint_eq(handed.given, 0);
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(handed.given, WORKERS);
	ck_assert_uint_eq(handed.listener.realm, 1);
	ck_assert_uint_eq(handed.listener.local.port, 3478);
	ck_assert_uint_eq(serving(), 1);

	ck_assert(!follow());
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(udp.opened, 1);
	ck_assert_uint_eq(handed.given, WORKERS);
}
END_TEST

START_TEST(everywhere_is_each_ipv4_address)
{
	MACHINE("127.0.0.1", "192.0.2.1", "2001:db8::1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	listen_at("0.0.0.0", 3479, 0);
	follow_and_hand_over();
	ck_assert_uint_eq(serving(), 4);
	ck_assert_uint_eq(udp.opened, 4);
}
END_TEST

START_TEST(addresses_come_and_go)
{
	struct addr two = ip("192.0.2.2");

	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow_and_hand_over();

	MACHINE("127.0.0.1", "192.0.2.1", "192.0.2.2");
	ck_assert(follow());
	ck_assert(addr_same_ip(&udp.last, &two));
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(serving(), 3);

	MACHINE("192.0.2.2");
	ck_assert(follow());
	ck_assert_uint_eq(handed.taken, 0);
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(handed.taken, 2 * WORKERS);
	ck_assert_uint_eq(serving(), 1);
}
END_TEST

/* One that is named stays: its sockets work again when the address is back. */
START_TEST(a_named_address_stays)
{
	MACHINE("192.0.2.1");
	listen_at("192.0.2.1", 3478, 0);
	follow_and_hand_over();
	MACHINE("192.0.2.2");
	ck_assert(!follow());
	ck_assert_uint_eq(serving(), 1);
}
END_TEST

/* Allocations may still name the place of an address that went. */
START_TEST(places_are_not_reused_while_others_are_left)
{
	uint16_t first;
	char text[32];

	MACHINE("10.0.0.1");
	listen_at("0.0.0.0", 3478, 0);
	follow_and_hand_over();
	first = handed.index;
	for (unsigned i = 2; i <= TURN_LISTENERS_MAX; i++) {
		snprintf(text, sizeof(text), "10.0.%u.%u", i / 256, i % 256);
		MACHINE(text);
		follow_and_hand_over();
		ck_assert_uint_eq(serving(), 1);
		ck_assert_uint_ne(handed.listener.in_use ? handed.index : 999,
				  first);
	}
	/* The same address: the same place. */
	MACHINE("10.0.0.1");
	follow_and_hand_over();
	ck_assert(handed.serving[0][first]);
	/* All have been used: the one that is free longest. */
	MACHINE("10.9.9.9");
	follow_and_hand_over();
	ck_assert(!handed.serving[0][first]);
	ck_assert_uint_eq(serving(), 1);
}
END_TEST

START_TEST(what_cannot_be_opened_is_told)
{
	struct addr first = ip("127.0.0.1");

	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	udp.error = -EADDRINUSE;
	ck_assert(!listeners_follow(&listeners, &machine, &failure));
	ck_assert_int_eq(failure.error, -EADDRINUSE);
	ck_assert(addr_same_ip(&failure.address, &first));
	ck_assert_uint_eq(failure.address.port, 3478);
	ck_assert_uint_eq(listeners_count(&listeners), 0);
	/* The next change of addresses is another chance. */
	udp.error = 0;
	follow_and_hand_over();
	ck_assert_uint_eq(serving(), 2);
}
END_TEST

START_TEST(more_than_there_are_places)
{
	listen_at("0.0.0.0", 1, 0);
	listen_at("0.0.0.0", 2, 0);
	machine.count = 0;
	for (unsigned i = 0; i < 200; i++)
		machine.items[machine.count++].ip =
			addr_ipv4(0x0a000001 + i, 0);
	ck_assert(listeners_follow(&listeners, &machine, &failure));
	ck_assert_int_eq(failure.error, -ENOSPC);
	ck_assert_uint_eq(listeners_count(&listeners), TURN_LISTENERS_MAX);
}
END_TEST

START_TEST(what_was_not_handed_over_is_closed)
{
	int before = open("/dev/null", O_RDONLY);
	int after;

	close(before);
	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow();
	listeners_fini(&listeners);
	after = open("/dev/null", O_RDONLY);
	close(after);
	ck_assert_int_eq(before, after);
}
END_TEST

START_TEST(the_policy_has_own_addresses_and_sockets)
{
	static struct peer_policy p;
	struct addr own = ip("192.0.2.1");

	MACHINE("2001:db8::1", "127.0.0.1", "192.0.2.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow();
	p.own_ip_count = 77;
	p.own_socket_count = 88;
	ck_assert(listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_ip_count, 3);
	ck_assert_uint_eq(p.own_ips[0].family, ADDR_IPV4);
	ck_assert_uint_eq(p.own_ips[2].family, ADDR_IPV6);
	ck_assert_uint_eq(p.own_ips[1].port, 0);
	ck_assert_uint_eq(p.own_socket_count, 2);
	ck_assert(addr_same_ip(&p.own_sockets[1], &own));
	ck_assert_uint_eq(p.own_sockets[1].port, 3478);

	/* Those that are gone are not in it, before workers know or after. */
	listeners_hand_over(&listeners, workers);
	MACHINE("127.0.0.1");
	follow();
	ck_assert(listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_socket_count, 1);
	ck_assert_uint_eq(p.own_ip_count, 1);
}
END_TEST

START_TEST(more_addresses_than_a_policy_holds)
{
	static struct peer_policy p;

	machine.count = 0;
	for (unsigned i = 0; i < PEER_POLICY_OWN_MAX; i++)
		machine.items[machine.count++].ip =
			addr_ipv4(0x0a000001 + i, 0);
	ck_assert(listeners_policy(&listeners, &machine, &p));
	machine.full = true;
	ck_assert(!listeners_policy(&listeners, &machine, &p));
	machine.full = false;
	machine.items[machine.count++].ip = ip("2001:db8::1");
	ck_assert(!listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_ip_count, PEER_POLICY_OWN_MAX);
}
END_TEST

START_TEST(a_listener_is_found_by_address)
{
	struct addr one = ip("192.0.2.1"), other = ip("198.51.100.1");

	ck_assert_ptr_null(listeners_at(&listeners, &one));
	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("0.0.0.0", 3478, 0);
	follow_and_hand_over();
	ck_assert(addr_same_ip(&listeners_at(&listeners, &one)->local, &one));
	ck_assert_ptr_nonnull(listeners_at(&listeners, &other));
}
END_TEST

/* --- as a reload wants others --- */

/* What is in force, and handed over: 192.0.2.1:3478, realm 0. */
static void set_up_one(void)
{
	setup();
	MACHINE("127.0.0.1", "192.0.2.1");
	listen_at("192.0.2.1", 3478, 0);
	follow_and_hand_over();
}

static bool prepare(void)
{
	return listeners_prepare(&listeners, &wanted, &machine, &failure);
}

/* The whole of a reload that nothing stands in the way of. */
static void reload(void)
{
	ck_assert(prepare());
	listeners_commit(&listeners, &wanted);
	listeners_hand_over(&listeners, workers);
}

static bool let_go(void)
{
	bool changed = listeners_let_go(&listeners, workers);

	listeners_hand_over(&listeners, workers);
	return changed;
}

START_TEST(another_listener_comes)
{
	add(&wanted, "192.0.2.1", 3478, 0);
	add(&wanted, "127.0.0.1", 3479, 1);
	ck_assert(prepare());
	/* It is bound, and nobody has it, nor do the rules. */
	ck_assert_uint_eq(udp.opened, 2);
	ck_assert_uint_eq(serving(), 1);
	listeners_commit(&listeners, &wanted);
	ck_assert_uint_eq(listeners_count(&listeners), 2);
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(serving(), 2);
	ck_assert_uint_eq(handed.listener.realm, 1);
	ck_assert_uint_eq(handed.changed, 0);
	/* It is what addresses are followed for, from now on. */
	ck_assert(!follow());
	ck_assert_uint_eq(udp.opened, 2);
}
END_TEST

START_TEST(one_that_is_prepared_can_be_abandoned)
{
	static struct peer_policy p;

	add(&wanted, "127.0.0.1", 3479, 0);
	ck_assert(prepare());
	ck_assert(listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_socket_count, 1);
	listeners_abandon(&listeners);
	ck_assert(!follow());
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(serving(), 1);
	ck_assert_uint_eq(listeners_lingering(&listeners), 0);
	/* What was opened for nothing is opened anew. */
	ck_assert(prepare());
	ck_assert_uint_eq(udp.opened, 3);
}
END_TEST

/* All or nothing: those that could be opened are closed. */
START_TEST(one_of_several_cannot_be_opened)
{
	int before = open("/dev/null", O_RDONLY), after;

	close(before);
	add(&wanted, "192.0.2.1", 3479, 0);
	add(&wanted, "127.0.0.1", 3479, 0);
	add(&wanted, "127.0.0.1", 3480, 0);
	udp.good = 1;
	udp.error = -EADDRINUSE;
	ck_assert(!prepare());
	ck_assert_int_eq(failure.error, -EADDRINUSE);
	ck_assert_uint_eq(failure.line, 12);
	ck_assert_uint_eq(failure.address.port, 3479);
	after = open("/dev/null", O_RDONLY);
	close(after);
	ck_assert_int_eq(before, after);
	listeners_hand_over(&listeners, workers);
	ck_assert_uint_eq(serving(), 1);
	ck_assert_uint_eq(handed.changed, 0);
	/* And the addresses are followed for what was in force before. */
	udp.error = 0;
	ck_assert(!follow());
}
END_TEST

START_TEST(one_that_is_wanted_no_more_lingers)
{
	static struct peer_policy p;
	uint16_t place = handed.index;

	add(&wanted, "127.0.0.1", 3479, 0);
	holdings[2].listeners[place] = 1;
	reload();
	ck_assert_uint_eq(handed.changed, WORKERS);
	ck_assert_uint_eq(handed.taken, 0);
	ck_assert_uint_eq(listeners_count(&listeners), 1);
	ck_assert_uint_eq(listeners_lingering(&listeners), 1);
	/* It is a socket of ours as long as it is open. */
	ck_assert(listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_socket_count, 2);

	ck_assert(!let_go());
	ck_assert(!follow());
	holdings[2].listeners[place] = 0;
	ck_assert(let_go());
	ck_assert_uint_eq(handed.taken, WORKERS);
	ck_assert_uint_eq(handed.index, place);
	ck_assert_uint_eq(listeners_lingering(&listeners), 0);
	ck_assert(listeners_policy(&listeners, &machine, &p));
	ck_assert_uint_eq(p.own_socket_count, 1);
	ck_assert(!let_go());
}
END_TEST

START_TEST(one_that_lingers_is_wanted_again)
{
	struct addr own = ip("192.0.2.1");

	add(&wanted, "127.0.0.1", 3479, 0);
	reload();
	ck_assert(handed.changed_to.lingers);
	ck_assert(!addr_same_ip(&listeners_at(&listeners, &own)->local, &own));
	add(&wanted, "192.0.2.1", 3478, 1);
	reload();
	ck_assert(!handed.changed_to.lingers);
	ck_assert_uint_eq(handed.changed_to.realm, 1);
	ck_assert_uint_eq(handed.changed, 2 * WORKERS);
	ck_assert_uint_eq(udp.opened, 2);
	ck_assert_uint_eq(listeners_lingering(&listeners), 0);
	ck_assert(!let_go());
	ck_assert_uint_eq(serving(), 2);
}
END_TEST

/* Its sockets stay, whatever of it is another one. */
START_TEST(a_listener_gets_another_realm)
{
	add(&wanted, "192.0.2.1", 3478, 1);
	reload();
	ck_assert_uint_eq(handed.changed, WORKERS);
	ck_assert_uint_eq(handed.changed_to.realm, 1);
	ck_assert(!handed.changed_to.lingers);
	ck_assert_uint_eq(udp.opened, 1);
	reload();
	ck_assert_uint_eq(handed.changed, WORKERS);
}
END_TEST

/* One address of it is there already. */
START_TEST(everywhere_takes_the_place_of_one_address)
{
	add(&wanted, "0.0.0.0", 3478, 0);
	reload();
	ck_assert_uint_eq(udp.opened, 2);
	ck_assert_uint_eq(serving(), 2);
	wanted.listener_count = 0;
	add(&wanted, "192.0.2.1", 3478, 0);
	reload();
	ck_assert_uint_eq(listeners_lingering(&listeners), 1);
	ck_assert_uint_eq(listeners_count(&listeners), 1);
	ck_assert(let_go());
	ck_assert_uint_eq(serving(), 1);
}
END_TEST

static Suite *listeners_suite(void)
{
	Suite *s = suite_create("listeners");
	TCase *t = tcase_create("places"), *other = tcase_create("reload");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, a_listener_is_opened_once);
	tcase_add_test(t, everywhere_is_each_ipv4_address);
	tcase_add_test(t, addresses_come_and_go);
	tcase_add_test(t, a_named_address_stays);
	tcase_add_test(t, places_are_not_reused_while_others_are_left);
	tcase_add_test(t, what_cannot_be_opened_is_told);
	tcase_add_test(t, more_than_there_are_places);
	tcase_add_test(t, what_was_not_handed_over_is_closed);
	tcase_add_test(t, the_policy_has_own_addresses_and_sockets);
	tcase_add_test(t, more_addresses_than_a_policy_holds);
	tcase_add_test(t, a_listener_is_found_by_address);
	suite_add_tcase(s, t);

	tcase_add_checked_fixture(other, set_up_one, teardown);
	tcase_add_test(other, another_listener_comes);
	tcase_add_test(other, one_that_is_prepared_can_be_abandoned);
	tcase_add_test(other, one_of_several_cannot_be_opened);
	tcase_add_test(other, one_that_is_wanted_no_more_lingers);
	tcase_add_test(other, one_that_lingers_is_wanted_again);
	tcase_add_test(other, a_listener_gets_another_realm);
	tcase_add_test(other, everywhere_takes_the_place_of_one_address);
	suite_add_tcase(s, other);
	return s;
}

UNIT_MAIN(listeners_suite)
