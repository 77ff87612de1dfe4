#include "ctl/turn_urls.h"

#include <stdio.h>

static json_t *url_of(const struct control_server *s, const struct addr *local)
{
	struct addr at = *local;
	char text[ADDR_TEXT_BYTES];

	if (addr_same_ip(&at, &s->relay))
		at = addr_with_port(&s->advertise, local->port);
	return json_sprintf("turn:%s?transport=udp", addr_print(&at, text));
}

json_t *turn_urls(const struct control_server *s, uint8_t realm)
{
	json_t *urls = json_array();

	for (unsigned i = 0; urls && i < s->listener_count; i++) {
		if (s->listeners[i].realm != realm)
			continue;
		if (json_array_append_new(urls,
					  url_of(s, &s->listeners[i].local))) {
			json_decref(urls);
			return NULL;
		}
	}
	return urls;
}
