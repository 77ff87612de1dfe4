#include "turnpikectl/api.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/crypto.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/http_reply.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"

#define ENVIRONMENT "TURNPIKE_CONTROL"
#define HTTP_SCHEME "http://"
#define HOST_BYTES 256
#define PORT_BYTES 6
#define HTTP_PORT "80"
#define READ_BYTES 65536

/* Where turnpiked is, as the options and the environment say. */
struct place {
	const char *socket; /* path, or NULL */
	const char *url;    /* else */
	char host[HOST_BYTES];
	char port[PORT_BYTES];
	char token[API_TOKEN_BYTES]; /* "": none */
};

struct talk {
	const struct place *place;
	int fd;
	int64_t deadline_ms;
	uint8_t *text; /* owned */
	size_t len;
	size_t size;
};

/* --- where it is --- */

static const char *environment(void)
{
	const char *text = getenv(ENVIRONMENT);

	return text && *text ? text : NULL;
}

const char *api_url(const struct common *how)
{
	const char *text = environment();

	if (how->url || how->socket)
		return how->url;
	return text && !strncmp(text, HTTP_SCHEME, sizeof(HTTP_SCHEME) - 1)
		       ? text
		       : NULL;
}

/* "HOST", "HOST:PORT" or "[ADDRESS]:PORT", and a slash or nothing. */
static bool split_authority(const char *text, struct place *p)
{
	size_t len = strcspn(text, "/");
	const char *port = HTTP_PORT;
	size_t host_len, port_len = sizeof(HTTP_PORT) - 1;
	const char *end;

	if (text[len] == '/' && text[len + 1] != '\0')
		return false;
	if (text[0] == '[') {
		text++;
		len--;
		end = memchr(text, ']', len);
		host_len = end ? (size_t)(end - text) : 0;
		end = end ? end + 1 : text;
	} else {
		host_len = strcspn(text, ":/");
		end = text + host_len;
	}
	if (*end == ':') {
		port = end + 1;
		port_len = strcspn(port, "/");
	} else if (*end != '\0' && *end != '/') {
		return false;
	}
	if (host_len == 0 || host_len >= sizeof(p->host) || port_len == 0 ||
	    port_len >= sizeof(p->port))
		return false;
	memcpy(p->host, text, host_len);
	memcpy(p->port, port, port_len);
	return strspn(p->port, "0123456789") == port_len;
}

int api_read_token(const char *path, char out[API_TOKEN_BYTES])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t len;

	out[0] = '\0';
	if (fd < 0)
		return -errno;
	len = read(fd, out, API_TOKEN_BYTES - 1);
	if (len < 0) {
		int error = -errno;

		close(fd);
		return error;
	}
	close(fd);
	while (len > 0 && isspace((unsigned char)out[len - 1]))
		len--;
	out[len] = '\0';
	for (ssize_t i = 0; i < len; i++)
		if (!isgraph((unsigned char)out[i]))
			out[0] = '\0';
	return out[0] == '\0' ? -EINVAL : 0;
}

static enum status find_token(const struct common *how, struct place *p)
{
	const char *path = how->token_file ? how->token_file : API_TOKEN_FILE;
	int error = api_read_token(path, p->token);

	/* What the default file would have may not be needed. */
	if (!error || !how->token_file)
		return STATUS_OK;
	return say(STATUS_NO_INPUT, "%s: %s", path,
		   error == -EINVAL ? "holds no token" : strerror(-error));
}

static enum status find_place(const struct common *how, struct place *p)
{
	const char *text = environment();

	*p = (struct place){ .url = api_url(how) };
	if (how->url && how->socket)
		return say(STATUS_USAGE, "--url and --socket: give one");
	if (!p->url) {
		p->socket = how->socket ? how->socket
			    : text      ? text
					: COMMAND_SOCKET;
		return STATUS_OK;
	}
	if (strncmp(p->url, HTTP_SCHEME, sizeof(HTTP_SCHEME) - 1) != 0 ||
	    !split_authority(p->url + sizeof(HTTP_SCHEME) - 1, p))
		return say(STATUS_USAGE,
			   "the URL is \"%s\"; expected http://HOST:PORT",
			   p->url);
	return find_token(how, p);
}

/* --- the connection --- */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static const char *name_of(const struct place *p)
{
	return p->socket ? p->socket : p->url;
}

static enum status timed_out(const struct place *p)
{
	return say(STATUS_TIMEOUT,
		   "turnpiked at %s does not answer: it may be stopped, or "
		   "busy; see: systemctl status turnpiked",
		   name_of(p));
}

static enum status cannot_connect(const struct place *p, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
	case ENOTDIR:
		return say(STATUS_UNAVAILABLE,
			   "turnpiked does not run, or its %s is not %s: "
			   "systemctl status turnpiked",
			   p->socket ? "socket" : "address", name_of(p));
	case EACCES:
	case EPERM:
		return say(STATUS_REFUSED,
			   "%s: %s; be root, or a member of group turnpike",
			   name_of(p), strerror(error));
	case ETIMEDOUT:
	case EAGAIN:
		return timed_out(p);
	default:
		return say(STATUS_UNAVAILABLE, "%s: %s", name_of(p),
			   strerror(error));
	}
}

