#include "turnpikectl/http_reply.h"

#include <ctype.h>
#include <strings.h>

#define VERSION "HTTP/1."
#define STATUS_LINE_MIN 12 /* "HTTP/1.1 200" */
#define CHUNK_DIGITS_MAX 8

struct head {
	size_t len; /* with the empty line */
	unsigned status;
	bool is_json;
	bool is_chunked;
	bool has_length;
	size_t length;
};

/* The length of a line with its end, or 0 if the end has not come. */
static size_t line_bytes(const uint8_t *text, size_t len)
{
	const uint8_t *end = len > 0 ? memchr(text, '\n', len) : NULL;

	return end ? (size_t)(end - text) + 1 : 0;
}

/* A line without its end. */
static struct bytes line_of(const uint8_t *text, size_t bytes)
{
	bytes--;
	if (bytes > 0 && text[bytes - 1] == '\r')
		bytes--;
	return bytes_of(text, bytes);
}

static bool read_status(struct bytes line, unsigned *out)
{
	const uint8_t *digits = line.data + sizeof(VERSION) + 1;

	if (line.len < STATUS_LINE_MIN ||
	    memcmp(line.data, VERSION, sizeof(VERSION) - 1) != 0 ||
	    line.data[sizeof(VERSION)] != ' ')
		return false;
	for (int i = 0; i < 3; i++)
		if (!isdigit(digits[i]))
			return false;
	*out = (unsigned)(digits[0] - '0') * 100 +
	       (unsigned)(digits[1] - '0') * 10 + (unsigned)(digits[2] - '0');
	return *out >= 200 && *out < 600;
}

static bool begins_with(struct bytes text, const char *word)
{
	size_t len = strlen(word);

	return text.len >= len &&
	       !strncasecmp((const char *)text.data, word, len);
}

/* The value if the line is that field, without spaces before it. */
static bool is_field(struct bytes line, const char *name, struct bytes *value)
{
	size_t len = strlen(name);

	if (!begins_with(line, name) || line.len <= len ||
	    line.data[len] != ':')
		return false;
	*value = bytes_of(line.data + len + 1, line.len - len - 1);
	while (value->len > 0 && isspace(value->data[0])) {
		value->data++;
		value->len--;
	}
	return true;
}

static bool read_length(struct bytes digits, size_t *out)
{
	size_t length = 0;

	if (digits.len == 0 || digits.len > CHUNK_DIGITS_MAX + 1)
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		if (!isdigit(digits.data[i]))
			return false;
		length = length * 10 + (size_t)(digits.data[i] - '0');
	}
	*out = length;
	return length <= HTTP_REPLY_BODY_MAX_BYTES;
}

/* Returns false if the field is one that matters and wrong. */
static bool read_field(struct head *head, struct bytes line)
{
	struct bytes value;

	if (is_field(line, "content-type", &value)) {
		head->is_json = begins_with(value, "application/json");
	} else if (is_field(line, "transfer-encoding", &value)) {
		head->is_chunked = begins_with(value, "chunked");
		return head->is_chunked;
	} else if (is_field(line, "content-length", &value)) {
		head->has_length = true;
		return read_length(value, &head->length);
	}
	return true;
}

static enum http_reply_result read_head(const uint8_t *text, size_t len,
					struct head *head)
{
	size_t bytes;

	*head = (struct head){ .len = 0 };
	while ((bytes = line_bytes(text + head->len, len - head->len)) > 0) {
		struct bytes line = line_of(text + head->len, bytes);
		bool is_first = head->len == 0;

		head->len += bytes;
		if (head->len > HTTP_REPLY_HEAD_MAX_BYTES)
			return HTTP_REPLY_WRONG;
		if (is_first && !read_status(line, &head->status))
			return HTTP_REPLY_WRONG;
		if (!is_first && line.len == 0)
			return HTTP_REPLY_DONE;
		if (!is_first && !read_field(head, line))
			return HTTP_REPLY_WRONG;
	}
	return len > HTTP_REPLY_HEAD_MAX_BYTES ? HTTP_REPLY_WRONG
					       : HTTP_REPLY_MORE;
}

