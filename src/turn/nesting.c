#include "turn/nesting.h"

#include "stun/builder.h"
#include "stun/channel_data.h"

static bool is_indication_with_data(struct bytes data)
{
	uint16_t type;

	if (data.len < STUN_HEADER_BYTES)
		return false;
	type = wire_get_u16(data.data);
	return type == stun_type(STUN_INDICATION, STUN_SEND) ||
	       type == stun_type(STUN_INDICATION, STUN_DATA);
}

/* Takes one message off, as a server or a client would. */
static bool unwrap(struct bytes *data)
{
	const struct stun_attr *inner;
	struct stun_message m;
	uint16_t number, inner_bytes;

	if (channel_data_parse(*data, &number, &inner_bytes)) {
		*data = bytes_of(data->data + CHANNEL_DATA_HEADER_BYTES,
				 inner_bytes);
		return true;
	}
	if (!is_indication_with_data(*data) || stun_parse(*data, &m) != STUN_OK)
		return false;
	inner = stun_find(&m, STUN_ATTR_DATA);
	if (!inner)
		return false;
	*data = inner->value;
	return true;
}

bool nesting_is_too_deep(struct bytes payload)
{
	unsigned depth = 0;

	while (unwrap(&payload))
		if (++depth > NESTING_MAX)
			return true;
	return false;
}
