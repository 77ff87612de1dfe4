/*
 * The value of a key of coturn's, as the judges of keys look at it.
 */
#ifndef TURNPIKE_TURNPIKECTL_COTURN_VALUE_H
#define TURNPIKE_TURNPIKECTL_COTURN_VALUE_H

#include "conf/report.h"
#include "turnpikectl/coturn_import.h"

/* The value as it may be shown. Returns `out`. */
const char *coturn_value_quote(const struct coturn_note *n,
			       char out[REPORT_QUOTE_BYTES]);

/* Notes that the value is none of those that were expected. */
void coturn_value_refuse(struct coturn_note *n, const char *expected);

/* Reads an IPv4 address; otherwise the note says why not. */
bool coturn_value_ipv4(struct coturn_note *n, const char *text,
		       struct addr *out);

#endif
