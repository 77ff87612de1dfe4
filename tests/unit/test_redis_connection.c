/* link: -Wl,--wrap=bufferevent_socket_new,--wrap=redisFormatCommandArgv */
#include "unit.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "net_fixture.h"
#include "store/redis_connection.h"

/* The server is a unix socket of this test; all is done in one thread. */

static bool bufferevent_fails, format_fails;

struct bufferevent *__real_bufferevent_socket_new(struct event_base *base,
						  evutil_socket_t fd,
						  int options);
struct bufferevent *__wrap_bufferevent_socket_new(struct event_base *base,
						  evutil_socket_t fd,
						  int options);
int __real_redisFormatCommandArgv(char **out, int count, const char **arguments,
				  const size_t *lens);
int __wrap_redisFormatCommandArgv(char **out, int count, const char **arguments,
				  const size_t *lens);

struct bufferevent *__wrap_bufferevent_socket_new(struct event_base *base,
						  evutil_socket_t fd,
						  int options)
{
	return bufferevent_fails
		       ? NULL
		       : __real_bufferevent_socket_new(base, fd, options);
}

int __wrap_redisFormatCommandArgv(char **out, int count, const char **arguments,
				  const size_t *lens)
{
	return format_fails ? -1
			    : __real_redisFormatCommandArgv(out, count,
							    arguments, lens);
}

static const struct redis_config config = { .timeout_ms = 300 };
static const struct redis_store_hooks store_hooks = { 0 };
static struct redis_loop loop;
static struct redis_connection *connection;
static struct redis_setup to;
static struct redis_login login;
static char path[64];
static int listener, peer;
static unsigned opened, closed, told, handled;
static char why[REDIS_WHY_BYTES];
static bool close_in_handler;

static void on_open(void *owner)
{
	ck_assert_ptr_eq(owner, &loop);
	opened++;
}

static void on_told(void *owner, const redisReply *reply)
{
	ck_assert_ptr_eq(owner, &loop);
	ck_assert_ptr_nonnull(reply);
	told++;
}

static void on_closed(void *owner, const char *text)
{
	ck_assert_ptr_eq(owner, &loop);
	snprintf(why, sizeof(why), "%s", text);
	closed++;
}

static const struct redis_connection_hooks hooks = { .open = on_open,
						     .closed = on_closed };
static const struct redis_connection_hooks telling = { .open = on_open,
						       .told = on_told,
						       .closed = on_closed };

static void on_reply(void *arg, uint32_t tag, const redisReply *reply)
{
	ck_assert_ptr_eq(arg, &handled);
	ck_assert_uint_eq(tag, handled);
	ck_assert_int_eq(reply->type, REDIS_REPLY_INTEGER);
	ck_assert_int_eq(reply->integer, tag);
	handled++;
	if (close_in_handler)
		redis_connection_close(connection);
}

static void setup(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };

	opened = closed = told = handled = 0;
	close_in_handler = false;
	snprintf(path, sizeof(path), "/tmp/test_redis_connection-%d",
		 (int)getpid());
	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, sizeof(at)), 0);
	ck_assert_int_eq(listen(listener, 8), 0);
	peer = -1;
	loop = (struct redis_loop){ .config = &config, .hooks = &store_hooks };
	ck_assert_int_eq(redis_loop_init(&loop), 0);
	connection = calloc(1, sizeof(*connection));
	redis_connection_init(connection, &loop, &hooks, &loop);
	memset(&login, 0, sizeof(login));
	memset(&to, 0, sizeof(to));
	to.login = &login;
	snprintf(to.endpoint.path, sizeof(to.endpoint.path), "%s", path);
}

static void teardown(void)
{
	redis_connection_fini(connection);
	free(connection);
	redis_loop_fini(&loop);
	close(listener);
	if (peer >= 0)
		close(peer);
	unlink(path);
}

static void turn(void)
{
	event_base_loop(loop.base, EVLOOP_NONBLOCK);
	redis_connection_tick(connection, redis_loop_now_ms());
	poll(NULL, 0, 1);
}

#define until(condition)                                          \
	do {                                                      \
		for (unsigned turns = 0; !(condition); turns++) { \
			ck_assert_uint_lt(turns, 5000);           \
			turn();                                   \
		}                                                 \
	} while (0)

