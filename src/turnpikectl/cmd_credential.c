#include <stdlib.h>
#include <string.h>

#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"
#include "turnpikectl/term.h"
#include "turnpikectl/units.h"

#define USER_DEFAULT "turnpike"
#define URL_SCHEME "turn:"
#define HOST_BYTES 256
#define PORT_DEFAULT "3478"

enum { OPTION_USER, OPTION_REALM, OPTION_LIFETIME, OPTION_FOR };

static const struct command_option credential_options[] = {
	{ "user", 0, "NAME", "whose it is: log and limits go by it" },
	{ "realm", 0, "NAME", "the realm, if not the first" },
	{ "lifetime", 0, "TIME", "as 10m, 1h or 7d (1d)" },
	{ "for", 0, "WHAT",
	  "browser, android, ios, windows, web or curl only" },
	{ NULL, 0, NULL, NULL },
};

/* What the snippets need. Texts are quoted as JSON, which all of the
 * languages read alike once there is no control character in them. */
struct credential {
	const json_t *answer;
	const char *user; /* as asked for; not quoted */
	char *username;   /* these owned and quoted */
	char *password;
	char *realm;
	char *url;
	char *host_url; /* "turn:HOST" */
	char port[8];
};

static char *quote(const char *text)
{
	json_t *json = json_string(text);
	char *quoted = json ? json_dumps(json, JSON_ENCODE_ANY) : NULL;

	json_decref(json);
	return quoted;
}

/* "turn:HOST:PORT?transport=udp" in its parts; without a port it is 3478. */
static char *split_url(const char *url, char port[8])
{
	char text[HOST_BYTES + sizeof(URL_SCHEME)];
	size_t len = strcspn(url, "?");
	const char *colon = NULL;

	snprintf(port, 8, "%s", PORT_DEFAULT);
	if (strncmp(url, URL_SCHEME, sizeof(URL_SCHEME) - 1) != 0 ||
	    len >= sizeof(text))
		return NULL;
	memcpy(text, url, len);
	text[len] = '\0';
	colon = strrchr(text + sizeof(URL_SCHEME) - 1, ':');
	if (colon && !strchr(colon, ']')) {
		snprintf(port, 8, "%.5s", colon + 1);
		text[colon - text] = '\0';
	}
	if (strspn(port, "0123456789") != strlen(port))
		return NULL;
	return quote(text);
}

static bool fill(struct credential *c)
{
	const json_t *urls = member_at(c->answer, "urls");
	const char *url = json_string_value(json_array_get(urls, 0));

	if (!url)
		return false;
	c->username = quote(member_text(c->answer, "username"));
	c->password = quote(member_text(c->answer, "password"));
	c->realm = quote(member_text(c->answer, "realm"));
	c->url = quote(url);
	c->host_url = split_url(url, c->port);
	return c->username && c->password && c->realm && c->url && c->host_url;
}

static void clear(struct credential *c)
{
	free(c->username);
	free(c->password);
	free(c->realm);
	free(c->url);
	free(c->host_url);
}

/* --- one function for each kind of client --- */

static void print_browser(const struct credential *c)
{
	printf("new RTCPeerConnection({\n"
	       "  iceServers: [{\n"
	       "    urls: [%s],\n"
	       "    username: %s,\n"
	       "    credential: %s\n"
	       "  }]\n"
	       "});\n",
	       c->url, c->username, c->password);
}

static void print_android(const struct credential *c)
{
	printf("IceServer iceServer = new IceServer();\n"
	       "iceServer.setUrls(Arrays.asList(%s));\n"
	       "iceServer.setUdpPort(%s);\n"
	       "iceServer.setRealm(%s);\n"
	       "iceServer.setUsername(%s);\n"
	       "iceServer.setPassword(%s);\n"
	       "CallNetworkOptions network = new CallNetworkOptions();\n"
	       "network.setIceServers(Arrays.asList(iceServer));\n"
	       "CallClientOptions options = new CallClientOptions();\n"
	       "options.setNetwork(network);\n",
	       c->host_url, c->port, c->realm, c->username, c->password);
}

static void print_ios(const struct credential *c)
{
	printf("let iceServer = IceServer()\n"
	       "iceServer.urls = [%s]\n"
	       "iceServer.udpPort = %s\n"
	       "iceServer.realm = %s\n"
	       "iceServer.username = %s\n"
	       "iceServer.password = %s\n"
	       "let options = CallClientOptions()\n"
	       "options.network = CallNetworkOptions()\n"
	       "options.network.iceServers = [iceServer]\n",
	       c->host_url, c->port, c->realm, c->username, c->password);
}

static void print_windows(const struct credential *c)
{
	printf("var iceServer = new IceServer\n"
	       "{\n"
	       "    Uris = new[] { %s },\n"
	       "    UdpPort = %s,\n"
	       "    Realm = %s,\n"
	       "    Username = %s,\n"
	       "    Password = %s\n"
	       "};\n"
	       "var options = new CallClientOptions();\n"
	       "options.Network.IceServers = new[] { iceServer };\n",
	       c->host_url, c->port, c->realm, c->username, c->password);
}

static void print_web(const struct credential *c)
{
	printf("new CallClient({\n"
	       "  networkConfiguration: {\n"
	       "    turn: {\n"
	       "      iceServers: [{\n"
	       "        urls: [%s],\n"
	       "        username: %s,\n"
	       "        credential: %s\n"
	       "      }]\n"
	       "    }\n"
	       "  }\n"
	       "});\n",
	       c->url, c->username, c->password);
}

