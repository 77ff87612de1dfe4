#include "worker/advertise.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

/* A file comes by rename, or is written to, and goes. */
#define EVENTS (IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE)

/* The directory, not the file, which is another one each time. */
static void watch_directory(struct advertise *a)
{
	char directory[ADVERTISED_PATH_BYTES];
	char *slash;

	memcpy(directory, a->path, sizeof(directory));
	slash = strrchr(directory, '/');
	if (slash)
		*slash = '\0';
	/* The same directory again is the same watch; one made anew is taken
	 * up, and one that is not there is looked for the next time. */
	a->watch = inotify_add_watch(a->fd, directory, EVENTS | IN_ONLYDIR);
}

static void end_watch(struct advertise *a)
{
	if (a->watch >= 0)
		inotify_rm_watch(a->fd, a->watch);
	a->watch = -1;
}

int advertise_open(struct advertise *a, const struct conf *conf,
		   struct logger *log)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	*a = (struct advertise){ .watch = -1, .log = log };
	if (fd < 0)
		return -errno;
	a->fd = fd;
	advertise_follow(a, conf);
	return 0;
}

void advertise_close(struct advertise *a)
{
	if (a->fd > 0)
		close(a->fd);
	a->fd = 0;
	a->is_auto = false;
}

void advertise_follow(struct advertise *a, const struct conf *conf)
{
	const struct conf_advertise *wanted = &conf->advertise;

	end_watch(a);
	/* What is not known now changes nothing: the former goes on. */
	if (wanted->is_known)
		memcpy(a->source, wanted->source, sizeof(a->source));
	/* An address that is public itself needs nobody to find it. */
	a->is_auto = wanted->is_auto && !advertised_is_fit(&conf->turn.relay);
	if (!a->is_auto)
		return;
	/* The configuration's warning has told of a file that is no good. */
	a->last = wanted->is_known ? ADVERTISED_OK
				   : advertised_read(wanted->path, &a->found);
	memcpy(a->path, wanted->path, sizeof(a->path));
	watch_directory(a);
}

static void drain(int fd)
{
	char events[1024]
		__attribute__((aligned(__alignof__(struct inotify_event))));

	while (read(fd, events, sizeof(events)) > 0)
		;
}

static void tell_trouble(const struct advertise *a)
{
	struct log_record r;

	logger_begin(&r, LOG_LEVEL_WARNING,
		     "the advertised address stays as it was");
	log_text(&r, "source", a->source);
	log_text(&r, "file", a->path);
	log_text(&r, "reason", advertised_explain(a->last));
	log_text(&r, "remedy", "systemctl start turnpike-address");
	logger_put(a->log, &r);
}

const struct advertised *advertise_look(struct advertise *a)
{
	enum advertised_result before = a->last;

	if (a->fd <= 0)
		return NULL;
	/* First, so that what changes meanwhile is seen the next time. */
	drain(a->fd);
	if (!a->is_auto)
		return NULL;
	watch_directory(a);
	a->last = advertised_read(a->path, &a->found);
	if (a->last == ADVERTISED_OK)
		return &a->found;
	if (a->last != before)
		tell_trouble(a);
	return NULL;
}

void advertise_taken(struct advertise *a)
{
	memcpy(a->source, a->found.source, sizeof(a->source));
}
