#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "turnpikectl/api.h"
#include "turnpikectl/commands.h"
#include "turnpikectl/member.h"
#include "turnpikectl/say.h"
#include "turnpikectl/table.h"
#include "turnpikectl/term.h"
#include "turnpikectl/units.h"

#define SESSIONS_PATH "/v1/sessions?sort=traffic&limit=1000"
#define INTERVAL_MS 1000
#define ROWS_DEFAULT 24
#define COLUMNS_DEFAULT 80
#define HEAD_LINES 4 /* above the sessions, their titles included */

#define ENTER "\033[?1049h\033[?25l" /* another screen, no cursor */
#define LEAVE "\033[?25h\033[?1049l"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"

/* The name is last: it may be long, and is cut then. */
static const struct table_column columns[] = {
	{ "ID", false },       { "RATE", true },    { "TO PEERS", true },
	{ "TO CLIENT", true }, { "CLIENT", false }, { "RELAYED", false },
	{ "USER", false },     { NULL, false },
};

/* A session and what it does per second, since it was last seen. */
struct row {
	const json_t *session;
	uint64_t bytes;
	uint64_t rate;
};

/* What the server said, and when. */
struct view {
	json_t *server;
	json_t *sessions;
	int64_t at_ms;
};

static volatile sig_atomic_t has_ended;

static void end(int number)
{
	(void)number;
	has_ended = 1;
}

/* To be interrupted is all that is wanted. */
static void wake(int number)
{
	(void)number;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void forget(struct view *v)
{
	json_decref(v->server);
	json_decref(v->sessions);
	*v = (struct view){ .server = NULL };
}

static enum status look(const struct call *call, struct view *out)
{
	enum status status;

	*out = (struct view){ .server = NULL };
	status = api_get(call, "/v1/server", &out->server);
	if (status == STATUS_OK)
		status = api_get(call, SESSIONS_PATH, &out->sessions);
	out->at_ms = now_ms();
	if (status != STATUS_OK)
		forget(out);
	return status;
}

/* --- rates --- */

static uint64_t bytes_of_session(const json_t *session)
{
	return member_number(session, "to_peer.bytes") +
	       member_number(session, "to_client.bytes");
}

/* The bytes of each session before, by its ID: an object of integers. */
static json_t *bytes_by_id(const struct view *v)
{
	json_t *bytes = json_object();
	const json_t *session;
	size_t i;

	for (i = 0;
	     (session = json_array_get(member_at(v->sessions, "sessions"), i));
	     i++)
		json_object_set_new(
			bytes, member_text(session, "id"),
			json_integer((json_int_t)bytes_of_session(session)));
	return bytes;
}

static uint64_t per_second(uint64_t before, uint64_t now, int64_t ms)
{
	if (ms <= 0 || now < before)
		return 0;
	return (now - before) * 1000 / (uint64_t)ms;
}

static int compare(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if (x->rate != y->rate)
		return x->rate < y->rate ? 1 : -1;
	return (x->bytes < y->bytes) - (x->bytes > y->bytes);
}

/* All sessions, those with most traffic first; the caller frees the array. */
static struct row *rows_of(const struct view *before, const struct view *v,
			   size_t *count)
{
	const json_t *list = member_at(v->sessions, "sessions");
	json_t *earlier = bytes_by_id(before);
	struct row *rows;

	*count = json_array_size(list);
	rows = calloc(*count + 1, sizeof(*rows));
	for (size_t i = 0; rows && i < *count; i++) {
		const json_t *session = json_array_get(list, i);
		const json_t *was =
			json_object_get(earlier, member_text(session, "id"));

		rows[i].session = session;
		rows[i].bytes = bytes_of_session(session);
		if (was)
			rows[i].rate = per_second(
				(uint64_t)json_integer_value(was),
				rows[i].bytes, v->at_ms - before->at_ms);
	}
	if (rows)
		qsort(rows, *count, sizeof(*rows), compare);
	json_decref(earlier);
	return rows;
}

static uint64_t rate_of(const struct view *before, const struct view *v,
			const char *path)
{
	if (!before->server)
		return 0;
	return per_second(member_number(before->server, path),
			  member_number(v->server, path),
			  v->at_ms - before->at_ms);
}

/* --- what is shown --- */

static void put_row(struct table *t, const struct row *row, bool has_rate)
{
	char shown[UNITS_TEXT_BYTES];
	const json_t *s = row->session;

	table_put(t, member_text(s, "id"));
	table_put(t, has_rate ? units_rate(row->rate, shown) : "-");
	table_put(t, units_bytes(member_number(s, "to_peer.bytes"), shown));
	table_put(t, units_bytes(member_number(s, "to_client.bytes"), shown));
	table_put(t, member_text(s, "client"));
	table_put(t, member_text(s, "relayed"));
	table_put(t, member_text(s, "user"));
}

static void write_head(const struct view *before, const struct view *v,
		       FILE *to)
{
	char a[UNITS_TEXT_BYTES], b[UNITS_TEXT_BYTES];

	fprintf(to, "turnpiked, up %s, ",
		units_duration(member_number(v->server, "uptime_s"), a));
	term_print(member_text(v->server, "state"), to);
	if (member_is_there(v->server, "not_ready")) {
		fputs(", not ready: ", to);
		term_print(member_text(v->server, "not_ready"), to);
	}
	fprintf(to, "\n%llu sessions of %llu, relay ports %llu of %llu",
		(unsigned long long)member_number(v->server,
						  "allocations.living"),
		(unsigned long long)member_number(v->server, "allocations.max"),
		(unsigned long long)member_number(v->server,
						  "relay.ports_used"),
		(unsigned long long)member_number(v->server, "relay.ports"));
	fprintf(to, "\nto peers %s, to clients %s, dropped %llu\n",
		units_rate(rate_of(before, v, "traffic.to_peer_bytes"), a),
		units_rate(rate_of(before, v, "traffic.to_client_bytes"), b),
		(unsigned long long)member_number(v->server,
						  "traffic.dropped"));
}

/* As a text of whole lines; the caller frees it. NULL without memory. */
static char *draw(const struct view *before, const struct view *v, size_t width,
		  size_t lines)
{
	size_t count, size, room = lines > HEAD_LINES ? lines - HEAD_LINES : 1;
	struct row *rows = rows_of(before, v, &count);
	struct table *t = table_new(columns);
	char *text = NULL;
	FILE *to = open_memstream(&text, &size);

	if (rows && t && to) {
		if (lines > 0 && count > room)
			count = room;
		for (size_t i = 0; i < count; i++)
			put_row(t, &rows[i], before->server != NULL);
		write_head(before, v, to);
		table_write(t, width, 0, to);
	}
	free(rows);
	table_free(t);
	if (to)
		fclose(to);
	return text;
}

static enum status print_once(const struct call *call)
{
	const struct view none = { .server = NULL };
	struct view v;
	enum status status = look(call, &v);
	char *text;

	if (status != STATUS_OK)
		return status;
	if (call->common.json) {
		member_print(v.sessions);
	} else {
		text = draw(&none, &v, 0, 0);
		fputs(text ? text : "", stdout);
		free(text);
	}
	forget(&v);
	return STATUS_OK;
}

/* --- on a terminal --- */

static void size_of(size_t *width, size_t *lines)
{
	struct winsize size;

	*width = COLUMNS_DEFAULT;
	*lines = ROWS_DEFAULT;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return;
	if (size.ws_col > 0)
		*width = size.ws_col;
	if (size.ws_row > 0)
		*lines = size.ws_row;
}

/* Line by line over what was there, so that nothing flickers. */
static void show(const char *text, size_t width)
{
	fputs(HOME, stdout);
	while (*text) {
		size_t len = strcspn(text, "\n");
		size_t left = width;

		for (size_t i = 0; i < len; i++) {
			bool is_first = ((unsigned char)text[i] & 0xc0) != 0x80;

			if (is_first && left == 0)
				break;
			left -= is_first;
			putchar(text[i]);
		}
		text += len;
		fputs(CLEAR_LINE, stdout);
		if (text[0] == '\n' && text[1] != '\0')
			putchar('\n');
		text += *text == '\n';
	}
	fputs(CLEAR_REST, stdout);
	fflush(stdout);
}

/* Whether it goes on after a second, or after a key that says nothing. */
static bool wait_for_key(int64_t until_ms)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	int64_t left;
	char key;

	while ((left = until_ms - now_ms()) > 0 && !has_ended) {
		int count = poll(&in, 1, (int)left);

		if (count < 0)
			return !has_ended; /* of another size, perhaps */
		if (count == 0)
			return true;
		if (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' ||
		    key == 'Q' || key == 3)
			return false;
	}
	return !has_ended;
}

