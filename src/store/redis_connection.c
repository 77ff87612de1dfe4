#include "store/redis_connection.h"

#include <assert.h>
#include <errno.h>
#include <event2/buffer.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "store/redis_values.h"

/* Read from the socket and not yet looked at. */
#define INPUT_MAX_BYTES 65536

void redis_connection_init(struct redis_connection *c, struct redis_loop *loop,
			   const struct redis_connection_hooks *hooks,
			   void *owner)
{
	c->loop = loop;
	c->hooks = hooks;
	c->owner = owner;
}

void redis_connection_fini(struct redis_connection *c)
{
	redis_connection_close(c);
}

void redis_connection_close(struct redis_connection *c)
{
	if (c->bev)
		bufferevent_free(c->bev);
	redis_parser_free(c->parser);
	c->bev = NULL;
	c->parser = NULL;
	c->is_busy = false;
	c->is_open = false;
	c->greetings = 0;
	c->head = 0;
	c->tail = 0;
	c->generation++;
}

void redis_connection_fail(struct redis_connection *c, const char *why)
{
	redis_connection_close(c);
	c->hooks->closed(c->owner, why);
}

/* --- commands --- */

bool redis_connection_has_room(const struct redis_connection *c, uint32_t count)
{
	return REDIS_COMMANDS_MAX - (c->tail - c->head) >= count;
}

/* A password may be in there. */
static void wipe_command(const void *data, size_t len, void *arg)
{
	(void)arg;
	crypto_wipe((void *)(uintptr_t)data, len);
	redisFreeCommand((void *)(uintptr_t)data);
}

static bool write_command(struct redis_connection *c,
			  const struct bytes *arguments, size_t count)
{
	const char *argv[REDIS_ARGUMENTS_MAX];
	size_t lens[REDIS_ARGUMENTS_MAX];
	char *command = NULL;
	int len;

	assert(count > 0 && count <= REDIS_ARGUMENTS_MAX);
	for (size_t i = 0; i < count; i++) {
		lens[i] = arguments[i].len;
		argv[i] = lens[i] ? (const char *)arguments[i].data : "";
	}
	len = redisFormatCommandArgv(&command, (int)count, argv, lens);
	if (len < 0)
		return false;
	if (evbuffer_add_reference(bufferevent_get_output(c->bev), command,
				   (size_t)len, wipe_command, NULL)) {
		wipe_command(command, (size_t)len, NULL);
		return false;
	}
	return true;
}

void redis_connection_send(struct redis_connection *c,
			   const struct bytes *arguments, size_t count,
			   redis_handler handler, void *arg, uint32_t tag)
{
	assert(c->bev && redis_connection_has_room(c, handler ? 1 : 0));
	/* Out of memory: not to be told apart from a server that is silent. */
	(void)write_command(c, arguments, count);
	if (!handler)
		return;
	c->commands[c->tail++ % REDIS_COMMANDS_MAX] = (struct redis_command){
		.handler = handler,
		.arg = arg,
		.tag = tag,
		.due_ms = redis_loop_now_ms() + c->loop->config->timeout_ms,
	};
}

/* --- logging in --- */

enum greeting { GREET_LOGIN, GREET_DATABASE, GREET_MASTER, GREET_PROBE };

/*
 * The server's own words, but for those about a login: a server that does not
 * know the command says again what it was sent.
 */
static void refuse(struct redis_connection *c, enum greeting greeting,
		   const redisReply *reply)
{
	const char *words = greeting == GREET_LOGIN ? "login" : reply->str;
	char why[REDIS_WHY_BYTES];

	snprintf(why, sizeof(why), "the server refuses: %s", words);
	redis_connection_fail(c, why);
}

static void on_greeting(void *arg, uint32_t tag, const redisReply *reply)
{
	struct redis_connection *c = arg;

	if (reply->type == REDIS_REPLY_ERROR &&
	    !redis_reply_is_error(reply, "WRONGTYPE")) {
		refuse(c, (enum greeting)tag, reply);
		return;
	}
	if (tag == GREET_MASTER && !redis_read_is_master(reply)) {
		redis_connection_fail(c, "the server is not a master");
		return;
	}
	if (--c->greetings > 0)
		return;
	c->is_open = true;
	c->hooks->open(c->owner);
}

static void greet_with(struct redis_connection *c,
		       const struct bytes *arguments, size_t count,
		       enum greeting greeting)
{
	c->greetings++;
	redis_connection_send(c, arguments, count, on_greeting, c, greeting);
}

static void log_in(struct redis_connection *c)
{
	const struct redis_login *login = c->setup.login;
	struct bytes arguments[3] = { bytes_str("AUTH") };
	size_t count = 1;

	if (login->user[0] == '\0' && login->password[0] == '\0')
		return;
	if (login->user[0] != '\0')
		arguments[count++] = bytes_str(login->user);
	arguments[count++] = bytes_str(login->password);
	greet_with(c, arguments, count, GREET_LOGIN);
}

/* All of it at once: the answers come in turn. */
static void greet(struct redis_connection *c)
{
	char number[16];

	log_in(c);
	if (c->setup.database > 0) {
		snprintf(number, sizeof(number), "%u", c->setup.database);
		greet_with(c,
			   (struct bytes[]){ bytes_str("SELECT"),
					     bytes_str(number) },
			   2, GREET_DATABASE);
	}
	if (c->setup.must_be_master)
		greet_with(c, (struct bytes[]){ bytes_str("ROLE") }, 1,
			   GREET_MASTER);
	if (c->setup.probe.len > 0)
		greet_with(c,
			   (struct bytes[]){ bytes_str("GET"),
					     redis_key_bytes(&c->setup.probe) },
			   2, GREET_PROBE);
	if (c->greetings > 0)
		return;
	c->is_open = true;
	c->hooks->open(c->owner);
}

