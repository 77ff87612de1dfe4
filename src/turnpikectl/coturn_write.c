/*
 * The configuration that comes of an import, in the order of the sample.
 */
#include <inttypes.h>

#include "base/crypto.h"
#include "base/hex.h"
#include "conf/options.h"
#include "conf/report.h"
#include "turnpikectl/coturn_import.h"

#define MASKED "***"

static void write_text(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fprintf(to, "\\%c", *text);
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			fprintf(to, "\\x%02x", (unsigned char)*text);
		else
			fputc(*text, to);
	}
	fputc('"', to);
}

static void write_secret(const char *text, bool masked, FILE *to)
{
	write_text(masked ? MASKED : text, to);
}

static void write_head(const char *from, FILE *to)
{
	char text[REPORT_QUOTE_BYTES];

	fprintf(to,
		"# Made by turnpikectl import-coturn from %s.\n"
		"# turnpike.conf(5) explains each option. This file holds "
		"passwords: keep it\n"
		"# readable for root and group turnpike only.\n\n",
		report_quote(bytes_str(from), text));
}

static void write_listeners(const struct coturn_import *i, FILE *to)
{
	char text[ADDR_TEXT_BYTES];

	fputs("listen = ( ", to);
	for (size_t at = 0; at < i->listener_count; at++) {
		struct addr ip = addr_with_port(&i->listeners[at], 0);

		fprintf(to,
			"%s{ transport = \"udp\"; address = \"%s\"; "
			"port = %u; }",
			at > 0 ? ",\n\t   " : "", addr_print(&ip, text),
			i->listeners[at].port);
	}
	fputs(" );\n", to);
}

static void write_relay(const struct coturn_import *i, FILE *to)
{
	char text[ADDR_TEXT_BYTES];

	fputs("relay = {\n", to);
	if (i->relay.family != ADDR_NONE)
		fprintf(to, "\taddress = \"%s\";\n",
			addr_print(&i->relay, text));
	if (i->advertise.family != ADDR_NONE)
		fprintf(to, "\tadvertise = \"%s\";\n",
			addr_print(&i->advertise, text));
	fprintf(to, "\tports = [ %u, %u ];\n};\n", i->port_min, i->port_max);
}

static void write_user(const struct coturn_import *i,
		       const struct coturn_user *u, bool masked, FILE *to)
{
	char digits[2 * sizeof(u->key_md5) + 1] = "";

	fputs("{ name = ", to);
	write_text(u->name, to);
	if (u->password) {
		fputs("; password = ", to);
		write_secret(u->password, masked, to);
	} else {
		hex_encode(bytes_of(u->key_md5, sizeof(u->key_md5)), digits);
		fputs("; key_md5 = ", to);
		write_secret(digits, masked, to);
		crypto_wipe(digits, sizeof(digits));
	}
	fprintf(to, "; %s}", i->users_are_off ? "disabled = \"on\"; " : "");
}

static void write_users(const struct coturn_import *i, bool masked, FILE *to)
{
	bool is_first = true;

	for (size_t at = 0; at < i->user_count; at++) {
		if (i->users[at].is_replaced)
			continue;
		fputs(is_first ? "users = (\n\t" : ",\n\t", to);
		write_user(i, &i->users[at], masked, to);
		is_first = false;
	}
	if (!is_first)
		fputs("\n);\n", to);
}

static void write_secrets(const struct coturn_import *i, bool masked, FILE *to)
{
	for (size_t at = 0; at < i->secret_count; at++) {
		fputs(at > 0 ? ",\n\t    " : "secrets = ( ", to);
		fputs("{ secret = ", to);
		write_secret(i->secrets[at], masked, to);
		fputs("; }", to);
	}
	if (i->secret_count > 0)
		fputs(" );\n", to);
	if (i->separator) {
		char text[] = { i->separator, '\0' };

		fputs("time_limited = { separator = ", to);
		write_text(text, to);
		fputs("; };\n", to);
	}
}

