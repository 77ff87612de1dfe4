/* link: -Wl,--wrap=malloc */
#include "unit.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "conf/machine.h"

void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

static bool no_memory;

void *__wrap_malloc(size_t size)
{
	return no_memory ? NULL : __real_malloc(size);
}

static bool has(const struct conf_machine *m, const struct addr *ip)
{
	for (size_t i = 0; i < m->addr_count; i++)
		if (addr_same_ip(&m->addrs[i], ip))
			return true;
	return false;
}

START_TEST(it_sees_the_machine)
{
	const struct addr loopback = addr_ipv4(0x7f000001, 0);
	int64_t before = (int64_t)time(NULL);
	struct conf_machine m;

	setenv("STATE_DIRECTORY", "/var/lib/somewhere", 1);
	ck_assert_int_eq(machine_look(&m), 0);
	ck_assert(has(&m, &loopback));
	ck_assert_uint_ge(m.cpus, 1);
	ck_assert_int_ge(m.now_s, before);
	ck_assert_str_eq(m.state_dir, "/var/lib/somewhere");
	ck_assert(!m.is_closed);
}
END_TEST

START_TEST(each_look_has_a_key_of_its_own)
{
	struct conf_machine one, other;

	unsetenv("STATE_DIRECTORY");
	ck_assert_int_eq(machine_look(&one), 0);
	ck_assert_int_eq(machine_look(&other), 0);
	ck_assert_mem_ne(&one.key, &other.key, sizeof(one.key));
	ck_assert_ptr_null(one.state_dir);
}
END_TEST

START_TEST(without_memory_it_says_so)
{
	struct conf_machine m;
	int error;

	no_memory = true;
	error = machine_look(&m);
	no_memory = false;
	ck_assert_int_eq(error, -ENOMEM);
	ck_assert_uint_eq(m.addr_count, 0);
}
END_TEST

static Suite *machine_suite(void)
{
	Suite *s = suite_create("machine");
	TCase *t = tcase_create("look");

	tcase_add_test(t, it_sees_the_machine);
	tcase_add_test(t, each_look_has_a_key_of_its_own);
	tcase_add_test(t, without_memory_it_says_so);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(machine_suite)
