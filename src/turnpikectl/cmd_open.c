#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/crypto.h"
#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/url.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"

#define BROWSER "xdg-open"
#define PAGE_BYTES (URL_ENCODED_BYTES(API_TOKEN_BYTES) + 512)

extern char **environ;

enum { OPTION_BROWSER };

static const struct command_option open_options[] = {
	{ "browser", 0, NULL, "show the page, by " BROWSER },
	{ NULL, 0, NULL, NULL },
};

static enum status read_token(const struct call *call,
			      char token[API_TOKEN_BYTES])
{
	const char *path = call->common.token_file ? call->common.token_file
						   : API_TOKEN_FILE;
	int error = api_read_token(path, token);

	switch (error) {
	case 0:
		return STATUS_OK;
	case -ENOENT:
		return say(STATUS_NO_INPUT,
			   "%s is not there: turnpiked makes it when it first "
			   "starts, in its state_dir; --token-file says where",
			   path);
	case -EACCES:
		return say(STATUS_REFUSED,
			   "%s: %s; be root, or a member of group turnpike",
			   path, strerror(EACCES));
	default:
		return say(STATUS_NO_INPUT, "%s: %s", path,
			   error == -EINVAL ? "holds no token"
					    : strerror(-error));
	}
}

/* The server is asked with the token, so that what is shown works. */
static enum status try_it(const struct call *call, const char *url)
{
	struct common how = call->common;
	const struct api_request request = { .method = "GET",
					     .path = "/v1/server" };
	struct api_answer answer;
	enum status status;

	how.url = url;
	how.socket = NULL;
	status = api_ask(&how, &request, &answer);
	if (status == STATUS_OK && answer.code >= 300)
		status = api_refused(call, &answer);
	json_decref(answer.json);
	return status;
}

static enum status show(const char *page)
{
	char *const argv[] = { (char[]){ BROWSER }, (char *)page, NULL };
	pid_t child;
	int result;
	int error = posix_spawnp(&child, BROWSER, NULL, NULL, argv, environ);

	if (error)
		return say(STATUS_UNAVAILABLE, "%s: %s; open the address above",
			   BROWSER, strerror(error));
	while (waitpid(child, &result, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(result) && WEXITSTATUS(result) == 0)
		return STATUS_OK;
	return say(STATUS_FAILED, "%s found no browser; open the address above",
		   BROWSER);
}

static void print(const struct call *call, const char *page)
{
	json_t *json;

	if (!call->common.json) {
		puts(page);
		return;
	}
	json = json_pack("{s:s}", "url", page);
	member_print(json);
	json_decref(json);
}

static enum status run(const struct call *call)
{
	const char *url = api_url(&call->common);
	char token[API_TOKEN_BYTES], page[PAGE_BYTES];
	char encoded[URL_ENCODED_BYTES(API_TOKEN_BYTES)];
	size_t len;
	enum status status = read_token(call, token);

	if (status != STATUS_OK)
		return status;
	if (!url)
		url = API_URL;
	status = try_it(call, url);
	len = strlen(url);
	if (len > 0 && url[len - 1] == '/')
		len--;
	if (status == STATUS_OK) {
		snprintf(page, sizeof(page), "%.*s/#token=%s", (int)len, url,
			 url_encode(bytes_str(token), encoded));
		print(call, page);
		fflush(stdout);
		if (call->options[OPTION_BROWSER])
			status = show(page);
		crypto_wipe(page, sizeof(page));
	}
	crypto_wipe(token, sizeof(token));
	crypto_wipe(encoded, sizeof(encoded));
	return status;
}

const struct command command_open = {
	.name = "open",
	.operands = "",
	.summary = "print the address of the status page, with its token",
	.help = "Whoever has that address can do all that turnpikectl can: "
		"it is a password.\n"
		"It is that of --url, else " API_URL ". With --browser the\n"
		"token is in the arguments of " BROWSER " for a moment, where "
		"all users of this\n"
		"machine can see it.\n",
	.options = open_options,
	.run = run,
};
