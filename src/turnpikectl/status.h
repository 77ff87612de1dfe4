/*
 * What turnpikectl ends with, for scripts. turnpikectl(1) has the same list;
 * those from 64 on are sysexits(3)'s.
 */
#ifndef TURNPIKE_TURNPIKECTL_STATUS_H
#define TURNPIKE_TURNPIKECTL_STATUS_H

enum status {
	STATUS_OK = 0,
	STATUS_FAILED = 1,       /* the answer is no, or there is nothing */
	STATUS_WARNED = 2,       /* done, but there are warnings to read */
	STATUS_USAGE = 64,       /* wrong arguments */
	STATUS_DATA = 65,        /* what was given cannot be used */
	STATUS_NO_INPUT = 66,    /* a file cannot be read */
	STATUS_UNAVAILABLE = 69, /* turnpiked cannot be reached */
	STATUS_SYSTEM = 71,      /* no memory and the like */
	STATUS_NO_OUTPUT = 73,   /* a file cannot be written */
	STATUS_TIMEOUT = 75,     /* turnpiked does not answer in time */
	STATUS_PROTOCOL = 76,    /* its answer is not understood */
	STATUS_REFUSED = 77,     /* the socket, or the token, is not for us */
	STATUS_CONFIG = 78,      /* the configuration has a mistake */
};

#endif