static void dial(void)
{
	redis_connection_connect(connection, &to);
	turn();
	peer = accept(listener, NULL, NULL);
	ck_assert_int_ge(peer, 0);
	ck_assert_int_eq(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
}

/* The server hears exactly this. */
static void hear(const char *expected)
{
	char got[1024];
	size_t len = 0;

	while (len < strlen(expected)) {
		ssize_t n = read(peer, got + len, strlen(expected) - len);

		ck_assert(n > 0 || (n < 0 && errno == EAGAIN));
		if (n > 0)
			len += (size_t)n;
		turn();
	}
	ck_assert(!memcmp(got, expected, len));
	ck_assert_int_lt(read(peer, got, 1), 0);
}

static void say(const char *text)
{
	size_t len = strlen(text);

	ck_assert_int_eq(write(peer, text, len), (ssize_t)len);
}

static void send_command(const char *word, uint32_t tag)
{
	redis_connection_send(connection, (struct bytes[]){ bytes_str(word) },
			      1, on_reply, &handled, tag);
}

START_TEST(logs_in)
{
	snprintf(login.user, sizeof(login.user), "alice");
	snprintf(login.password, sizeof(login.password), "a\r\nb %%s");
	to.database = 12;
	to.must_be_master = true;
	redis_key_item(&to.probe, bytes_str("r"), REDIS_ITEM_MAX_BPS);
	dial();
	hear("*3\r\n$4\r\nAUTH\r\n$5\r\nalice\r\n$7\r\na\r\nb %s\r\n"
	     "*2\r\n$6\r\nSELECT\r\n$2\r\n12\r\n"
	     "*1\r\n$4\r\nROLE\r\n"
	     "*2\r\n$3\r\nGET\r\n$20\r\nturn/realm/r/max-bps\r\n");
	say("+OK\r\n+OK\r\n*3\r\n$6\r\nmaster\r\n:1\r\n*0\r\n");
	turn();
	ck_assert_uint_eq(opened, 0);
	say("$-1\r\n");
	until(opened == 1);
	ck_assert(connection->is_open && closed == 0);
}
END_TEST

START_TEST(nothing_to_say_first)
{
	dial();
	until(opened == 1);
}
END_TEST

static void check_refused(const char *said, const char *expected)
{
	dial();
	turn();
	say(said);
	until(closed == 1);
	ck_assert_uint_eq(opened, 0);
	ck_assert_str_eq(why, expected);
	ck_assert(!connection->is_busy);
}

/* A server that says again what it was sent must not get that into a log. */
START_TEST(refused_login)
{
	snprintf(login.password, sizeof(login.password), "geheim");
	check_refused("-ERR unknown command 'AUTH' with 'geheim'\r\n",
		      "the server refuses: login");
}
END_TEST

START_TEST(refused_database)
{
	to.database = 99;
	check_refused("-ERR DB index is out of range\r\n",
		      "the server refuses: ERR DB index is out of range");
}
END_TEST

START_TEST(refused_replica)
{
	to.must_be_master = true;
	check_refused("*2\r\n$5\r\nslave\r\n:1\r\n",
		      "the server is not a master");
}
END_TEST

/* A key of another type is an answer; one that is loading is not. */
START_TEST(probed)
{
	redis_key_item(&to.probe, bytes_str("r"), REDIS_ITEM_MAX_BPS);
	check_refused("-LOADING Redis is loading\r\n",
		      "the server refuses: LOADING Redis is loading");
	close(peer);
	dial();
	turn();
	say("-WRONGTYPE a list\r\n");
	until(opened == 1);
}
END_TEST

START_TEST(replies_in_turn)
{
	dial();
	until(opened == 1);
	for (uint32_t i = 0; i < 5; i++)
		send_command("X", i);
	hear("*1\r\n$1\r\nX\r\n*1\r\n$1\r\nX\r\n*1\r\n$1\r\nX\r\n"
	     "*1\r\n$1\r\nX\r\n*1\r\n$1\r\nX\r\n");
	say(":0\r\n:1\r\n:");
	until(handled == 2);
	say("2\r\n:3\r\n");
	until(handled == 4);
	ck_assert_uint_eq(closed, 0);
}
END_TEST

START_TEST(any_bytes_are_arguments)
{
	dial();
	until(opened == 1);
	redis_connection_send(
		connection,
		(struct bytes[]){ bytes_of("%s\0\r\n", 5), bytes_of(NULL, 0) },
		2, on_reply, &handled, 0);
	for (unsigned i = 0; i < 10; i++)
		turn();
	{
		static const char expected[] =
			"*2\r\n$5\r\n%s\0\r\n\r\n$0\r\n\r\n";
		char got[64];

		ck_assert_int_eq(read(peer, got, sizeof(got)),
				 sizeof(expected) - 1);
		ck_assert(!memcmp(got, expected, sizeof(expected) - 1));
	}
}
END_TEST

START_TEST(closed_by_a_handler)
{
	dial();
	until(opened == 1);
	close_in_handler = true;
	send_command("X", 0);
	send_command("X", 1);
	say(":0\r\n:1\r\n");
	until(handled == 1);
	turn();
	ck_assert(handled == 1 && closed == 0 && !connection->is_busy);
}
END_TEST

START_TEST(not_asked_for)
{
	dial();
	until(opened == 1);
	say("+OK\r\n");
	until(closed == 1);
	ck_assert_str_eq(why, "an answer nobody asked for");
}
END_TEST

START_TEST(told_what_nobody_asked_for)
{
	redis_connection_init(connection, &loop, &telling, &loop);
	dial();
	until(opened == 1);
	redis_connection_send(connection,
			      (struct bytes[]){ bytes_str("SUBSCRIBE") }, 1,
			      NULL, NULL, 0);
	hear("*1\r\n$9\r\nSUBSCRIBE\r\n");
	say("+OK\r\n*0\r\n");
	until(told == 2);
	ck_assert_uint_eq(closed, 0);
}
END_TEST

START_TEST(nonsense)
{
	dial();
	until(opened == 1);
	send_command("X", 0);
	say("HTTP/1.1 200 OK\r\n");
	until(closed == 1);
	ck_assert(!strncmp(why, "not the protocol", 16));
	ck_assert_uint_eq(handled, 0);
}
END_TEST

START_TEST(silent)
{
	redis_key_item(&to.probe, bytes_str("r"), REDIS_ITEM_MAX_BPS);
	dial();
	until(closed == 1);
	ck_assert_str_eq(why, "no answer within the time-out");
	close(peer);
	to.probe.len = 0;
	dial();
	until(opened == 1);
	redis_connection_tick(connection, redis_loop_now_ms() + 100000);
	ck_assert_uint_eq(closed, 1);
	send_command("X", 0);
	until(closed == 2);
	ck_assert_str_eq(why, "no answer within the time-out");
}
END_TEST

START_TEST(hung_up)
{
	dial();
	until(opened == 1);
	close(peer);
	peer = -1;
	until(closed == 1);
	ck_assert_str_eq(why, "closed by the server");
}
END_TEST

START_TEST(nobody_there)
{
	snprintf(to.endpoint.path, sizeof(to.endpoint.path), "%s.not", path);
	redis_connection_connect(connection, &to);
	ck_assert_uint_eq(closed, 0);
	until(closed == 1);
	ck_assert_str_eq(why, "No such file or directory");

	/* A port of this test that nobody listens at. */
	to.endpoint.path[0] = '\0';
	snprintf(to.endpoint.host, sizeof(to.endpoint.host), "127.0.0.1");
	{
		struct sockaddr_in at = { .sin_family = AF_INET };
		socklen_t len = sizeof(at);
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		at.sin_addr.s_addr = htonl(LOOPBACK);
		ck_assert_int_eq(bind(fd, (struct sockaddr *)&at, len), 0);
		ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len),
				 0);
		to.endpoint.port = ntohs(at.sin_port);
		redis_connection_connect(connection, &to);
		until(closed == 2);
		close(fd);
	}
	ck_assert_str_eq(why, "Connection refused");
}
END_TEST

