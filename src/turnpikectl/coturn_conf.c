#include "turnpikectl/coturn_conf.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/crypto.h"

#define SEPARATORS " \t="

static char *trim(char *text)
{
	size_t len;

	while (isspace((unsigned char)*text))
		text++;
	len = strlen(text);
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	text[len] = '\0';
	return text;
}

/* A closing quote without an opening one is part of the value. */
static const char *unquote(char *value)
{
	size_t len;

	if (*value != '"')
		return value;
	value++;
	len = strlen(value);
	if (len > 0 && value[len - 1] == '"')
		value[len - 1] = '\0';
	return value;
}

static void add_line(struct coturn_conf *c, unsigned number, char *text)
{
	char *key = trim(text);
	char *value = key + strcspn(key, SEPARATORS);

	/* A line of nothing but separators is kept, to be named. */
	if (*key == '#' || *key == '\0')
		return;
	if (*value != '\0' && value != key) {
		*value++ = '\0';
		value += strspn(value, SEPARATORS);
	} else if (value == key) {
		value = key + strlen(key);
	}
	c->lines[c->count++] = (struct coturn_line){
		.number = number,
		.key = key,
		.value = unquote(value),
	};
}

/* Lines that hold something, as a bound for those with a key. */
static size_t count_lines(const char *text)
{
	size_t count = 0;

	while (*text) {
		text += strspn(text, "\n");
		count += *text != '\0';
		text += strcspn(text, "\n");
	}
	return count;
}

static void split(struct coturn_conf *c)
{
	char *at = c->text;

	for (unsigned number = 1; at; number++) {
		char *end = strchr(at, '\n');

		if (end)
			*end = '\0';
		add_line(c, number, at);
		at = end ? end + 1 : NULL;
	}
}

enum coturn_conf_result coturn_conf_parse(struct coturn_conf *c,
					  struct bytes text)
{
	size_t lines;

	*c = (struct coturn_conf){ .len = text.len };
	if (text.len > 0 && memchr(text.data, '\0', text.len))
		return COTURN_CONF_NUL;
	c->text = calloc(1, text.len + 1);
	if (!c->text)
		return COTURN_CONF_NO_MEMORY;
	if (text.len > 0)
		memcpy(c->text, text.data, text.len);

	lines = count_lines(c->text);
	c->lines = calloc(lines + 1, sizeof(*c->lines));
	if (!c->lines || lines > COTURN_LINES_MAX) {
		bool no_memory = !c->lines;

		coturn_conf_fini(c);
		return no_memory ? COTURN_CONF_NO_MEMORY : COTURN_CONF_TOO_MANY;
	}
	split(c);
	return COTURN_CONF_OK;
}

void coturn_conf_fini(struct coturn_conf *c)
{
	if (c->text)
		crypto_wipe(c->text, c->len);
	free(c->text);
	free(c->lines);
	*c = (struct coturn_conf){ .text = NULL };
}

static bool is_of_key(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '_';
}

const char *coturn_conf_key(const struct coturn_line *line,
			    char out[COTURN_KEY_BYTES])
{
	size_t len = 0;

	while (len < COTURN_KEY_BYTES - 2 && is_of_key(line->key[len]))
		len++;
	memcpy(out, line->key, len);
	out[len] = '\0';
	if (line->key[len] != '\0')
		memcpy(out + len, "~", 2);
	return out;
}

bool coturn_conf_flag(const char *value, bool *out)
{
	switch (tolower((unsigned char)value[0])) {
	case '\0':
	case '1':
	case 'y':
	case 't':
		*out = true;
		return true;
	case '0':
	case 'n':
	case 'f':
		*out = false;
		return true;
	case 'o':
		*out = tolower((unsigned char)value[1]) == 'n';
		return *out || tolower((unsigned char)value[1]) == 'f';
	default:
		return false;
	}
}