/* Waits for one of the events; false at the deadline. */
static bool await(const struct talk *t, short events)
{
	struct pollfd fd = { .fd = t->fd, .events = events };

	for (;;) {
		int64_t left = t->deadline_ms - now_ms();
		int count;

		if (left <= 0)
			return false;
		count = poll(&fd, 1, (int)left);
		if (count > 0)
			return true;
		if (count < 0 && errno != EINTR)
			return false;
	}
}

static int finish_connect(struct talk *t)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (!await(t, POLLOUT))
		return ETIMEDOUT;
	if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0)
		return errno;
	return error;
}

/* Opens t->fd; returns an errno. */
static int connect_to(struct talk *t, const struct sockaddr *to, socklen_t len)
{
	int error = 0;

	t->fd = socket(to->sa_family,
		       SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return errno;
	if (connect(t->fd, to, len) != 0)
		error = errno == EINPROGRESS ? finish_connect(t) : errno;
	if (error) {
		close(t->fd);
		t->fd = -1;
	}
	return error;
}

static enum status connect_socket(struct talk *t)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	const char *path = t->place->socket;
	int error;

	if (strlen(path) >= sizeof(to.sun_path))
		return say(STATUS_USAGE, "%s: too long for a socket's path",
			   path);
	memcpy(to.sun_path, path, strlen(path) + 1);
	error = connect_to(t, (struct sockaddr *)&to, sizeof(to));
	return error ? cannot_connect(t->place, error) : STATUS_OK;
}

static enum status connect_url(struct talk *t)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	int error = getaddrinfo(t->place->host, t->place->port, &hints, &found);

	if (error)
		return say(STATUS_UNAVAILABLE, "%s: %s", t->place->host,
			   gai_strerror(error));
	for (struct addrinfo *a = found; a; a = a->ai_next) {
		error = connect_to(t, a->ai_addr, a->ai_addrlen);
		if (!error)
			break;
	}
	freeaddrinfo(found);
	return error ? cannot_connect(t->place, error) : STATUS_OK;
}

static enum status closed_on_us(const struct talk *t)
{
	return say(STATUS_UNAVAILABLE,
		   "turnpiked at %s closed the connection: it ends, or does "
		   "not serve this user; be root, or a member of group "
		   "turnpike",
		   name_of(t->place));
}

static enum status send_all(struct talk *t, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(t->fd, text, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && errno != EAGAIN)
			return closed_on_us(t);
		if (sent < 0 && !await(t, POLLOUT))
			return timed_out(t->place);
		if (sent < 0)
			continue;
		text += sent;
		len -= (size_t)sent;
	}
	return STATUS_OK;
}

/* Reads some more. Returns its length, 0 at the end, or a negative errno. */
static ssize_t receive(struct talk *t)
{
	ssize_t got;

	if (t->size - t->len < READ_BYTES) {
		size_t size = 2 * t->size + READ_BYTES;
		uint8_t *text = realloc(t->text, size);

		if (!text)
			return -ENOMEM;
		t->text = text;
		t->size = size;
	}
	for (;;) {
		got = recv(t->fd, t->text + t->len, READ_BYTES, 0);
		if (got >= 0)
			break;
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		if (!await(t, POLLIN))
			return -ETIMEDOUT;
	}
	t->len += (size_t)got;
	return got;
}

static enum status not_understood(const struct talk *t)
{
	return say(STATUS_PROTOCOL,
		   "what answers at %s does not speak as turnpiked of this "
		   "version does",
		   name_of(t->place));
}

static enum status receive_answer(struct talk *t, struct http_reply *out)
{
	enum http_reply_result result = HTTP_REPLY_MORE;

	while (result == HTTP_REPLY_MORE) {
		ssize_t got = receive(t);

		if (got == -ETIMEDOUT)
			return timed_out(t->place);
		if (got == -ENOMEM)
			return say_no_memory();
		if (got < 0 || (got == 0 && t->len == 0))
			return closed_on_us(t);
		result = http_reply_read(t->text, t->len, got == 0, out);
	}
	return result == HTTP_REPLY_DONE ? STATUS_OK : not_understood(t);
}

/* --- a call --- */

/* Host is what the server has as its own, or localhost on a socket. */
static char *write_request(const struct place *p, const struct api_request *r)
{
	char *body = r->body ? json_dumps(r->body, JSON_COMPACT) : NULL;
	bool is_v6 = strchr(p->host, ':') != NULL;
	char *text = NULL;

	if (r->body && !body)
		return NULL;
	if (asprintf(&text,
		     "%s %s HTTP/1.1\r\n"
		     "Host: %s%s%s%s%s\r\n"
		     "Connection: close\r\n"
		     "Accept: application/json\r\n"
		     "%s%s%s"
		     "%s"
		     "Content-Length: %zu\r\n"
		     "\r\n"
		     "%s",
		     r->method, r->path, is_v6 ? "[" : "",
		     p->socket ? "localhost" : p->host, is_v6 ? "]" : "",
		     p->socket ? "" : ":", p->socket ? "" : p->port,
		     p->token[0] ? "Authorization: Bearer " : "", p->token,
		     p->token[0] ? "\r\n" : "",
		     body ? "Content-Type: application/json\r\n" : "",
		     body ? strlen(body) : 0, body ? body : "") < 0)
		text = NULL;
	free(body);
	return text;
}