/* The size at the head of a chunk; what may follow it is passed over. */
static bool read_chunk_size(struct bytes line, size_t *out)
{
	size_t size = 0, i = 0;

	for (; i < line.len && isxdigit(line.data[i]); i++) {
		int c = tolower(line.data[i]);
		int digit = isdigit(c) ? c - '0' : c - 'a' + 10;

		if (i == CHUNK_DIGITS_MAX)
			return false;
		size = size * 16 + (size_t)digit;
	}
	if (i == 0 || (i < line.len && line.data[i] != ';'))
		return false;
	*out = size;
	return size <= HTTP_REPLY_BODY_MAX_BYTES;
}

/*
 * Goes over chunks and, if `to` is not NULL, joins them there; `to` is never
 * after what is read. `body` is how many bytes they hold.
 */
static enum http_reply_result walk_chunks(const uint8_t *text, size_t len,
					  uint8_t *to, size_t *body)
{
	size_t at = 0, bytes, size;

	*body = 0;
	for (;;) {
		bytes = line_bytes(text + at, len - at);
		if (bytes == 0)
			return HTTP_REPLY_MORE;
		if (!read_chunk_size(line_of(text + at, bytes), &size))
			return HTTP_REPLY_WRONG;
		at += bytes;
		if (size == 0)
			return HTTP_REPLY_DONE;
		if (*body + size > HTTP_REPLY_BODY_MAX_BYTES)
			return HTTP_REPLY_WRONG;
		if (len - at < size)
			return HTTP_REPLY_MORE;
		if (to)
			memmove(to + *body, text + at, size);
		*body += size;
		at += size;
		bytes = line_bytes(text + at, len - at);
		if (bytes == 0)
			return len - at > 2 ? HTTP_REPLY_WRONG
					    : HTTP_REPLY_MORE;
		if (line_of(text + at, bytes).len > 0)
			return HTTP_REPLY_WRONG;
		at += bytes;
	}
}

static enum http_reply_result read_chunks(uint8_t *text, size_t len,
					  struct http_reply *out)
{
	size_t body;
	enum http_reply_result result = walk_chunks(text, len, NULL, &body);

	if (result != HTTP_REPLY_DONE)
		return result;
	walk_chunks(text, len, text, &body);
	out->body = bytes_of(text, body);
	return HTTP_REPLY_DONE;
}

static bool has_no_body(unsigned status)
{
	return status == 204 || status == 304;
}

static enum http_reply_result read_body(const struct head *head, uint8_t *text,
					size_t len, bool ended,
					struct http_reply *out)
{
	if (has_no_body(head->status)) {
		out->body = bytes_of(text, 0);
		return HTTP_REPLY_DONE;
	}
	if (head->is_chunked)
		return read_chunks(text, len, out);
	if (head->has_length) {
		out->body = bytes_of(text, head->length);
		return len >= head->length ? HTTP_REPLY_DONE : HTTP_REPLY_MORE;
	}
	out->body = bytes_of(text, len);
	if (len > HTTP_REPLY_BODY_MAX_BYTES)
		return HTTP_REPLY_WRONG;
	return ended ? HTTP_REPLY_DONE : HTTP_REPLY_MORE;
}

enum http_reply_result http_reply_read(uint8_t *text, size_t len, bool ended,
				       struct http_reply *out)
{
	struct head head;
	enum http_reply_result result = read_head(text, len, &head);

	if (result == HTTP_REPLY_DONE) {
		out->status = head.status;
		out->is_json = head.is_json;
		result = read_body(&head, text + head.len, len - head.len,
				   ended, out);
	}
	return result == HTTP_REPLY_MORE && ended ? HTTP_REPLY_WRONG : result;
}
