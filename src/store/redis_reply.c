#include "store/redis_reply.h"

#include <stdlib.h>

#include "base/crypto.h"

/* More digits than any length that is let through has. */
#define DIGITS_MAX 19

enum state {
	AT_TYPE,
	IN_NUMBER, /* of $ * or : */
	IN_TEXT,   /* of + or - */
	AT_LF,
	IN_STRING,
	AT_STRING_CR,
	AT_STRING_LF,
};

/* --- the scanner --- */

void redis_scanner_reset(struct redis_scanner *s)
{
	size_t kept = s->len;

	crypto_wipe(s->bytes, kept);
	memset(s, 0, offsetof(struct redis_scanner, bytes));
}

/* From here on the reply is only walked over. */
static void give_up_keeping(struct redis_scanner *s)
{
	crypto_wipe(s->bytes, s->len);
	s->len = 0;
	s->too_large = true;
}

static void keep(struct redis_scanner *s, const uint8_t *data, size_t len)
{
	s->total += len;
	if (s->too_large)
		return;
	if (len > sizeof(s->bytes) - s->len) {
		give_up_keeping(s);
		return;
	}
	memcpy(s->bytes + s->len, data, len);
	s->len += len;
}

static bool begin_line(struct redis_scanner *s, uint8_t type)
{
	s->type = type;
	s->negative = false;
	s->digits = 0;
	s->number = 0;
	switch (type) {
	case '+':
	case '-':
		s->state = IN_TEXT;
		return true;
	case ':':
	case '$':
	case '*':
		s->state = IN_NUMBER;
		return true;
	default:
		return false;
	}
}

static bool take_digit(struct redis_scanner *s, uint8_t byte)
{
	if (byte == '\r') {
		s->state = AT_LF;
		return s->digits > 0;
	}
	if (byte == '-' && s->digits == 0 && !s->negative) {
		s->negative = true;
		return true;
	}
	if (byte < '0' || byte > '9' || s->digits == DIGITS_MAX)
		return false;
	/* hiredis takes no other spelling of a number. */
	if (s->digits > 0 && s->number == 0)
		return false;
	s->digits++;
	s->number = s->number * 10 + (byte - '0');
	return true;
}

/* One element of the innermost array is complete; so, perhaps, is that. */
static enum redis_scan end_element(struct redis_scanner *s)
{
	s->state = AT_TYPE;
	while (s->depth > 0) {
		if (--s->elements[s->depth - 1] > 0)
			return REDIS_SCAN_MORE;
		s->depth--;
	}
	return REDIS_SCAN_DONE;
}

static enum redis_scan begin_string(struct redis_scanner *s)
{
	if (s->number > REDIS_REPLY_PASS_MAX_BYTES)
		return REDIS_SCAN_BROKEN;
	s->left = s->number;
	s->state = s->left > 0 ? IN_STRING : AT_STRING_CR;
	return REDIS_SCAN_MORE;
}

static enum redis_scan begin_array(struct redis_scanner *s)
{
	if (s->number == 0)
		return end_element(s);
	if (s->depth == REDIS_REPLY_DEPTH_MAX ||
	    s->number > REDIS_REPLY_PASS_MAX_BYTES)
		return REDIS_SCAN_BROKEN;
	if (s->number > REDIS_REPLY_ELEMENTS_MAX && !s->too_large)
		give_up_keeping(s);
	s->elements[s->depth++] = s->number;
	s->state = AT_TYPE;
	return REDIS_SCAN_MORE;
}

static enum redis_scan end_line(struct redis_scanner *s)
{
	if (s->type != '$' && s->type != '*')
		return end_element(s);
	if (s->negative) /* only -1, for nothing */
		return s->number == 1 ? end_element(s) : REDIS_SCAN_BROKEN;
	return s->type == '$' ? begin_string(s) : begin_array(s);
}

/* A byte that is not inside a string. */
static enum redis_scan take_byte(struct redis_scanner *s, uint8_t byte)
{
	bool good = true;

	switch ((enum state)s->state) {
	case AT_TYPE:
		good = begin_line(s, byte);
		break;
	case IN_NUMBER:
		good = take_digit(s, byte);
		break;
	case IN_TEXT:
		if (byte == '\r')
			s->state = AT_LF;
		break;
	case AT_LF:
		return byte == '\n' ? end_line(s) : REDIS_SCAN_BROKEN;
	case AT_STRING_CR:
		good = byte == '\r';
		s->state = AT_STRING_LF;
		break;
	case AT_STRING_LF:
		return byte == '\n' ? end_element(s) : REDIS_SCAN_BROKEN;
	case IN_STRING:
		break;
	}
	return good ? REDIS_SCAN_MORE : REDIS_SCAN_BROKEN;
}

