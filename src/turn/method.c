#include "turn/method.h"

#include "stun/message.h"

static const struct method *const methods[] = {
	&method_binding,           &method_allocate,     &method_refresh,
	&method_create_permission, &method_channel_bind,
};

const struct method *method_find(uint16_t number)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (methods[i]->number == number)
			return methods[i];
	return NULL;
}

bool method_lifetime(const struct request *r, uint32_t *lifetime_s)
{
	const struct stun_attr *attr =
		stun_find(&r->message, STUN_ATTR_LIFETIME);
	uint32_t asked;

	*lifetime_s = TURN_LIFETIME_DEFAULT_S;
	if (!attr)
		return true;
	if (!stun_get_u32(attr, &asked))
		return false;
	if (!asked)
		*lifetime_s = 0;
	else if (asked > TURN_LIFETIME_MAX_S)
		*lifetime_s = TURN_LIFETIME_MAX_S;
	else if (asked > TURN_LIFETIME_DEFAULT_S)
		*lifetime_s = asked;
	return true;
}

bool method_family(const struct request *r, uint16_t type, uint8_t *family)
{
	const struct stun_attr *attr = stun_find(&r->message, type);

	*family = 0;
	if (!attr)
		return true;
	/* 0 is no family; as a value it must not look like absence. */
	return stun_get_u8(attr, family) && *family != 0;
}
