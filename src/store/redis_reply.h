/*
 * Replies of Redis (RESP2), cut out of a stream of bytes and parsed.
 *
 * A scanner walks the framing of each reply before hiredis sees any of it, so
 * that nothing a server says decides how much memory is taken: a reply of more
 * than REDIS_REPLY_MAX_BYTES, or with an array of more than
 * REDIS_REPLY_ELEMENTS_MAX, is passed over without being kept, and an error
 * takes its place. What is longer still, nested deeper or not RESP2 is a
 * protocol error, after which the connection is of no use.
 */
#ifndef TURNPIKE_STORE_REDIS_REPLY_H
#define TURNPIKE_STORE_REDIS_REPLY_H

#include <hiredis/hiredis.h>

#include "base/bytes.h"

#define REDIS_REPLY_MAX_BYTES 65536
#define REDIS_REPLY_ELEMENTS_MAX 1000
#define REDIS_REPLY_DEPTH_MAX 4
/* Longer ones are not even passed over. */
#define REDIS_REPLY_PASS_MAX_BYTES (16u << 20)

/* The error that takes the place of a reply too large to be kept. */
#define REDIS_REPLY_TOO_LARGE "TOOLARGE reply"

struct redis_scanner {
	uint8_t state; /* what the next byte belongs to */
	uint8_t type;  /* of the line: one of + - : $ * */
	uint8_t depth; /* of arrays that are not complete */
	bool negative;
	bool too_large;
	uint8_t digits;  /* of the line's number so far */
	uint64_t number; /* the line's */
	uint64_t left;   /* bytes of the string, CR LF included */
	uint64_t total;  /* bytes of the reply */
	uint64_t elements[REDIS_REPLY_DEPTH_MAX]; /* that are missing */
	size_t len;
	uint8_t bytes[REDIS_REPLY_MAX_BYTES];
};

enum redis_scan {
	REDIS_SCAN_MORE,  /* well so far, the end is not here yet */
	REDIS_SCAN_DONE,  /* a reply is complete */
	REDIS_SCAN_BROKEN /* protocol error */
};

/* Ready for the next reply; wipes the last. A zeroed scanner is ready too. */
void redis_scanner_reset(struct redis_scanner *s);

/*
 * Walks on through `data`, not beyond the end of the reply. Returns how many
 * bytes belong to it, and sets `result`. Once DONE the reply is in `bytes`,
 * `len` long, unless it is `too_large`. After DONE or BROKEN the scanner is to
 * be reset.
 */
size_t redis_scanner_walk(struct redis_scanner *s, struct bytes data,
			  enum redis_scan *result);

/* A scanner and hiredis behind it. */
struct redis_parser;

/* Returns NULL without memory. */
struct redis_parser *redis_parser_new(void);

/* Wipes and frees; NULL is allowed. */
void redis_parser_free(struct redis_parser *p);

/*
 * Takes bytes from the front of `data` and returns how many. Sets `result`
 * and, with DONE, `reply`, which the caller frees by redis_reply_free().
 */
size_t redis_parser_take(struct redis_parser *p, struct bytes data,
			 enum redis_scan *result, redisReply **reply);

/* Wipes and frees a reply; NULL is allowed. */
void redis_reply_free(redisReply *reply);

/* The text of a string, status or error; empty for other types. */
struct bytes redis_reply_text(const redisReply *reply);

/* Whether the reply is an error that begins with this word. */
bool redis_reply_is_error(const redisReply *reply, const char *word);

/* Whether it says that the server has no data to answer from, for now. */
bool redis_reply_is_no_server(const redisReply *reply);

#endif
