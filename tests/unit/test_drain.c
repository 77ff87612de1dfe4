/* link: -Wl,--wrap=in_force_set_draining,--wrap=service_allocations,--wrap=watch_tell_status,--wrap=notify_send,--wrap=clock_gettime,--wrap=logger_put,--wrap=logger_say */
#include "unit.h"

#include <event2/event.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "worker/drain.h"
#include "worker/service_state.h"

/* What the drain sees of the process, and what it does to it. */
static struct {
	uint64_t allocations;
	uint64_t now_ms;
	bool draining; /* as the workers have it */
	unsigned changes;
	unsigned statuses;
	char notified[512]; /* to the service manager */
	char logged[1024];  /* messages and reasons */
} world;

static struct service *s;
static struct conf conf;

void __wrap_in_force_set_draining(struct in_force *f, bool draining);
uint64_t __wrap_service_allocations(const struct service *service);
void __wrap_watch_tell_status(struct service *service);
bool __wrap_notify_send(const char *format, ...);
int __wrap_clock_gettime(clockid_t clock, struct timespec *out);
void __wrap_logger_put(struct logger *l, const struct log_record *record);
void __wrap_logger_say(struct logger *l, enum log_level level,
		       const char *message);

void __wrap_in_force_set_draining(struct in_force *f, bool draining)
{
	ck_assert_ptr_eq(f, &s->force);
	ck_assert(world.draining != draining);
	world.draining = draining;
	world.changes++;
}

uint64_t __wrap_service_allocations(const struct service *service)
{
	(void)service;
	return world.allocations;
}

void __wrap_watch_tell_status(struct service *service)
{
	(void)service;
	world.statuses++;
}

static void append(char *to, size_t size, const char *text)
{
	size_t used = strlen(to);

	snprintf(to + used, size - used, "%s\n", text);
}

bool __wrap_notify_send(const char *format, ...)
{
	char text[128];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	append(world.notified, sizeof(world.notified), text);
	return true;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *out)
{
	(void)clock;
	out->tv_sec = (time_t)(world.now_ms / 1000);
	out->tv_nsec = (long)(world.now_ms % 1000) * 1000000;
	return 0;
}

void __wrap_logger_put(struct logger *l, const struct log_record *record)
{
	char text[1024];

	(void)l;
	log_format_text(record, text, sizeof(text));
	append(world.logged, sizeof(world.logged), text);
}

void __wrap_logger_say(struct logger *l, enum log_level level,
		       const char *message)
{
	(void)l;
	(void)level;
	append(world.logged, sizeof(world.logged), message);
}

static void set_up(void)
{
	memset(&world, 0, sizeof(world));
	world.allocations = 2;
	world.now_ms = 5000000;
	s = calloc(1, sizeof(*s));
	s->base = event_base_new();
	conf.drain_deadline_s = 20;
	s->force.conf = &conf;
	drain_init(&s->drain);
}

static void tear_down(void)
{
	drain_fini(&s->drain);
	event_base_free(s->base);
	free(s);
}

static void pass(uint64_t ms)
{
	world.now_ms += ms;
}

/* Looks once more; returns whether the process ends. */
static bool ends(void)
{
	event_base_loop(s->base, EVLOOP_ONCE);
	return event_base_got_break(s->base) != 0;
}

/* Whether the call just made has ended it, without another look. */
static bool has_ended(void)
{
	return strstr(world.logged, "stopping") != NULL;
}

static struct drain_status look(void)
{
	struct drain_status d;

	drain_look(s, &d);
	return d;
}

START_TEST(at_first_there_is_none)
{
	ck_assert(!look().on);
	ck_assert_int_eq(look().deadline_wall_s, 0);
	ck_assert_int_eq(s->drain.cause, TURN_CAUSE_SHUTDOWN);
	ck_assert(drain_end(s));
	ck_assert_uint_eq(world.changes, 0);
}
END_TEST

START_TEST(a_signal_drains_until_the_deadline)
{
	drain_signal(s, SIGTERM);
	ck_assert(world.draining);
	ck_assert(!has_ended());
	ck_assert(look().on);
	ck_assert_uint_eq(look().left_s, 20);
	ck_assert_ptr_nonnull(strstr(world.notified, "STOPPING=1\n"));
	/* More than systemd waits by itself, and some for the end. */
	ck_assert_ptr_nonnull(
		strstr(world.notified, "EXTEND_TIMEOUT_USEC=40000000\n"));
	ck_assert(!ends());
	pass(19001);
	ck_assert(!ends());
	ck_assert_uint_eq(look().left_s, 1);
	ck_assert_uint_ge(world.statuses, 3);
	pass(1000);
	ck_assert(ends());
	ck_assert_int_eq(s->drain.cause, TURN_CAUSE_DRAINED);
	ck_assert_ptr_nonnull(
		strstr(world.logged, "the deadline of the drain"));
}
END_TEST

