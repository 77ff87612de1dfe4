#include <string.h>

#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/term.h"
#include "turnpikectl/units.h"

#define NAME_COLUMN 17

static void name(const char *text)
{
	printf("%-*s", NAME_COLUMN, text);
}

static void print_state(const json_t *s)
{
	char text[UNITS_TEXT_BYTES];
	bool ready = member_is_true(s, "ready");

	fputs("turnpiked ", stdout);
	term_print(member_text(s, "version"), stdout);
	printf(", up %s, process %llu\n",
	       units_duration(member_number(s, "uptime_s"), text),
	       (unsigned long long)member_number(s, "pid"));
	name("state");
	fputs(term_style(ready ? TERM_GOOD : TERM_BAD, stdout), stdout);
	term_print(member_text(s, "state"), stdout);
	if (!ready)
		fputs(", not ready: ", stdout);
	term_print(member_text(s, "not_ready"), stdout);
	puts(term_style(TERM_PLAIN, stdout));
}

static void print_listeners(const json_t *s)
{
	const json_t *listener;
	size_t i;

	for (i = 0; (listener = json_array_get(member_at(s, "listeners"), i));
	     i++) {
		name(i == 0 ? "listeners" : "");
		term_print(member_text(listener, "transport"), stdout);
		putchar(' ');
		term_print(member_text(listener, "address"), stdout);
		printf(":%llu, realm ",
		       (unsigned long long)member_number(listener, "port"));
		term_print(member_text(listener, "realm"), stdout);
		putchar('\n');
	}
}

static void print_relay(const json_t *s)
{
	name("relay");
	term_print(member_text(s, "relay.address"), stdout);
	fputs(", told to clients as ", stdout);
	term_print(member_text(s, "relay.advertise"), stdout);
	fputs(" (", stdout);
	term_print(member_text(s, "relay.advertise_source"), stdout);
	printf(")\n%*sports %llu-%llu, %llu of %llu in use\n", NAME_COLUMN, "",
	       (unsigned long long)member_number(s, "relay.first_port"),
	       (unsigned long long)member_number(s, "relay.last_port"),
	       (unsigned long long)member_number(s, "relay.ports_used"),
	       (unsigned long long)member_number(s, "relay.ports"));
}

static void print_sessions(const json_t *s)
{
	const json_t *realm;
	size_t i;

	name("sessions");
	printf("%llu of %llu, %llu begun; %llu workers\n",
	       (unsigned long long)member_number(s, "allocations.living"),
	       (unsigned long long)member_number(s, "allocations.max"),
	       (unsigned long long)member_number(s, "allocations.begun"),
	       (unsigned long long)member_number(s, "workers"));
	if (json_array_size(member_at(s, "realms")) < 2)
		return;
	for (i = 0; (realm = json_array_get(member_at(s, "realms"), i)); i++) {
		name("");
		printf("%llu in realm ",
		       (unsigned long long)member_number(realm, "allocations"));
		term_print(member_text(realm, "name"), stdout);
		putchar('\n');
	}
}

static void print_traffic(const json_t *s)
{
	char to_peer[UNITS_TEXT_BYTES], to_client[UNITS_TEXT_BYTES];

	name("traffic");
	printf("to peers %s, to clients %s\n",
	       units_bytes(member_number(s, "traffic.to_peer_bytes"), to_peer),
	       units_bytes(member_number(s, "traffic.to_client_bytes"),
			   to_client));
	name("");
	printf("packets between clients %llu, dropped %llu, by the kernel "
	       "%llu\n",
	       (unsigned long long)member_number(s, "traffic.hairpin_packets"),
	       (unsigned long long)member_number(s, "traffic.dropped"),
	       (unsigned long long)member_number(s, "traffic.kernel_drops"));
}

static void print_sources(const json_t *s)
{
	name("users");
	printf("%llu in turnpike.conf, %llu in the users file; %llu secrets\n",
	       (unsigned long long)member_number(s, "users.config"),
	       (unsigned long long)member_number(s, "users.file"),
	       (unsigned long long)member_number(s, "secrets"));
	if (!member_is_there(s, "redis"))
		return;
	name("redis");
	term_print(member_text(s, "redis.state"), stdout);
	fputs(" since ", stdout);
	term_print(member_text(s, "redis.since"), stdout);
	fputs(", at ", stdout);
	term_print(member_text(s, "redis.endpoint"), stdout);
	fputs(", changes by ", stdout);
	term_print(member_text(s, "redis.mode"), stdout);
	putchar('\n');
}

static void print_pending(const json_t *s)
{
	const json_t *option;
	size_t i;

	for (i = 0;
	     (option = json_array_get(member_at(s, "restart_pending"), i));
	     i++) {
		name(i == 0 ? "restart pending" : "");
		term_print(json_string_value(option) ? json_string_value(option)
						     : "",
			   stdout);
		puts(i == 0 ? ": changed in the file, not in force" : "");
	}
	if (!member_is_there(s, "drain"))
		return;
	name("drain");
	fputs("since ", stdout);
	term_print(member_text(s, "drain.since"), stdout);
	fputs(member_is_there(s, "drain.deadline") ? ", ends at " : "", stdout);
	term_print(member_text(s, "drain.deadline"), stdout);
	putchar('\n');
}

static enum status run(const struct call *call)
{
	json_t *server;
	enum status status = api_get(call, "/v1/server", &server);

	if (status != STATUS_OK)
		return status;
	if (call->common.json) {
		member_print(server);
	} else {
		print_state(server);
		print_listeners(server);
		print_relay(server);
		print_sessions(server);
		print_traffic(server);
		print_sources(server);
		print_pending(server);
	}
	if (!member_is_true(server, "ready"))
		status = STATUS_FAILED;
	json_decref(server);
	return status;
}

const struct command command_status = {
	.name = "status",
	.operands = "",
	.summary = "show what the server does",
	.help = "The exit status is 1 if the server is not ready for new "
		"clients.\n",
	.run = run,
};