/* Single quotes are the shell's; one in the name is closed and opened. */
static void print_shell(const char *text)
{
	putchar('\'');
	for (; *text; text++) {
		if (*text == '\'')
			fputs("'\\''", stdout);
		else
			putchar(*text);
	}
	putchar('\'');
}

static void print_curl(const struct credential *c)
{
	json_t *body = json_pack("{s:s}", "user", c->user);
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	fputs("curl --unix-socket " COMMAND_SOCKET " \\\n"
	      "  -H 'Content-Type: application/json' -d ",
	      stdout);
	print_shell(text ? text : "{}");
	puts(" \\\n  http://localhost/v1/credentials");
	free(text);
	json_decref(body);
}

static const struct {
	const char *name;
	const char *title;
	void (*print)(const struct credential *c);
} kinds[] = {
	{ "browser", "a browser", print_browser },
	{ "android", "ACS Calling on Android (Java)", print_android },
	{ "ios", "ACS Calling on iOS (Swift)", print_ios },
	{ "windows", "ACS Calling on Windows (C#)", print_windows },
	{ "web", "ACS Calling in the browser", print_web },
	{ "curl", "another one, by curl", print_curl },
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* --- */

static bool is_kind(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].name, name))
			return true;
	return false;
}

static void print_plain(const struct credential *c)
{
	const json_t *url;
	size_t i;

	fputs("username  ", stdout);
	term_print(member_text(c->answer, "username"), stdout);
	fputs("\npassword  ", stdout);
	term_print(member_text(c->answer, "password"), stdout);
	fputs("\nrealm     ", stdout);
	term_print(member_text(c->answer, "realm"), stdout);
	fputs("\nexpires   ", stdout);
	term_print(member_text(c->answer, "expires"), stdout);
	putchar('\n');
	for (i = 0; (url = json_array_get(member_at(c->answer, "urls"), i));
	     i++) {
		fputs("url       ", stdout);
		term_print(json_string_value(url) ? json_string_value(url) : "",
			   stdout);
		putchar('\n');
	}
}

static enum status print(const struct call *call, const json_t *answer,
			 const char *user)
{
	const char *wanted = call->options[OPTION_FOR];
	struct credential c = { .answer = answer, .user = user };
	bool whole = fill(&c);

	if (!whole && wanted)
		say(STATUS_OK, "turnpiked names no URL: has it a listener?");
	if (!wanted)
		print_plain(&c);
	for (size_t i = 0; i < KINDS && whole; i++) {
		if (wanted && strcmp(wanted, kinds[i].name) != 0)
			continue;
		if (!wanted)
			printf("\n%s// %s%s\n", term_style(TERM_BOLD, stdout),
			       kinds[i].title, term_style(TERM_PLAIN, stdout));
		kinds[i].print(&c);
	}
	clear(&c);
	return whole || !wanted ? STATUS_OK : STATUS_PROTOCOL;
}

/* What could end a string of a language, or a line of a terminal. */
static bool is_plain(const char *text)
{
	char escaped[4 * TERM_ESCAPED_BYTES(256)];

	if (strlen(text) > 256 || strchr(text, '\\'))
		return false;
	term_escape(bytes_str(text), escaped, sizeof(escaped));
	return !strcmp(escaped, text);
}

static enum status make_body(const struct call *call, const char *user,
			     json_t **out)
{
	const char *lifetime = call->options[OPTION_LIFETIME];
	const char *realm = call->options[OPTION_REALM];
	uint64_t seconds = 0;

	if (!is_plain(user) || *user == '\0')
		return say(STATUS_USAGE, "--user needs a name of at most 256 "
					 "bytes, without control characters");
	if (lifetime && !units_read_duration(lifetime, &seconds))
		return say(STATUS_USAGE,
			   "--lifetime needs a time such as 10m, 1h or 7d");
	if (call->options[OPTION_FOR] && !is_kind(call->options[OPTION_FOR]))
		return say(STATUS_USAGE, "--for needs browser, android, ios, "
					 "windows, web or curl");
	*out = json_pack("{s:s}", "user", user);
	if (!*out || (realm && json_object_set_new(*out, "realm",
						   json_string(realm)) != 0))
		return say(STATUS_DATA, "a name is no UTF-8");
	if (lifetime)
		json_object_set_new(*out, "lifetime_s",
				    json_integer((json_int_t)seconds));
	return STATUS_OK;
}

static enum status run(const struct call *call)
{
	const char *user = call->options[OPTION_USER]
				   ? call->options[OPTION_USER]
				   : USER_DEFAULT;
	json_t *body = NULL, *answer = NULL;
	enum status status = make_body(call, user, &body);

	if (status == STATUS_OK)
		status = api_send(call, "POST", "/v1/credentials", body,
				  &answer);
	if (status == STATUS_OK && call->common.json)
		member_print(answer);
	else if (status == STATUS_OK)
		status = print(call, answer, user);
	json_decref(body);
	json_decref(answer);
	return status;
}

const struct command command_credential = {
	.name = "credential",
	.operands = "",
	.summary = "make a time-limited credential, ready to be pasted",
	.help = "It follows from a secret that is in force; without one in "
		"turnpike.conf there is\n"
		"none. It is printed for a browser, for the calling SDKs of "
		"Azure Communication\n"
		"Services, and as a call by curl that makes another one.\n",
	.options = credential_options,
	.run = run,
};
