/*
 * The dated list of what clients of Azure Communication Services talk to.
 *
 * A text file, etc/acs.list as shipped: first "date YYYY-MM-DD", then lines
 * of three words, KIND CLOUD VALUE; # begins a comment. KIND is `media`,
 * `host` or `deny-host`, CLOUD is `commercial` or `gcc-high`. Here only the
 * prefixes of `media` are of use; hosts are the signaling proxy's matter.
 */
#ifndef TURNPIKE_CONF_ACS_LIST_H
#define TURNPIKE_CONF_ACS_LIST_H

#include "conf/report.h"
#include "turn/peer_policy.h"

/* Whose lines count. In the order of the table of options. */
enum acs_clouds {
	ACS_COMMERCIAL,
	ACS_GCC_HIGH,
	ACS_ALL,
};

#define ACS_DATE_BYTES 11 /* "2026-11-25" and its NUL */

struct acs_list {
	struct peer_rule media[PEER_POLICY_ACS_MAX];
	uint16_t count;
	char date[ACS_DATE_BYTES];
};

/*
 * Reads a regular file of at most SOURCE_MAX_BYTES. Returns false if there is
 * anything wrong with it: each mistake is an error in the report, with the
 * file's name and line, at `line` of the configuration. A list without media
 * of the cloud is wrong as well.
 */
bool acs_list_read(const char *path, enum acs_clouds clouds, unsigned line,
		   struct acs_list *out, struct report *report);

/* The same for a text of `len` bytes and a NUL, which is written into. */
bool acs_list_parse(char *text, size_t len, const char *path,
		    enum acs_clouds clouds, unsigned line, struct acs_list *out,
		    struct report *report);

/* Whether its date is more than a year before the time, in s since 1970. */
bool acs_list_is_old(const struct acs_list *list, int64_t now_s);

#endif