START_TEST(it_ends_with_the_last_allocation)
{
	drain_signal(s, SIGINT);
	ck_assert(!ends());
	world.allocations = 0;
	ck_assert(ends());
	ck_assert_int_eq(s->drain.cause, TURN_CAUSE_SHUTDOWN);
	ck_assert_ptr_nonnull(strstr(world.logged, "no allocation is left"));
}
END_TEST

START_TEST(with_nobody_there_a_signal_ends_it_at_once)
{
	world.allocations = 0;
	drain_signal(s, SIGINT);
	ck_assert(has_ended());
	ck_assert_ptr_null(strstr(world.logged, "draining"));
}
END_TEST

START_TEST(without_a_deadline_a_signal_ends_it_at_once)
{
	conf.drain_deadline_s = 0;
	drain_signal(s, SIGTERM);
	ck_assert(has_ended());
	ck_assert(!world.draining);
	ck_assert_int_eq(s->drain.cause, TURN_CAUSE_SHUTDOWN);
}
END_TEST

START_TEST(the_second_signal_ends_it)
{
	drain_signal(s, SIGTERM);
	ck_assert(!has_ended());
	drain_signal(s, SIGINT);
	ck_assert(has_ended());
	ck_assert_ptr_nonnull(strstr(world.logged, "SIGINT"));
	ck_assert_int_eq(s->drain.cause, TURN_CAUSE_SHUTDOWN);
}
END_TEST

START_TEST(a_signal_is_not_called_off)
{
	drain_signal(s, SIGTERM);
	ck_assert(!drain_end(s));
	ck_assert(!drain_begin(s, 1000));
	ck_assert(world.draining);
	ck_assert_uint_eq(look().left_s, 20);
}
END_TEST

/* For whoever works on the machine: it ends by itself at no time. */
START_TEST(a_command_may_drain_until_it_is_called_off)
{
	world.allocations = 0;
	ck_assert(drain_begin(s, DRAIN_UNTIL_ENDED));
	ck_assert(world.draining);
	ck_assert_int_eq(look().deadline_wall_s, 0);
	pass(1000000);
	ck_assert(!ends());
	ck_assert(drain_end(s));
	ck_assert(!world.draining);
	ck_assert(!look().on);
	ck_assert_ptr_null(strstr(world.notified, "EXTEND"));
	/* And again. */
	ck_assert(drain_begin(s, DRAIN_UNTIL_ENDED));
	ck_assert(world.draining);
}
END_TEST

START_TEST(a_command_with_a_deadline_ends_it)
{
	ck_assert(drain_begin(s, 60));
	ck_assert_uint_eq(look().left_s, 60);
	/* Another one moves the deadline, here to now. */
	ck_assert(drain_begin(s, 0));
	ck_assert_uint_eq(world.changes, 1);
	/* Who commands it is answered before. */
	ck_assert(!has_ended());
	ck_assert(ends());
	ck_assert_int_eq(s->drain.cause, TURN_CAUSE_DRAINED);
}
END_TEST

/* Neither waits for longer than the other. */
START_TEST(the_earlier_deadline_holds)
{
	ck_assert(drain_begin(s, 10));
	drain_signal(s, SIGTERM);
	ck_assert_uint_eq(look().left_s, 10);
}
END_TEST

START_TEST(a_signal_gives_a_command_its_deadline)
{
	ck_assert(drain_begin(s, DRAIN_UNTIL_ENDED));
	drain_signal(s, SIGTERM);
	ck_assert_uint_eq(look().left_s, 20);
	ck_assert_uint_eq(world.changes, 1);
	ck_assert(!drain_end(s));
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("drain");
	TCase *t = tcase_create("drain");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, at_first_there_is_none);
	tcase_add_test(t, a_signal_drains_until_the_deadline);
	tcase_add_test(t, it_ends_with_the_last_allocation);
	tcase_add_test(t, with_nobody_there_a_signal_ends_it_at_once);
	tcase_add_test(t, without_a_deadline_a_signal_ends_it_at_once);
	tcase_add_test(t, the_second_signal_ends_it);
	tcase_add_test(t, a_signal_is_not_called_off);
	tcase_add_test(t, a_command_may_drain_until_it_is_called_off);
	tcase_add_test(t, a_command_with_a_deadline_ends_it);
	tcase_add_test(t, the_earlier_deadline_holds);
	tcase_add_test(t, a_signal_gives_a_command_its_deadline);
	suite_add_tcase(all, t);
	return all;
}

UNIT_MAIN(suite)
