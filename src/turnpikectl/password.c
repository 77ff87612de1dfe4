#include "turnpikectl/password.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/crypto.h"
#include "turnpikectl/say.h"

/* Signals that would leave the terminal without echo. */
static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

#define SIGNAL_COUNT (sizeof(signals) / sizeof(signals[0]))

static volatile sig_atomic_t caught;

static void note(int number)
{
	caught = number;
}

/*
 * Waits for something to read. Signals that are blocked come in meanwhile, and
 * only then, so that none slips by between a look at `caught` and the wait.
 */
static bool await_input(int fd, const sigset_t *meanwhile)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };

	while (!caught) {
		if (ppoll(&in, 1, NULL, meanwhile) > 0)
			return true;
		if (errno != EINTR)
			return false;
	}
	return false;
}

/*
 * One line from the descriptor, byte by byte so that nothing of it stays in a
 * buffer. Returns false if there is none, it is too long, or a signal came.
 */
static bool read_line(int fd, const sigset_t *meanwhile,
		      char out[PASSWORD_BYTES])
{
	size_t len = 0;

	for (;;) {
		ssize_t got = await_input(fd, meanwhile)
				      ? read(fd, out + len, 1)
				      : -1;

		if (got < 0 || (got == 0 && len == 0))
			return false;
		if (got == 0 || out[len] == '\n')
			break;
		if (++len == PASSWORD_BYTES)
			return false;
	}
	if (len > 0 && out[len] == '\n' && out[len - 1] == '\r')
		len--;
	out[len] = '\0';
	return true;
}

static void prompt(const char *text)
{
	(void)!write(STDERR_FILENO, text, strlen(text));
}

static bool ask(const char *text, const sigset_t *meanwhile,
		char out[PASSWORD_BYTES])
{
	bool ok;

	prompt(text);
	ok = read_line(STDIN_FILENO, meanwhile, out);
	prompt("\n");
	return ok;
}

static enum status ask_twice(const sigset_t *meanwhile,
			     char out[PASSWORD_BYTES])
{
	char again[PASSWORD_BYTES] = "";
	bool ok = ask("Password: ", meanwhile, out) &&
		  ask("The same again: ", meanwhile, again);
	bool same = ok && strcmp(out, again) == 0;

	crypto_wipe(again, sizeof(again));
	if (!ok)
		return say(STATUS_DATA, "no password");
	return same ? STATUS_OK
		    : say(STATUS_DATA, "the two passwords are not the same");
}

static enum status ask_without_echo(char out[PASSWORD_BYTES])
{
	const struct sigaction quiet = { .sa_handler = note };
	struct sigaction before[SIGNAL_COUNT];
	sigset_t blocked, mask;
	struct termios seen, unseen;
	enum status status;

	if (tcgetattr(STDIN_FILENO, &seen) != 0)
		return say(STATUS_SYSTEM, "the terminal: %s", strerror(errno));
	sigemptyset(&blocked);
	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		sigaction(signals[i], &quiet, &before[i]);
		sigaddset(&blocked, signals[i]);
	}
	sigprocmask(SIG_BLOCK, &blocked, &mask);
	unseen = seen;
	unseen.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen);
	status = ask_twice(&mask, out);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &seen);
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		sigaction(signals[i], &before[i], NULL);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	/* With the terminal as it was, as if nothing had been in the way. */
	if (caught)
		raise(caught);
	return status;
}

enum status password_read(char out[PASSWORD_BYTES])
{
	enum status status;

	out[0] = '\0';
	if (isatty(STDIN_FILENO))
		status = ask_without_echo(out);
	else if (read_line(STDIN_FILENO, NULL, out))
		status = STATUS_OK;
	else
		status = say(STATUS_DATA,
			     "no password: expected one line of at most %d "
			     "bytes on standard input",
			     PASSWORD_BYTES - 1);
	if (status == STATUS_OK && out[0] == '\0')
		status = say(STATUS_DATA, "the password is empty");
	if (status != STATUS_OK)
		crypto_wipe(out, PASSWORD_BYTES);
	return status;
}