/* --- replies --- */

static void handle(struct redis_connection *c, const redisReply *reply)
{
	struct redis_command command;

	c->heard_ms = redis_loop_now_ms();
	if (c->head != c->tail) {
		command = c->commands[c->head++ % REDIS_COMMANDS_MAX];
		command.handler(command.arg, command.tag, reply);
		return;
	}
	if (c->hooks->told && c->is_open)
		c->hooks->told(c->owner, reply);
	else
		redis_connection_fail(c, "an answer nobody asked for");
}

/* Takes up to one reply from the input. Returns false if no more is there. */
static bool read_reply(struct redis_connection *c, struct evbuffer *input)
{
	struct evbuffer_iovec part;
	enum redis_scan result;
	redisReply *reply;
	size_t taken;

	if (evbuffer_peek(input, -1, NULL, &part, 1) < 1 || part.iov_len == 0)
		return false;
	taken = redis_parser_take(c->parser,
				  bytes_of(part.iov_base, part.iov_len),
				  &result, &reply);
	crypto_wipe(part.iov_base, taken);
	evbuffer_drain(input, taken);
	if (result == REDIS_SCAN_BROKEN)
		redis_connection_fail(c, "not the protocol of Redis, or an "
					 "answer that is much too long");
	if (result == REDIS_SCAN_DONE)
		handle(c, reply);
	redis_reply_free(reply);
	return true;
}

/* Whoever handles a reply may close the connection, or open another. */
static void on_read(struct bufferevent *bev, void *arg)
{
	struct redis_connection *c = arg;
	struct evbuffer *input = bufferevent_get_input(bev);
	uint32_t generation = c->generation;

	while (c->generation == generation && read_reply(c, input))
		continue;
}

/* --- connecting --- */

static void set_no_delay(struct bufferevent *bev)
{
	int on = 1;

	/* Unix sockets have none. */
	setsockopt(bufferevent_getfd(bev), IPPROTO_TCP, TCP_NODELAY, &on,
		   sizeof(on));
}

static void on_error(struct redis_connection *c, short what)
{
	int socket_error = EVUTIL_SOCKET_ERROR();
	int dns_error = bufferevent_socket_get_dns_error(c->bev);
	char why[REDIS_WHY_BYTES];

	if (dns_error) {
		snprintf(why, sizeof(why), "%s",
			 evutil_gai_strerror(dns_error));
		redis_loop_read_resolv_conf(c->loop);
	} else if (c->loop->tls &&
		   redis_tls_explain(c->bev, why, sizeof(why))) {
		/* said */
	} else if (what & BEV_EVENT_EOF || socket_error == 0) {
		snprintf(why, sizeof(why), "closed by the server");
	} else {
		snprintf(why, sizeof(why), "%s",
			 evutil_socket_error_to_string(socket_error));
	}
	redis_connection_fail(c, why);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct redis_connection *c = arg;

	if (what & BEV_EVENT_CONNECTED) {
		set_no_delay(bev);
		greet(c);
		return;
	}
	on_error(c, what);
}

static struct bufferevent *new_bufferevent(struct redis_connection *c)
{
	const struct redis_config *config = c->loop->config;
	const int options = BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS;

	if (!c->loop->tls)
		return bufferevent_socket_new(c->loop->base, -1, options);
	return redis_tls_connection(c->loop->tls, c->loop->base,
				    config->tls_name[0] != '\0'
					    ? config->tls_name
					    : c->setup.endpoint.host,
				    options);
}

/* Returns 0 or an errno; other failures are told to on_event(). */
static int begin(struct redis_connection *c)
{
	const struct redis_endpoint *e = &c->setup.endpoint;
	struct sockaddr_un path = { .sun_family = AF_UNIX };
	int failed;

	_Static_assert(sizeof(path.sun_path) == sizeof(e->path),
		       "a path fits a socket's address");
	bufferevent_setcb(c->bev, on_read, NULL, on_event, c);
	bufferevent_setwatermark(c->bev, EV_READ, 0, INPUT_MAX_BYTES);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	errno = 0;
	if (e->path[0] != '\0') {
		memcpy(path.sun_path, e->path, sizeof(e->path));
		failed = bufferevent_socket_connect(
			c->bev, (struct sockaddr *)(void *)&path, sizeof(path));
	} else {
		failed = bufferevent_socket_connect_hostname(
			c->bev, c->loop->dns, AF_UNSPEC, e->host, e->port);
	}
	if (!failed)
		return 0;
	return errno != 0 ? errno : EINVAL;
}

void redis_connection_connect(struct redis_connection *c,
			      const struct redis_setup *setup)
{
	assert(!c->bev);
	c->setup = *setup;
	c->is_busy = true;
	c->heard_ms = redis_loop_now_ms();
	c->open_due_ms = c->heard_ms + c->loop->config->timeout_ms;
	c->parser = redis_parser_new();
	c->bev = c->parser ? new_bufferevent(c) : NULL;
	/* What failed at once is told on the next tick, not from in here. */
	c->error = c->bev ? begin(c) : ENOMEM;
}

void redis_connection_tick(struct redis_connection *c, uint64_t now_ms)
{
	const struct redis_command *oldest =
		&c->commands[c->head % REDIS_COMMANDS_MAX];

	if (!c->is_busy)
		return;
	if (c->error)
		redis_connection_fail(c,
				      evutil_socket_error_to_string(c->error));
	else if (c->is_open ? c->head != c->tail && now_ms >= oldest->due_ms
			    : now_ms >= c->open_due_ms)
		redis_connection_fail(c, "no answer within the time-out");
}
