/*
 * One connection to a Redis server: connecting, logging in, commands in
 * flight, replies.
 *
 * Commands are arrays of byte strings; no byte of a user's ever is a format or
 * a separator. Each gets its reply in turn, or the connection is closed: one
 * that does not answer in time, answers what is no reply, or says more than it
 * was asked is of no use any more.
 */
#ifndef TURNPIKE_STORE_REDIS_CONNECTION_H
#define TURNPIKE_STORE_REDIS_CONNECTION_H

#include "store/redis_keys.h"
#include "store/redis_loop.h"
#include "store/redis_reply.h"

/* Commands without a reply yet; a power of two. */
#define REDIS_COMMANDS_MAX 4096
#define REDIS_ARGUMENTS_MAX 8
#define REDIS_WHY_BYTES 160

struct redis_setup {
	struct redis_endpoint endpoint;
	const struct redis_login *login; /* borrowed while it is open */
	uint32_t database;
	bool must_be_master; /* ask by ROLE */
	/*
	 * A key to GET before the connection counts as open: whether the
	 * server has loaded its data and lets us read it. Empty: none.
	 */
	struct redis_key probe;
};

struct redis_connection_hooks {
	/* Connected and logged in. */
	void (*open)(void *owner);
	/* A reply that no command waits for; NULL: there may be none. */
	void (*told)(void *owner, const redisReply *reply);
	/* Closed, but not by redis_connection_close(). */
	void (*closed)(void *owner, const char *why);
};

/* Takes the reply to a command; `reply` is valid until it returns. */
typedef void (*redis_handler)(void *arg, uint32_t tag, const redisReply *reply);

struct redis_command {
	redis_handler handler;
	void *arg;
	uint32_t tag;
	uint64_t due_ms;
};

struct redis_connection {
	struct redis_loop *loop;
	const struct redis_connection_hooks *hooks;
	void *owner;
	struct redis_setup setup;
	struct bufferevent *bev; /* NULL: closed */
	struct redis_parser *parser;
	bool is_busy; /* connecting or open */
	bool is_open;
	int error;           /* with which connecting failed at once, or 0 */
	uint32_t generation; /* changes when it is closed */
	uint64_t open_due_ms;
	uint64_t heard_ms;  /* when the last reply came */
	uint32_t greetings; /* replies still to come before it is open */
	uint32_t head;      /* of the commands, oldest */
	uint32_t tail;
	struct redis_command commands[REDIS_COMMANDS_MAX];
};

/* A closed connection in zeroed storage; all that is given is borrowed. */
void redis_connection_init(struct redis_connection *c, struct redis_loop *loop,
			   const struct redis_connection_hooks *hooks,
			   void *owner);

/* Closes. Safe on zeroed storage. */
void redis_connection_fini(struct redis_connection *c);

/*
 * Starts to connect, for `timeout_ms` of the configuration at most; `open` or
 * `closed` is called later. The connection must be closed.
 */
void redis_connection_connect(struct redis_connection *c,
			      const struct redis_setup *setup);

/* Closes at once and calls nobody; commands in flight are forgotten. */
void redis_connection_close(struct redis_connection *c);

/* Closes and says so to `closed`. */
void redis_connection_fail(struct redis_connection *c, const char *why);

/* Whether there is room for `count` more commands. */
bool redis_connection_has_room(const struct redis_connection *c,
			       uint32_t count);

/*
 * Sends a command of `count` arguments, for which there must be room. Without
 * a handler no reply is waited for: it is told.
 */
void redis_connection_send(struct redis_connection *c,
			   const struct bytes *arguments, size_t count,
			   redis_handler handler, void *arg, uint32_t tag);

/* To be called often: closes a connection that has kept us waiting. */
void redis_connection_tick(struct redis_connection *c, uint64_t now_ms);

#endif
