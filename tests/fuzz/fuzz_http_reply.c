/*
 * libFuzzer target: any bytes as an answer to turnpikectl.
 *
 * An answer is whole or not whatever part of it has come: what is wrong stays
 * wrong with more bytes, what is whole stays whole, and a body lies in what
 * was given.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "turnpikectl/http_reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a copy of its own size, so that a byte too many is found. */
static enum http_reply_result read_part(const uint8_t *data, size_t len,
					bool ended)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	struct http_reply reply = { .status = 0 };
	enum http_reply_result result;

	assert(copy);
	memcpy(copy, data, len);
	result = http_reply_read(copy, len, ended, &reply);
	if (result == HTTP_REPLY_DONE) {
		assert(reply.status >= 200 && reply.status < 600);
		assert(reply.body.data >= copy);
		assert(reply.body.data + reply.body.len <= copy + len);
	}
	assert(!ended || result != HTTP_REPLY_MORE);
	free(copy);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum http_reply_result before = HTTP_REPLY_MORE;
	size_t step = size / 16 + 1;

	if (size == 0)
		return 0;
	for (size_t len = 0; len <= size; len += step) {
		enum http_reply_result now = read_part(data, len, false);

		assert(before == HTTP_REPLY_MORE || now == before);
		before = now;
	}
	read_part(data, size, true);
	return 0;
}
