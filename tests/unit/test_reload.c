/* link: -Wl,--wrap=machine_look,--wrap=in_force_reload,--wrap=startup_check_descriptors,--wrap=advertise_follow,--wrap=watch_advertise,--wrap=watch_let_go,--wrap=watch_tell_status */
/* What in_force_reload() does is test_in_force.c's business. */
#include "unit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "conf/machine.h"
#include "worker/reload.h"
#include "worker/service.h"
#include "worker/startup.h"
#include "worker/watch.h"

#define PATH "/etc/turnpike/turnpike.conf"

static struct {
	int machine_error;
	bool accepts; /* the file is good */
	unsigned reloads, followed, watched, checked, let_go, told;
} world;

static const struct service_options service_options = { .conf_path = PATH };
static struct service *s;
static struct reload_result result;

int __wrap_machine_look(struct conf_machine *out);
bool __wrap_in_force_reload(struct in_force *f, const char *path,
			    const struct conf_machine *machine,
			    struct reload_result *out);
void __wrap_startup_check_descriptors(struct service *service);
void __wrap_advertise_follow(struct advertise *a, const struct conf *conf);
void __wrap_watch_advertise(struct service *service);
void __wrap_watch_let_go(struct service *service);
void __wrap_watch_tell_status(struct service *service);

int __wrap_machine_look(struct conf_machine *out)
{
	memset(out, 0, sizeof(*out));
	out->cpus = 7;
	return world.machine_error;
}

bool __wrap_in_force_reload(struct in_force *f, const char *path,
			    const struct conf_machine *machine,
			    struct reload_result *out)
{
	ck_assert_ptr_eq(f, &s->force);
	ck_assert_str_eq(path, PATH);
	ck_assert_uint_eq(machine->cpus, 7);
	world.reloads++;
	report_init(&out->report);
	out->pending = f->pending;
	out->ok = world.accepts;
	return out->ok;
}

void __wrap_startup_check_descriptors(struct service *service)
{
	ck_assert_ptr_eq(service, s);
	world.checked++;
}

void __wrap_advertise_follow(struct advertise *a, const struct conf *conf)
{
	(void)conf;
	ck_assert_ptr_eq(a, &s->advertise);
	world.followed++;
}

void __wrap_watch_advertise(struct service *service)
{
	ck_assert_ptr_eq(service, s);
	world.watched++;
}

void __wrap_watch_let_go(struct service *service)
{
	ck_assert_ptr_eq(service, s);
	world.let_go++;
}

void __wrap_watch_tell_status(struct service *service)
{
	ck_assert_ptr_eq(service, s);
	world.told++;
}

static void set_up(void)
{
	memset(&world, 0, sizeof(world));
	world.accepts = true;
	s = calloc(1, sizeof(*s));
	s->options = &service_options;
	ck_assert_int_eq(logger_new(&s->log, LOGGER_TEXT, LOG_LEVEL_ERROR), 0);
}

static void tear_down(void)
{
	logger_free(s->log);
	free(s);
}

START_TEST(what_follows_from_a_good_file)
{
	ck_assert(reload_now(s, &result));
	ck_assert(result.ok);
	ck_assert_uint_eq(world.reloads, 1);
	ck_assert_uint_eq(world.followed, 1);
	ck_assert_uint_eq(world.watched, 1);
	ck_assert_uint_eq(world.checked, 1);
	ck_assert_uint_eq(world.let_go, 1);
	ck_assert_uint_eq(world.told, 1);
}
END_TEST

START_TEST(nothing_follows_from_a_broken_one)
{
	world.accepts = false;
	ck_assert(!reload_now(s, &result));
	ck_assert(!result.ok);
	ck_assert_uint_eq(world.reloads, 1);
	ck_assert_uint_eq(world.followed + world.watched + world.checked +
				  world.let_go + world.told,
			  0);
}
END_TEST

/* What is pending is pending, whoever asks how it went. */
START_TEST(a_machine_that_cannot_be_looked_at)
{
	s->force.pending.count = 2;
	world.machine_error = -EMFILE;
	ck_assert(!reload_now(s, &result));
	ck_assert_uint_eq(world.reloads, 0);
	ck_assert_uint_eq(world.let_go, 0);
	ck_assert_uint_eq(result.pending.count, 2);
	ck_assert_uint_eq(result.report.count[REPORT_ERROR], 1);
	ck_assert_ptr_nonnull(strstr(result.report.messages[0][0].text,
				     "the machine cannot be looked at"));
}
END_TEST

static Suite *suite(void)
{
	Suite *all = suite_create("reload");
	TCase *t = tcase_create("reload");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, what_follows_from_a_good_file);
	tcase_add_test(t, nothing_follows_from_a_broken_one);
	tcase_add_test(t, a_machine_that_cannot_be_looked_at);
	suite_add_tcase(all, t);
	return all;
}

UNIT_MAIN(suite)