START_TEST(no_memory)
{
	unsigned fds = net_count_fds();

	bufferevent_fails = true;
	redis_connection_connect(connection, &to);
	bufferevent_fails = false;
	until(closed == 1);
	ck_assert_str_eq(why, "Cannot allocate memory");
	ck_assert_uint_eq(net_count_fds(), fds);
	dial();
	until(opened == 1);
	format_fails = true;
	send_command("X", 0);
	format_fails = false;
	until(closed == 2);
}
END_TEST

START_TEST(room)
{
	dial();
	until(opened == 1);
	ck_assert(redis_connection_has_room(connection, REDIS_COMMANDS_MAX));
	ck_assert(
		!redis_connection_has_room(connection, REDIS_COMMANDS_MAX + 1));
	send_command("X", 0);
	ck_assert(!redis_connection_has_room(connection, REDIS_COMMANDS_MAX));
	redis_connection_close(connection);
	ck_assert(redis_connection_has_room(connection, REDIS_COMMANDS_MAX));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("redis_connection");
	TCase *c = tcase_create("redis_connection");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, logs_in);
	tcase_add_test(c, nothing_to_say_first);
	tcase_add_test(c, refused_login);
	tcase_add_test(c, refused_database);
	tcase_add_test(c, refused_replica);
	tcase_add_test(c, probed);
	tcase_add_test(c, replies_in_turn);
	tcase_add_test(c, any_bytes_are_arguments);
	tcase_add_test(c, closed_by_a_handler);
	tcase_add_test(c, not_asked_for);
	tcase_add_test(c, told_what_nobody_asked_for);
	tcase_add_test(c, nonsense);
	tcase_add_test(c, silent);
	tcase_add_test(c, hung_up);
	tcase_add_test(c, nobody_there);
	tcase_add_test(c, no_memory);
	tcase_add_test(c, room);
	suite_add_tcase(s, c);
	return s;
}

UNIT_MAIN(suite)
