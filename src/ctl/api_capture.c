/*
 * A capture of control messages: begun, taken bit by bit, and ended. What the
 * begin and all takes answer, one after the other, is a pcapng file.
 */
#include <errno.h>

#include "config.h"
#include "ctl/api.h"
#include "ctl/pcapng.h"
#include "ctl/values.h"

#define TYPE "application/x-pcapng"
#define WRITER "turnpiked " PACKAGE_VERSION
#define SECONDS_DEFAULT 60
#define SECONDS_MAX 3600
/* At most in one answer; there is another one soon. */
#define MESSAGES_MAX 1024

static void no_capture(struct answer *a)
{
	answer_error(a, 404, "no_capture", "no capture runs",
		     "POST /v1/capture begins one");
}

static void begin_file(struct answer *a)
{
	uint8_t header[PCAPNG_HEADER_MAX_BYTES];

	a->status = 201;
	a->type = TYPE;
	answer_add(a, bytes_of(header, pcapng_header(WRITER, header)));
}

enum { BEGIN_CLIENT, BEGIN_SECONDS };

static const struct field begin_members[] = {
	[BEGIN_CLIENT] = { "client", FIELD_TEXT, .max = ADDR_TEXT_BYTES - 1 },
	[BEGIN_SECONDS] = { "seconds", FIELD_NUMBER, .min = 1,
			    .max = SECONDS_MAX },
	{ .name = NULL },
};

static void begin(const struct request *q, struct answer *a)
{
	const struct field_value *client = &q->members[BEGIN_CLIENT];
	const struct field_value *seconds = &q->members[BEGIN_SECONDS];
	struct addr address = { .family = ADDR_NONE };
	int error;

	if (client->is_set &&
	    !addr_parse((const char *)client->text.data, &address)) {
		answer_error(a, 400, "bad_client",
			     "client is no IP address without a port", NULL);
		return;
	}
	error = q->hooks->capture_begin(
		q->hooks->arg, &address,
		seconds->is_set ? (uint32_t)seconds->number : SECONDS_DEFAULT);
	if (error == -EBUSY)
		answer_error(a, 409, "busy", "a capture runs already",
			     "end it by DELETE /v1/capture, or wait");
	else if (!error)
		begin_file(a);
}

static void add_message(struct answer *a, const struct control_message *m)
{
	const struct pcapng_packet packet = {
		.wall_ms = m->wall_ms,
		.inbound = m->inbound,
		.from = m->inbound ? m->client : m->server,
		.to = m->inbound ? m->server : m->client,
		.datagram = m->datagram,
		.original_bytes = m->original_bytes,
	};
	uint8_t block[PCAPNG_PACKET_MAX_BYTES];

	answer_add(a, bytes_of(block, pcapng_packet(&packet, block)));
}

static void take(const struct request *q, struct answer *a)
{
	struct control_message m;

	if (!q->hooks->capture_is_there(q->hooks->arg)) {
		no_capture(a);
		return;
	}
	a->status = 200;
	a->type = TYPE;
	for (unsigned i = 0; i < MESSAGES_MAX; i++) {
		if (!q->hooks->capture_next(q->hooks->arg, &m))
			break;
		add_message(a, &m);
	}
}

static void end(const struct request *q, struct answer *a)
{
	if (!q->hooks->capture_is_there(q->hooks->arg)) {
		no_capture(a);
		return;
	}
	answer_json(
		a, 200,
		json_pack("{s:o}", "lost",
			  value_number(q->hooks->capture_end(q->hooks->arg))));
}

const struct route api_capture_begin = {
	.method = ROUTE_POST,
	.path = "/v1/capture",
	.members = begin_members,
	.handle = begin,
};

const struct route api_capture_take = {
	.method = ROUTE_POST,
	.path = "/v1/capture/take",
	.handle = take,
};

const struct route api_capture_end = {
	.method = ROUTE_DELETE,
	.path = "/v1/capture",
	.handle = end,
};