static enum status go_round(const struct call *call)
{
	struct view before = { .server = NULL }, v;
	enum status status;
	size_t width, lines;
	char *text;

	for (;;) {
		status = look(call, &v);
		if (status != STATUS_OK)
			break;
		size_of(&width, &lines);
		text = draw(&before, &v, width, lines);
		if (text)
			show(text, width);
		free(text);
		forget(&before);
		before = v;
		if (!wait_for_key(v.at_ms + INTERVAL_MS))
			break;
	}
	forget(&before);
	return status;
}

static void catch_signals(void)
{
	const struct sigaction ending = { .sa_handler = end };
	const struct sigaction waking = { .sa_handler = wake };

	sigaction(SIGINT, &ending, NULL);
	sigaction(SIGTERM, &ending, NULL);
	sigaction(SIGHUP, &ending, NULL);
	sigaction(SIGWINCH, &waking, NULL);
}

/* What is said on the other screen would be gone with it. */
static enum status go_round_there(const struct call *call)
{
	char *said = NULL;
	size_t len;
	FILE *held = open_memstream(&said, &len);
	enum status status;

	fputs(ENTER, stdout);
	say_to(held);
	status = go_round(call);
	say_to(NULL);
	fputs(LEAVE, stdout);
	fflush(stdout);
	if (held)
		fclose(held);
	fputs(said ? said : "", stderr);
	free(said);
	return status;
}

static enum status run_live(const struct call *call)
{
	bool has_keys = isatty(STDIN_FILENO);
	struct termios seen, raw;
	struct view first;
	enum status status = look(call, &first);

	if (status != STATUS_OK)
		return status;
	forget(&first);
	catch_signals();
	has_keys = has_keys && tcgetattr(STDIN_FILENO, &seen) == 0;
	if (has_keys) {
		raw = seen;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
	}
	status = go_round_there(call);
	if (has_keys)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
	return status;
}

static enum status run(const struct call *call)
{
	if (call->common.json || !isatty(STDOUT_FILENO))
		return print_once(call);
	return run_live(call);
}

const struct command command_top = {
	.name = "top",
	.operands = "",
	.summary = "watch the sessions, those with most traffic first",
	.help = "Drawn anew each second; q or Ctrl-C ends it. If the output "
		"is no terminal it is\n"
		"printed once.\n",
	.run = run,
};