static enum status exchange(struct talk *t, const struct api_request *request,
			    struct http_reply *out)
{
	char *text = write_request(t->place, request);
	enum status status;

	if (!text)
		return say_no_memory();
	status = t->place->socket ? connect_socket(t) : connect_url(t);
	if (status == STATUS_OK)
		status = send_all(t, text, strlen(text));
	/* It may hold a password or the token. */
	crypto_wipe(text, strlen(text));
	free(text);
	return status == STATUS_OK ? receive_answer(t, out) : status;
}

static enum status parse_answer(const struct talk *t,
				const struct api_request *request,
				const struct http_reply *http,
				struct api_answer *out)
{
	out->code = http->status;
	out->json = NULL;
	if (http->body.len == 0)
		return STATUS_OK;
	if (!http->is_json && request->sink)
		return request->sink(request->sink_arg, http->body)
			       ? STATUS_OK
			       : STATUS_NO_OUTPUT;
	if (http->is_json)
		out->json = json_loadb((const char *)http->body.data,
				       http->body.len, JSON_REJECT_DUPLICATES,
				       NULL);
	if (!json_is_object(out->json)) {
		json_decref(out->json);
		out->json = NULL;
		return not_understood(t);
	}
	return STATUS_OK;
}

enum status api_ask(const struct common *how, const struct api_request *request,
		    struct api_answer *out)
{
	struct place place;
	struct talk talk = { .place = &place, .fd = -1 };
	struct http_reply http = { .status = 0 };
	enum status status = find_place(how, &place);

	*out = (struct api_answer){ .json = NULL };
	if (status != STATUS_OK)
		return status;
	talk.deadline_ms = now_ms() + (request->timeout_ms ? request->timeout_ms
							   : API_TIMEOUT_MS);
	status = exchange(&talk, request, &http);
	if (status == STATUS_OK)
		status = parse_answer(&talk, request, &http, out);
	if (talk.fd >= 0)
		close(talk.fd);
	if (talk.text)
		crypto_wipe(talk.text, talk.len);
	free(talk.text);
	crypto_wipe(place.token, sizeof(place.token));
	return status;
}

static enum status status_of(unsigned code)
{
	switch (code) {
	case 400:
	case 405:
	case 411:
	case 413:
	case 415:
		return STATUS_DATA;
	case 401:
	case 403:
		return STATUS_REFUSED;
	case 422:
		return STATUS_CONFIG;
	case 503:
		return STATUS_UNAVAILABLE;
	default:
		return STATUS_FAILED;
	}
}

static const char *member(const json_t *error, const char *name)
{
	return json_string_value(json_object_get(error, name));
}

/* A sentence that is whole is followed by another one. */
static const char *between(const char *message, const char *remedy)
{
	size_t len = strlen(message);

	if (!remedy)
		return "";
	return len > 0 && message[len - 1] == '.' ? " " : ": ";
}

enum status api_refused(const struct call *call,
			const struct api_answer *answer)
{
	const json_t *error = json_object_get(answer->json, "error");
	const char *message = member(error, "message");
	const char *remedy = member(error, "remedy");

	if (call->common.json && answer->json) {
		member_print(answer->json);
	}
	if (!remedy && answer->code == 401)
		remedy = "give --token-file, or be root and leave --url out";
	if (message)
		say(STATUS_OK, "%s%s%s", message, between(message, remedy),
		    remedy ? remedy : "");
	else
		say(STATUS_OK, "turnpiked answers %u%s%s", answer->code,
		    remedy ? ": " : "", remedy ? remedy : "");
	return status_of(answer->code);
}

enum status api_send(const struct call *call, const char *method,
		     const char *path, const json_t *body, json_t **out)
{
	const struct api_request request = { .method = method,
					     .path = path,
					     .body = body };
	struct api_answer answer;
	enum status status = api_ask(&call->common, &request, &answer);

	*out = NULL;
	if (status != STATUS_OK)
		return status;
	if (answer.code >= 300) {
		status = api_refused(call, &answer);
		json_decref(answer.json);
		return status;
	}
	*out = answer.json;
	return STATUS_OK;
}

enum status api_get(const struct call *call, const char *path, json_t **out)
{
	enum status status = api_send(call, "GET", path, NULL, out);

	if (status != STATUS_OK || *out)
		return status;
	say(STATUS_OK, "turnpiked answers with nothing");
	return STATUS_PROTOCOL;
}
