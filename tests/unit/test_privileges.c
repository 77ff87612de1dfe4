#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "worker/privileges.h"

/* Each in a process of its own: nothing given up comes back. */
static int status_of(int (*in_child)(void))
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0)
		_exit(in_child());
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* A line of /proc/self/status; "" if there is none. */
static const char *status_line(const char *name)
{
	static char line[256];
	FILE *in = fopen("/proc/self/status", "r");
	size_t len = strlen(name);

	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, name, len) != 0 || line[len] != ':')
			continue;
		fclose(in);
		line[strcspn(line, "\n")] = '\0';
		return line + len + 1;
	}
	if (in)
		fclose(in);
	return "";
}

static bool is_zero(const char *name)
{
	return strtoull(status_line(name), NULL, 16) == 0;
}

static struct privileges_user nobody;

START_TEST(users_are_found_by_name)
{
	struct privileges_user root;

	ck_assert_int_eq(privileges_find("root", &root), 0);
	ck_assert_uint_eq(root.uid, 0);
	ck_assert_uint_eq(root.gid, 0);
	ck_assert_int_eq(privileges_find("nobody", &nobody), 0);
	ck_assert_uint_ne(nobody.uid, 0);
	ck_assert_int_eq(privileges_find("no such user", &root), -ENOENT);
	ck_assert_int_eq(privileges_find("", &root), -ENOENT);
}
END_TEST

static int harden(void)
{
	if (privileges_harden() != 0)
		return 1;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0)
		return 2;
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 3;
}

START_TEST(every_process_is_hardened)
{
	ck_assert_int_eq(status_of(harden), 0);
}
END_TEST

static int drop(void)
{
	char ids[128];

	if (privileges_find("nobody", &nobody) || privileges_drop(&nobody) != 0)
		return 1;
	snprintf(ids, sizeof(ids), "\t%u\t%u\t%u\t%u", nobody.uid, nobody.uid,
		 nobody.uid, nobody.uid);
	if (strcmp(status_line("Uid"), ids) != 0)
		return 2;
	snprintf(ids, sizeof(ids), "\t%u\t%u\t%u\t%u", nobody.gid, nobody.gid,
		 nobody.gid, nobody.gid);
	if (strcmp(status_line("Gid"), ids) != 0)
		return 3;
	if (getgroups(0, NULL) != 1)
		return 4;
	if (!is_zero("CapEff") || !is_zero("CapPrm") || !is_zero("CapInh") ||
	    !is_zero("CapBnd") || !is_zero("CapAmb"))
		return 5;
	if (prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1)
		return 6;
	if (setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0)
		return 7;
	return 0;
}

/* Who is not root has nothing to give up, and is told so. */
static int drop_without_root(void)
{
	if (privileges_find("nobody", &nobody))
		return 1;
	return privileges_drop(&nobody) == -EPERM ? 0 : 2;
}

START_TEST(root_becomes_nobody)
{
	if (geteuid() == 0)
		ck_assert_int_eq(status_of(drop), 0);
	else
		ck_assert_int_eq(status_of(drop_without_root), 0);
}
END_TEST

static int drop_to_root(void)
{
	struct privileges_user root = { .uid = 0, .gid = 0 };
	struct privileges_user group = { .uid = 65534, .gid = 0 };

	return privileges_drop(&root) == -EPERM &&
			       privileges_drop(&group) == -EPERM
		       ? 0
		       : 1;
}

START_TEST(root_is_nobody_to_become)
{
	ck_assert_int_eq(status_of(drop_to_root), 0);
}
END_TEST

static Suite *privileges_suite(void)
{
	Suite *s = suite_create("privileges");
	TCase *t = tcase_create("drop");

	tcase_add_test(t, users_are_found_by_name);
	tcase_add_test(t, every_process_is_hardened);
	tcase_add_test(t, root_becomes_nobody);
	tcase_add_test(t, root_is_nobody_to_become);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(privileges_suite)
