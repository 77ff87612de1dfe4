/*
 * What every Check program of ours starts with.
 *
 * A test file includes this header alone (it brings check.h), fills one suite
 * and ends with UNIT_MAIN(that_suite). The program runs all its tests and
 * exits 0 if they passed, 1 if not. Two environment variables help to debug:
 * CK_FORK=no runs the tests inside the process (for gdb, valgrind, and
 * sanitizers), CK_RUN_CASE=name runs one test case.
 *
 * A test that needs the linker's help says so in its first line, for example
 * to make the n-th allocation fail:
 *
 *	/_* link: -Wl,--wrap=malloc *_/   (without the underscores)
 */
#ifndef TURNPIKE_TESTS_UNIT_H
#define TURNPIKE_TESTS_UNIT_H

#include <check.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Runs `suite`, prints Check's summary, returns the program's exit status. */
static inline int unit_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);

	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/*
 * Whether `act` ends in an assertion. It runs in a child process, so this
 * works with CK_FORK=no too.
 */
static inline bool unit_aborts(void (*act)(void *arg), void *arg)
{
	pid_t child = fork();
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		const struct rlimit no_core = { 0, 0 };

		setrlimit(RLIMIT_CORE, &no_core);
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		signal(SIGABRT, SIG_DFL);
		act(arg);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

/*
 * The next number of a sequence that `state` determines, for tests that try
 * many things: the same at each run. (Steele, Lea, Flood: SplitMix64.)
 */
static inline uint64_t unit_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/*
 * The program's main(); `make_suite` is a function `Suite *f(void)`. Check's
 * own 4 s for a test are too few on a busy machine with a sanitizer.
 */
#define UNIT_MAIN(make_suite)                          \
	int main(void)                                 \
	{                                              \
		setenv("CK_DEFAULT_TIMEOUT", "60", 0); \
		return unit_run((make_suite)());       \
	}

#endif
