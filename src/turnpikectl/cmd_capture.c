#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"
#include "turnpikectl/units.h"

#define SECONDS_DEFAULT 60
#define SECONDS_MAX 3600
#define BYTES_DEFAULT (10 << 20)
#define INTERVAL_MS 250

enum { OPTION_CLIENT, OPTION_SECONDS, OPTION_BYTES, OPTION_FORCE };

static const struct command_option capture_options[] = {
	{ "client", 0, "ADDRESS", "of this IP address only" },
	{ "seconds", 0, "TIME", "as 30s or 5m (60s, at most 1h)" },
	{ "bytes", 0, "NUMBER", "end when the file is that large (10485760)" },
	{ "force", 0, NULL, "replace the file if it exists" },
	{ NULL, 0, NULL, NULL },
};

struct capture_file {
	const struct call *call;
	const char *path;
	int fd;
	uint64_t bytes;
	uint64_t bytes_max;
	uint64_t lost;
};

static volatile sig_atomic_t has_ended;

static void end(int number)
{
	(void)number;
	has_ended = 1;
}

/* To be interrupted ends the capture, not what is written of it. */
static void catch_signals(void)
{
	const struct sigaction action = { .sa_handler = end };

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

static bool write_all(void *arg, struct bytes body)
{
	struct capture_file *f = arg;

	f->bytes += body.len;
	while (body.len > 0) {
		ssize_t n = write(f->fd, body.data, body.len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			say(STATUS_NO_OUTPUT, "%s: %s", f->path,
			    strerror(errno));
			return false;
		}
		body = bytes_of(body.data + n, body.len - (size_t)n);
	}
	return true;
}

/* Asks for the next part of the file; `*over` if there is no capture. */
static enum status ask(struct capture_file *f, const char *path,
		       const json_t *body, bool *over)
{
	const struct api_request request = {
		.method = "POST",
		.path = path,
		.body = body,
		.sink = write_all,
		.sink_arg = f,
	};
	struct api_answer answer;
	enum status status = api_ask(&f->call->common, &request, &answer);

	if (status == STATUS_OK && answer.code == 404 && over)
		*over = true;
	else if (status == STATUS_OK && answer.code >= 300)
		status = api_refused(f->call, &answer);
	json_decref(answer.json);
	return status;
}

static enum status begin(struct capture_file *f, uint64_t seconds)
{
	const char *client = f->call->options[OPTION_CLIENT];
	json_t *body = json_pack("{s:I, s:s*}", "seconds", (json_int_t)seconds,
				 "client", client);
	enum status status = body ? ask(f, "/v1/capture", body, NULL)
				  : say_no_memory();

	json_decref(body);
	return status;
}

static void tell_progress(const struct capture_file *f, const char *end)
{
	char text[UNITS_TEXT_BYTES];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s captured; Ctrl-C ends it%s",
			units_bytes(f->bytes, text), end);
}

static enum status take_all(struct capture_file *f)
{
	enum status status = STATUS_OK;
	bool over = false;

	while (status == STATUS_OK && !over && !has_ended &&
	       f->bytes < f->bytes_max) {
		tell_progress(f, "");
		poll(NULL, 0, INTERVAL_MS);
		status = ask(f, "/v1/capture/take", NULL, &over);
	}
	/* What came in between the last look and now. */
	if (status == STATUS_OK && !over)
		status = ask(f, "/v1/capture/take", NULL, &over);
	tell_progress(f, "\n");
	return status;
}

static void finish(struct capture_file *f)
{
	const struct api_request request = {
		.method = "DELETE",
		.path = "/v1/capture",
	};
	struct api_answer answer;

	/* It may be over by itself, which is as good. */
	if (api_ask(&f->call->common, &request, &answer) != STATUS_OK)
		return;
	f->lost = member_number(answer.json, "lost");
	json_decref(answer.json);
}

static enum status conclude(struct capture_file *f)
{
	json_t *json;

	if (f->call->common.json) {
		json = json_pack("{s:s, s:I, s:I}", "file", f->path, "bytes",
				 (json_int_t)f->bytes, "lost",
				 (json_int_t)f->lost);
		member_print(json);
		json_decref(json);
	} else {
		printf("%s: %llu bytes\n", f->path,
		       (unsigned long long)f->bytes);
	}
	if (f->lost == 0)
		return STATUS_OK;
	return say(STATUS_WARNED,
		   "%llu messages are missing: capture one client by --client",
		   (unsigned long long)f->lost);
}

static enum status capture(struct capture_file *f, uint64_t seconds)
{
	enum status status = begin(f, seconds);

	if (status != STATUS_OK)
		return status;
	status = take_all(f);
	finish(f);
	return status == STATUS_OK ? conclude(f) : status;
}

static bool read_options(const struct call *call, struct capture_file *f,
			 uint64_t *seconds)
{
	const char *bytes = call->options[OPTION_BYTES];
	const char *time = call->options[OPTION_SECONDS];
	char *rest;

	*seconds = SECONDS_DEFAULT;
	f->bytes_max = BYTES_DEFAULT;
	if (time &&
	    (!units_read_duration(time, seconds) || *seconds > SECONDS_MAX))
		return false;
	if (!bytes)
		return true;
	errno = 0;
	f->bytes_max = strtoull(bytes, &rest, 10);
	return *bytes >= '1' && *bytes <= '9' && !*rest && !errno;
}

static enum status run(const struct call *call)
{
	struct capture_file f = { .call = call, .path = call->operands[0] };
	int flags = call->options[OPTION_FORCE] ? O_TRUNC : O_EXCL;
	uint64_t seconds;
	enum status status;

	if (!read_options(call, &f, &seconds))
		return say(STATUS_USAGE, "--seconds is 1s to 1h, --bytes a "
					 "whole number from 1");
	f.fd = open(f.path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
	if (f.fd < 0)
		return say(STATUS_NO_OUTPUT, "%s: %s%s", f.path,
			   strerror(errno),
			   errno == EEXIST ? "; --force replaces it" : "");
	catch_signals();
	status = capture(&f, seconds);
	if (close(f.fd) && status == STATUS_OK)
		status = say(STATUS_NO_OUTPUT, "%s: %s", f.path,
			     strerror(errno));
	if (f.bytes == 0)
		unlink(f.path);
	return status;
}

const struct command command_capture = {
	.name = "capture",
	.operands = "FILE.pcapng",
	.operands_min = 1,
	.operands_max = 1,
	.summary = "write what clients ask and are answered to a file",
	.help = "For whoever is to find out how a client speaks. Names are "
		"hashes in it; keys,\n"
		"nonces and tokens are zeros; nothing that is relayed is in "
		"it. Addresses are.\n"
		"Wireshark reads it, and turnpike's simulator replays it.\n",
	.options = capture_options,
	.run = run,
};
