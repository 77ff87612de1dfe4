#include "unit.h"

#include <string.h>
#include <sys/socket.h>
#include <grp.h>

#include "ctl/access.h"

static struct addr parse(const char *ip)
{
	struct addr a;

	ck_assert(addr_parse(ip, &a));
	return addr_with_port(&a, 9641);
}

START_TEST(hosts)
{
	static const struct {
		const char *http;
		const char *host;
		bool ok;
	} cases[] = {
		{ "127.0.0.1", "127.0.0.1:9641", true },
		{ "127.0.0.1", "127.0.0.1", true },
		{ "127.0.0.1", "localhost:9641", true },
		{ "127.0.0.1", "LocalHost", true },
		/* Forwarded through ssh. */
		{ "127.0.0.1", "localhost:8080", true },
		{ "127.0.0.1", "127.0.0.2:9641", false },
		{ "127.0.0.1", "example.com", false },
		{ "127.0.0.1", "127.0.0.1.example.com:9641", false },
		{ "127.0.0.1", "localhost.example.com", false },
		{ "127.0.0.1", "localhost:", true },
		{ "127.0.0.1", "localhost:1x", false },
		{ "127.0.0.1", "localhost:1:2", false },
		{ "127.0.0.1", "", false },
		{ "127.0.0.1", ":9641", false },
		{ "127.0.0.1", NULL, false },
		{ "127.0.0.1", "[::1]:9641", false },
		{ "::1", "[::1]:9641", true },
		{ "::1", "[::1]", true },
		{ "::1", "[::1", false },
		{ "::1", "::1", false },
		{ "0.0.0.0", "192.0.2.1:9641", true },
		{ "0.0.0.0", "evil.example", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct addr http = parse(cases[i].http);

		ck_assert_msg(access_host(&http, cases[i].host) == cases[i].ok,
			      "%zu", i);
	}
}
END_TEST

START_TEST(origins)
{
	ck_assert(access_origin("localhost:9641", "http://localhost:9641"));
	ck_assert(access_origin("localhost:9641", "HTTP://LOCALHOST:9641"));
	ck_assert(!access_origin("localhost:9641", "http://localhost"));
	ck_assert(!access_origin("localhost:9641", "https://localhost:9641"));
	ck_assert(!access_origin("localhost:9641", "http://localhost:9641/"));
	ck_assert(!access_origin("localhost:9641", "http://example.com"));
	ck_assert(!access_origin("localhost:9641", "null"));
	ck_assert(!access_origin("localhost:9641", ""));
	ck_assert(!access_origin(NULL, "http://localhost:9641"));
}
END_TEST

#define TOKEN "0123456789abcdefABC-._~+/="

START_TEST(tokens)
{
	char text[ACCESS_TOKEN_MAX_BYTES + 2];

	ck_assert(access_is_token(TOKEN));
	ck_assert(!access_is_token(""));
	ck_assert(!access_is_token("012345678901234"));
	ck_assert(access_is_token("0123456789012345"));
	ck_assert(!access_is_token("0123456789 012345"));
	ck_assert(!access_is_token("0123456789\n012345"));
	memset(text, 'a', sizeof(text));
	text[ACCESS_TOKEN_MAX_BYTES + 1] = '\0';
	ck_assert(!access_is_token(text));
	text[ACCESS_TOKEN_MAX_BYTES] = '\0';
	ck_assert(access_is_token(text));

	ck_assert(access_token(TOKEN, "Bearer " TOKEN));
	ck_assert(access_token(TOKEN, "bearer " TOKEN));
	ck_assert(!access_token(TOKEN, NULL));
	ck_assert(!access_token(TOKEN, ""));
	ck_assert(!access_token(TOKEN, TOKEN));
	ck_assert(!access_token(TOKEN, "Basic " TOKEN));
	ck_assert(!access_token(TOKEN, "Bearer " TOKEN "="));
	ck_assert(!access_token(TOKEN, "Bearer  " TOKEN));
	ck_assert(!access_token(TOKEN, "Bearer 0123456789abcdefABC-._~+//"));
	ck_assert(!access_token(TOKEN, "Bearer "));
}
END_TEST

/* The kernel says who made the pair: us. */
START_TEST(peers)
{
	uid_t peer = 4711;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert(access_peer(fds[0], getuid(), (gid_t)-2, &peer));
	ck_assert_uint_eq(peer, getuid());
	ck_assert(access_peer(fds[0], (uid_t)-2, getgid(), &peer));
	/* Root always is. */
	ck_assert(access_peer(fds[0], (uid_t)-2, (gid_t)-2, &peer) ==
		  (getuid() == 0));
	close(fds[0]);
	close(fds[1]);
	ck_assert(!access_peer(fds[0], getuid(), getgid(), &peer));
}
END_TEST

/* As another user with many groups, where that can be become. */
START_TEST(foreign_peers)
{
	gid_t groups[200];
	uid_t peer;
	int fds[2];

	if (getuid() != 0)
		return;
	for (unsigned i = 0; i < 200; i++)
		groups[i] = 5000 + i;
	ck_assert_int_eq(setgroups(200, groups), 0);
	ck_assert_int_eq(setgid(4001), 0);
	ck_assert_int_eq(setuid(4000), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	ck_assert(!access_peer(fds[0], 1, 4000, &peer));
	ck_assert_uint_eq(peer, 4000);
	ck_assert(access_peer(fds[0], 4000, 1, &peer));
	ck_assert(access_peer(fds[0], 1, 4001, &peer));
	ck_assert(access_peer(fds[0], 1, 5199, &peer));
	ck_assert(!access_peer(fds[0], 1, 5200, &peer));
	close(fds[0]);
	close(fds[1]);
}
END_TEST

static Suite *access_suite(void)
{
	Suite *s = suite_create("access");
	TCase *t = tcase_create("access");

	tcase_add_test(t, hosts);
	tcase_add_test(t, origins);
	tcase_add_test(t, tokens);
	tcase_add_test(t, peers);
	/* Not without a process of its own. */
	if (!getenv("CK_FORK") || strcmp(getenv("CK_FORK"), "no"))
		tcase_add_test(t, foreign_peers);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(access_suite)
