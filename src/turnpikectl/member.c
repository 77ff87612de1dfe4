#include "turnpikectl/member.h"

#include <stdio.h>
#include <string.h>

#define NAME_BYTES 64

const json_t *member_at(const json_t *object, const char *path)
{
	char name[NAME_BYTES];

	while (object) {
		size_t len = strcspn(path, ".");

		if (len >= sizeof(name))
			return NULL;
		memcpy(name, path, len);
		name[len] = '\0';
		object = json_object_get(object, name);
		if (path[len] == '\0')
			break;
		path += len + 1;
	}
	return object;
}

const char *member_text(const json_t *object, const char *path)
{
	const char *text = json_string_value(member_at(object, path));

	return text ? text : "";
}

uint64_t member_number(const json_t *object, const char *path)
{
	json_int_t number = json_integer_value(member_at(object, path));

	return number > 0 ? (uint64_t)number : 0;
}

bool member_is_true(const json_t *object, const char *path)
{
	return json_is_true(member_at(object, path));
}

bool member_is_there(const json_t *object, const char *path)
{
	const json_t *json = member_at(object, path);

	return json && !json_is_null(json);
}

void member_print(const json_t *json)
{
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	putchar('\n');
}