/* As much of a string as there is. */
static size_t take_string(struct redis_scanner *s, struct bytes data)
{
	size_t len = data.len < s->left ? data.len : (size_t)s->left;

	keep(s, data.data, len);
	s->left -= len;
	if (s->left == 0)
		s->state = AT_STRING_CR;
	return len;
}

size_t redis_scanner_walk(struct redis_scanner *s, struct bytes data,
			  enum redis_scan *result)
{
	size_t at = 0;

	*result = REDIS_SCAN_MORE;
	while (at < data.len && *result == REDIS_SCAN_MORE) {
		if (s->state == IN_STRING) {
			at += take_string(
				s, bytes_of(data.data + at, data.len - at));
		} else {
			keep(s, data.data + at, 1);
			*result = take_byte(s, data.data[at++]);
		}
		if (s->total > REDIS_REPLY_PASS_MAX_BYTES)
			*result = REDIS_SCAN_BROKEN;
	}
	return at;
}

/* --- hiredis behind it --- */

struct redis_parser {
	redisReader *reader;
	struct redis_scanner scanner;
};

struct redis_parser *redis_parser_new(void)
{
	struct redis_parser *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->reader = redisReaderCreate();
	if (!p->reader) {
		free(p);
		return NULL;
	}
	return p;
}

void redis_parser_free(struct redis_parser *p)
{
	if (!p)
		return;
	redis_scanner_reset(&p->scanner);
	redisReaderFree(p->reader);
	free(p);
}

/*
 * One whole reply. What hiredis has read it keeps for a while: keys may be
 * in there, so it is wiped before it can be moved or freed.
 */
static bool parse(redisReader *reader, struct bytes whole, redisReply **reply)
{
	size_t before = reader->len;
	void *parsed = NULL;
	bool good;

	if (redisReaderFeed(reader, (const char *)whole.data, whole.len))
		return false;
	good = redisReaderGetReply(reader, &parsed) == REDIS_OK && parsed;
	if (reader->buf)
		crypto_wipe(reader->buf, before + whole.len);
	*reply = parsed;
	return good;
}

static enum redis_scan finish(struct redis_parser *p, redisReply **reply)
{
	static const char error[] = "-" REDIS_REPLY_TOO_LARGE "\r\n";
	struct bytes whole = bytes_of(p->scanner.bytes, p->scanner.len);
	bool good;

	if (p->scanner.too_large)
		whole = bytes_str(error);
	good = parse(p->reader, whole, reply);
	redis_scanner_reset(&p->scanner);
	return good ? REDIS_SCAN_DONE : REDIS_SCAN_BROKEN;
}

size_t redis_parser_take(struct redis_parser *p, struct bytes data,
			 enum redis_scan *result, redisReply **reply)
{
	size_t taken = redis_scanner_walk(&p->scanner, data, result);

	*reply = NULL;
	if (*result == REDIS_SCAN_DONE)
		*result = finish(p, reply);
	return taken;
}

/* --- replies --- */

/* As deep as the scanner lets through. */
static void wipe(redisReply *reply)
{
	if (!reply)
		return;
	if (reply->str)
		crypto_wipe(reply->str, reply->len);
	for (size_t i = 0; i < reply->elements; i++)
		wipe(reply->element[i]);
}

void redis_reply_free(redisReply *reply)
{
	wipe(reply);
	if (reply)
		freeReplyObject(reply);
}

struct bytes redis_reply_text(const redisReply *reply)
{
	return bytes_of(reply->str, reply->str ? reply->len : 0);
}

bool redis_reply_is_error(const redisReply *reply, const char *word)
{
	size_t len = strlen(word);

	return reply->type == REDIS_REPLY_ERROR && reply->len >= len &&
	       !memcmp(reply->str, word, len) &&
	       (reply->len == len || reply->str[len] == ' ');
}

bool redis_reply_is_no_server(const redisReply *reply)
{
	return redis_reply_is_error(reply, "LOADING") ||
	       redis_reply_is_error(reply, "MASTERDOWN");
}