static void write_named(const char *name, const char *text, FILE *to)
{
	if (!text)
		return;
	fprintf(to, "\t%s = ", name);
	write_text(text, to);
	fputs(";\n", to);
}

static void write_redis(const struct coturn_redis *r, bool masked, FILE *to)
{
	if (!r->is_given)
		return;
	fprintf(to, "redis = {\n\tendpoints = [ \"%s\" ];\n", r->endpoint);
	write_named("user", r->user, to);
	write_named("password", r->password && masked ? MASKED : r->password,
		    to);
	fprintf(to, "\tdatabase = %u;\n", r->database);
	if (r->tls)
		fputs("\ttls = \"on\";\n", to);
	write_named("tls_ca", r->tls_ca, to);
	write_named("tls_name", r->tls_name, to);
	if (r->timeout_s > 0)
		fprintf(to, "\ttimeout = \"%us\";\n", r->timeout_s);
	fputs("};\n", to);
}

static void write_rules(const char *name, const struct coturn_rules *rules,
			FILE *to)
{
	char text[PEER_RULE_TEXT_BYTES];

	for (size_t at = 0; at < rules->count; at++)
		fprintf(to, "%s%s\"%s\"", at > 0 ? ",\n\t\t" : "\t",
			at > 0 ? "" : name,
			peer_rule_print(&rules->items[at], text));
	if (rules->count > 0)
		fputs(" ];\n", to);
}

static void write_peers(const struct coturn_import *i, FILE *to)
{
	if (i->allow.count + i->deny.count == 0)
		return;
	fputs("peers = {\n", to);
	write_rules("allow = [ ", &i->allow, to);
	write_rules("deny = [ ", &i->deny, to);
	fputs("};\n", to);
}

static void write_rate(const char *name, uint64_t rate, FILE *to)
{
	char text[OPTION_TEXT_BYTES];

	if (rate > 0)
		fprintf(to, "\t%s = \"%s\";\n", name,
			option_with_unit(option_rate_units, (int64_t)rate,
					 text));
}

static void write_limits(const struct coturn_import *i, FILE *to)
{
	if (!i->total_quota && !i->user_quota && !i->allocation_rate &&
	    !i->total_rate)
		return;
	fputs("limits = {\n", to);
	if (i->total_quota)
		fprintf(to, "\tallocations = %u;\n", i->total_quota);
	if (i->user_quota)
		fprintf(to,
			"\tallocations_per_user = %u;\n"
			"\tdynamic_allocations_per_user = %u;\n",
			i->user_quota, i->user_quota);
	write_rate("allocation_rate", i->allocation_rate, to);
	write_rate("total_rate", i->total_rate, to);
	fputs("};\n", to);
}

static void write_rest(const struct coturn_import *i, FILE *to)
{
	char text[OPTION_TEXT_BYTES];

	if (i->nonce_lifetime_s)
		fprintf(to, "nonce = { lifetime = \"%s\"; };\n",
			option_with_unit(option_duration_units,
					 i->nonce_lifetime_s, text));
	if (i->buffer_bytes)
		fprintf(to, "buffers = { relay = \"%s\"; };\n",
			option_with_unit(option_size_units,
					 (int64_t)i->buffer_bytes, text));
	if (i->has_metrics)
		fputs("control = { coturn_metrics = \"on\"; };\n", to);
	if (i->log_level)
		fprintf(to, "log = { level = \"%s\"; };\n", i->log_level);
}

void coturn_import_write(const struct coturn_import *i, const char *from,
			 bool masked, FILE *to)
{
	write_head(from, to);
	fputs("realm = ", to);
	write_text(i->realm, to);
	fputs(";\n", to);
	if (i->workers)
		fprintf(to, "workers = %u;\n", i->workers);
	write_listeners(i, to);
	write_relay(i, to);
	if (!i->nobody) {
		write_users(i, masked, to);
		write_secrets(i, masked, to);
		write_redis(&i->redis, masked, to);
	}
	write_peers(i, to);
	write_limits(i, to);
	write_rest(i, to);
}
