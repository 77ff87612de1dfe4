/*
 * The URLs by which clients reach the server (RFC 7065).
 */
#ifndef TURNPIKE_CTL_TURN_URLS_H
#define TURNPIKE_CTL_TURN_URLS_H

#include <jansson.h>

#include "ctl/hooks.h"

/*
 * An array of "turn:192.0.2.1:3478?transport=udp", one for each listener of the
 * realm. A listener at the relay's bound address is reached where the relay is:
 * at the advertised one. NULL without memory.
 */
json_t *turn_urls(const struct control_server *server, uint8_t realm);

#endif
