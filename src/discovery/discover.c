#include "discovery/discover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "discovery/azure.h"
#include "discovery/http_get.h"
#include "discovery/stun_ask.h"

#define WHAT_BYTES 192

typedef enum azure_result
azure_parser(struct bytes answer, const struct addr *ours, struct addr *out);

/* A question to the metadata service. */
struct metadata_question {
	const char *source; /* as it is told, and written to the file */
	const char *path;
	azure_parser *parse;
};

static const struct metadata_question metadata_questions[] = {
	{ "azure-metadata", AZURE_INTERFACES, azure_parse_interfaces },
	{ "azure-load-balancer", AZURE_LOAD_BALANCER,
	  azure_parse_load_balancer },
};

static void tell(const struct discover_config *c, const char *source,
		 const char *what)
{
	if (c->tell)
		c->tell(c->arg, source, what);
}

static bool found(const struct discover_config *c, const char *source,
		  const struct addr *address, struct advertised *out)
{
	char text[ADDR_TEXT_BYTES];

	out->address = addr_with_port(address, 0);
	snprintf(out->source, sizeof(out->source), "%s", source);
	tell(c, source, addr_print(&out->address, text));
	return true;
}

/* --- the relay address --- */

static bool is_public_itself(const struct discover_config *c,
			     struct advertised *out)
{
	return advertised_is_fit(&c->relay) &&
	       found(c, "relay.address", &c->relay, out);
}

/* --- the metadata service --- */

static void tell_http(const struct discover_config *c, const char *source,
		      const struct http_answer *answer)
{
	char what[WHAT_BYTES];

	if (answer->result != HTTP_GET_REFUSED) {
		tell(c, source, http_explain(answer->result));
		return;
	}
	snprintf(what, sizeof(what), "refused with status %d", answer->status);
	tell(c, source, what);
}

static bool ask_metadata(const struct discover_config *c,
			 const struct metadata_question *q, char *body,
			 struct advertised *out)
{
	enum azure_result result;
	struct http_answer answer;
	struct addr address;

	http_get(&c->metadata, q->path, DISCOVER_HTTP_MS, body,
		 AZURE_ANSWER_MAX_BYTES, &answer);
	if (answer.result != HTTP_GET_OK) {
		tell_http(c, q->source, &answer);
		return false;
	}
	result = q->parse(bytes_of(body, answer.len), &c->relay, &address);
	if (result == AZURE_FOUND)
		return found(c, q->source, &address, out);
	tell(c, q->source, azure_explain(result));
	return false;
}

static bool by_metadata(const struct discover_config *c, struct advertised *out)
{
	char *body = malloc(AZURE_ANSWER_MAX_BYTES);
	bool ok = false;
	size_t count =
		sizeof(metadata_questions) / sizeof(metadata_questions[0]);

	if (!body)
		tell(c, "azure-metadata", http_explain(HTTP_GET_FAILED));
	for (size_t i = 0; body && !ok && i < count; i++)
		ok = ask_metadata(c, &metadata_questions[i], body, out);
	free(body);
	return ok;
}

/* --- STUN --- */

static const char *stun_explain(int error, char out[WHAT_BYTES])
{
	switch (-error) {
	case ETIMEDOUT:
		return "no answer in time";
	case EPERM:
		return "may not be asked: its address is missing in "
		       "IPAddressAllow= of turnpike-address.service";
	default:
		snprintf(out, WHAT_BYTES, "cannot be asked: %s",
			 strerror(-error));
		return out;
	}
}

/* "stun:203.0.113.9:3478" */
static void name_server(const struct addr *server,
			char out[ADVERTISED_SOURCE_BYTES])
{
	char text[ADDR_TEXT_BYTES];

	snprintf(out, ADVERTISED_SOURCE_BYTES, "stun:%s",
		 addr_print(server, text));
}

/* Whether this server has a usable answer. */
static bool ask_server(const struct discover_config *c,
		       const struct addr *server, struct addr *out)
{
	char source[ADVERTISED_SOURCE_BYTES], what[WHAT_BYTES];
	char text[ADDR_TEXT_BYTES];
	int error = stun_ask(server, &c->relay, out);

	name_server(server, source);
	if (error) {
		tell(c, source, stun_explain(error, what));
		return false;
	}
	*out = addr_with_port(out, 0);
	if (advertised_is_fit(out))
		return true;
	snprintf(what, sizeof(what), "%s, which is not a public address",
		 addr_print(out, text));
	tell(c, source, what);
	return false;
}

static bool by_stun(const struct discover_config *c, struct advertised *out)
{
	const struct addr *first = NULL;
	char source[ADVERTISED_SOURCE_BYTES];
	struct addr seen, other;

	for (unsigned i = 0; i < c->stun_server_count; i++) {
		if (!ask_server(c, &c->stun_servers[i], first ? &other : &seen))
			continue;
		name_server(&c->stun_servers[i], source);
		if (first && !addr_same_ip(&seen, &other)) {
			tell(c, source,
			     "another address than the server "
			     "before: none is believed");
			return false;
		}
		if (!first)
			first = &c->stun_servers[i];
	}
	if (!first)
		return false;
	name_server(first, source);
	return found(c, source, &seen, out);
}

bool discover(const struct discover_config *config, struct advertised *out)
{
	return is_public_itself(config, out) || by_metadata(config, out) ||
	       by_stun(config, out);
}
