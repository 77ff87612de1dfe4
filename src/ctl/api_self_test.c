/*
 * Self-tests by others than the server itself: a credential for a minute, and
 * one more peer that is open meanwhile.
 */
#include <errno.h>
#include <stdlib.h>

#include "ctl/api.h"
#include "ctl/turn_urls.h"
#include "ctl/values.h"

enum { SELF_TEST_PEER, SELF_TEST_REALM };

static const struct field members[] = {
	[SELF_TEST_PEER] = { "peer", FIELD_TEXT, .max = ADDR_TEXT_BYTES - 1 },
	[SELF_TEST_REALM] = { "realm", FIELD_TEXT,
			      .max = STUN_REALM_MAX_BYTES },
	{ .name = NULL },
};

/* "192.0.2.1:5000". */
static bool read_socket(struct bytes text, struct addr *out)
{
	const char *colon = memrchr(text.data, ':', text.len);
	char ip[ADDR_TEXT_BYTES] = "";
	unsigned long port;
	char *rest;

	if (!colon || colon[1] < '1' || colon[1] > '9')
		return false;
	memcpy(ip, text.data, (size_t)(colon - (const char *)text.data));
	port = strtoul(colon + 1, &rest, 10);
	if (*rest || port > UINT16_MAX || !addr_parse(ip, out))
		return false;
	out->port = (uint16_t)port;
	return true;
}

/* The realm of that name, or the first one; -1: there is none. */
static int find_realm(const struct control_server *s,
		      const struct field_value *name)
{
	if (!name->is_set)
		return 0;
	for (unsigned i = 0; i < s->realm_count; i++)
		if (bytes_equal(bytes_str(s->realms[i].name), name->text))
			return (int)i;
	return -1;
}

static void tell(const struct control_self_test *t,
		 const struct control_server *s, uint8_t realm,
		 struct answer *a)
{
	answer_json(a, 201,
		    json_pack("{s:s, s:s, s:s, s:o, s:i, s:i, s:o}", "username",
			      t->username, "password", t->password, "realm",
			      s->realms[realm].name, "expires",
			      value_time(t->expires_wall_s), "allocations",
			      (int)t->allocations, "packets", (int)t->packets,
			      "urls", turn_urls(s, realm)));
}

static void begin_with(const struct request *q, const struct control_server *s,
		       int realm, const struct addr *peer, struct answer *a)
{
	struct control_self_test t;
	int error;

	if (realm < 0) {
		answer_error(a, 404, "unknown_realm",
			     "There is no realm of that name.",
			     "GET /v1/server lists them.");
		return;
	}
	error = q->hooks->begin_self_test(q->hooks->arg, (uint8_t)realm, peer,
					  q->by, &t);
	if (error == -EPERM)
		answer_error(a, 403, "peer_refused",
			     "The peer is no socket of a tester's on this "
			     "machine.",
			     "Name an address of this machine and a port that "
			     "is neither a listener's nor a relay port.");
	else if (!error)
		tell(&t, s, (uint8_t)realm, a);
}

static void begin(const struct request *q, struct answer *a)
{
	const struct field_value *text = &q->members[SELF_TEST_PEER];
	struct control_server *s = calloc(1, sizeof(*s));
	struct addr peer = { .family = ADDR_NONE };

	if (!s)
		return;
	q->hooks->look(q->hooks->arg, s);
	if (text->is_set && !read_socket(text->text, &peer))
		answer_error(a, 400, "bad_peer",
			     "The peer is not ADDRESS:PORT.", NULL);
	else
		begin_with(q, s, find_realm(s, &q->members[SELF_TEST_REALM]),
			   &peer, a);
	free(s);
}

const struct route api_self_test = {
	.method = ROUTE_POST,
	.path = "/v1/self-test",
	.members = members,
	.handle = begin,
};
