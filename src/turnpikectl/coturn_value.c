#include "turnpikectl/coturn_value.h"

const char *coturn_value_quote(const struct coturn_note *n,
			       char out[REPORT_QUOTE_BYTES])
{
	return report_quote(bytes_str(n->line->value), out);
}

void coturn_value_refuse(struct coturn_note *n, const char *expected)
{
	char text[REPORT_QUOTE_BYTES];

	coturn_unknown(n, "the value is %s; expected %s",
		       coturn_value_quote(n, text), expected);
}

bool coturn_value_ipv4(struct coturn_note *n, const char *text,
		       struct addr *out)
{
	struct addr a;

	if (!addr_parse(text, &a)) {
		coturn_value_refuse(n, "an address; names are not looked up");
		return false;
	}
	if (a.family != ADDR_IPV4) {
		coturn_unsupported(n, "IPv6 is not served yet");
		return false;
	}
	*out = a;
	return true;
}
