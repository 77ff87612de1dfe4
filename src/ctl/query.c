#include "ctl/query.h"

/* What is left of the target, and where decoded bytes go. */
struct reader {
	const uint8_t *at;
	const uint8_t *end;
	char *out;
};

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* "%41" at the reader's place. */
static bool decode_escape(struct reader *r, char *out)
{
	int high, low;

	if (r->end - r->at < 3)
		return false;
	high = digit(r->at[1]);
	low = digit(r->at[2]);
	if (high < 0 || low < 0)
		return false;
	*out = (char)(high << 4 | low);
	r->at += 3;
	return true;
}

/* Decodes up to the first of `stops`, which is not taken, or to the end. */
static bool decode_part(struct reader *r, const char *stops, bool plus_is_blank,
			struct bytes *out)
{
	char *begin = r->out;

	while (r->at < r->end && !strchr(stops, *r->at)) {
		/* A target is visible ASCII, and no fragment is ever sent. */
		if (*r->at <= ' ' || *r->at >= 0x7f || *r->at == '#')
			return false;
		if (*r->at == '%') {
			if (!decode_escape(r, r->out))
				return false;
		} else {
			*r->out = plus_is_blank && *r->at == '+' ? ' '
								 : (char)*r->at;
			r->at++;
		}
		r->out++;
	}
	*out = bytes_of(begin, (size_t)(r->out - begin));
	*r->out++ = '\0';
	return true;
}

static bool parse_path(struct query *q, struct reader *r)
{
	while (r->at < r->end && *r->at == '/') {
		struct bytes segment;

		r->at++;
		if (!decode_part(r, "/?", false, &segment))
			return false;
		/* "/" alone is the root, not a segment without a name. */
		if (q->segment_count == 0 && segment.len == 0 &&
		    (r->at == r->end || *r->at == '?'))
			break;
		if (q->segment_count == QUERY_SEGMENTS_MAX)
			return false;
		q->segments[q->segment_count++] = segment;
	}
	return r->at == r->end || *r->at == '?';
}

static bool parse_parameter(struct query *q, struct reader *r)
{
	struct query_parameter *p = &q->parameters[q->parameter_count++];

	if (!decode_part(r, "=&", true, &p->name) || p->name.len == 0 ||
	    r->at == r->end || *r->at != '=')
		return false;
	r->at++;
	return decode_part(r, "&", true, &p->value);
}

static bool parse_parameters(struct query *q, struct reader *r)
{
	while (r->at < r->end) {
		r->at++; /* "?" or "&" */
		if (q->parameter_count == QUERY_PARAMETERS_MAX ||
		    !parse_parameter(q, r))
			return false;
	}
	return true;
}

bool query_parse(struct query *q, struct bytes target)
{
	struct reader r = {
		.at = target.data,
		.end = target.data + target.len,
		.out = q->text,
	};

	q->segment_count = q->parameter_count = 0;
	if (target.len == 0 || target.len > QUERY_TARGET_MAX_BYTES ||
	    *r.at != '/')
		return false;
	return parse_path(q, &r) && parse_parameters(q, &r);
}
