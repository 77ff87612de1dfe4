#include "worker/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PASSWD_BYTES 16384

int privileges_find(const char *name, struct privileges_user *out)
{
	char *buffer = malloc(PASSWD_BYTES);
	struct passwd pw, *found = NULL;
	int error;

	if (!buffer)
		return -ENOMEM;
	error = getpwnam_r(name, &pw, buffer, PASSWD_BYTES, &found);
	if (found)
		*out = (struct privileges_user){
			.uid = pw.pw_uid,
			.gid = pw.pw_gid,
		};
	free(buffer);
	/* getpwnam(3): several errors mean no more than "not found". */
	return found ? 0 : error > 0 && error != ESRCH ? -error : -ENOENT;
}

int privileges_harden(void)
{
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return 0;
}

/* Up to the first number that the kernel does not know. */
static int drop_bounding_set(void)
{
	for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0;
	     cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return -errno;
	return 0;
}

/* The wrapper of glibc is in libcap alone. */
static int set_capabilities(struct __user_cap_data_struct sets[2])
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return syscall(SYS_capset, &header, sets) < 0 ? -errno : 0;
}

static int get_capabilities(struct __user_cap_data_struct sets[2])
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};

	return syscall(SYS_capget, &header, sets) < 0 ? -errno : 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_data_struct none[2] = { { .effective = 0 } };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 &&
	    errno != EINVAL)
		return -errno;
	return set_capabilities(none);
}

static int change_ids(const struct privileges_user *user)
{
	if (setgroups(1, &user->gid) < 0 ||
	    setresgid(user->gid, user->gid, user->gid) < 0 ||
	    setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}

static bool is_changed(const struct privileges_user *user)
{
	uid_t uid[3];
	gid_t gid[3];

	if (getresuid(&uid[0], &uid[1], &uid[2]) < 0 ||
	    getresgid(&gid[0], &gid[1], &gid[2]) < 0)
		return false;
	for (int i = 0; i < 3; i++)
		if (uid[i] != user->uid || gid[i] != user->gid)
			return false;
	return true;
}

static bool has_capabilities(void)
{
	struct __user_cap_data_struct sets[2];

	if (get_capabilities(sets) < 0)
		return true;
	for (int i = 0; i < 2; i++)
		if (sets[i].effective || sets[i].permitted ||
		    sets[i].inheritable)
			return true;
	return false;
}

/* Tries it. To become root is what must fail, whoever we are now. */
static bool can_regain(void)
{
	return setresuid(0, 0, 0) == 0 || setresgid(0, 0, 0) == 0 ||
	       setgroups(0, NULL) == 0;
}

int privileges_drop(const struct privileges_user *user)
{
	int error;

	/* To become root is to become nobody else. */
	if (user->uid == 0 || user->gid == 0)
		return -EPERM;
	error = drop_bounding_set();
	if (!error)
		error = change_ids(user);
	if (!error)
		error = drop_capabilities();
	if (error)
		return error;
	if (!is_changed(user) || has_capabilities() || can_regain())
		return -EPERM;
	/* A change of ids makes the process dumpable or not; say it again. */
	return privileges_harden();
}
