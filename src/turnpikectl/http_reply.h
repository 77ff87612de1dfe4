/*
 * HTTP/1.1 as a client of turnpiked needs it, without I/O: one request, and
 * the answer to it.
 *
 * libevent's client of version 2.1 cannot be given a unix socket. There is
 * one request to a connection, so what follows an answer is of no interest.
 */
#ifndef TURNPIKE_TURNPIKECTL_HTTP_REPLY_H
#define TURNPIKE_TURNPIKECTL_HTTP_REPLY_H

#include "base/bytes.h"

#define HTTP_REPLY_HEAD_MAX_BYTES 16384
#define HTTP_REPLY_BODY_MAX_BYTES (64 << 20)

enum http_reply_result {
	HTTP_REPLY_MORE,  /* the answer goes on */
	HTTP_REPLY_DONE,  /* it is whole */
	HTTP_REPLY_WRONG, /* it is none, or too large */
};

struct http_reply {
	unsigned status;   /* 200 to 599 */
	bool is_json;      /* as its Content-Type says */
	struct bytes body; /* in the text that was given */
};

/*
 * Reads what has come so far. `ended` says that nothing else will come. `out`
 * is set if the answer is whole; the text, of which a body in chunks is then
 * joined in place, must not be given again.
 */
enum http_reply_result http_reply_read(uint8_t *text, size_t len, bool ended,
				       struct http_reply *out);

#endif
