#include "worker/process.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t = { 0 };

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* See proc_pid_stat(5): 20 words on from the state comes the start. */
static void read_stat(struct metrics_process *out)
{
	FILE *f = fopen("/proc/self/stat", "re");
	uint64_t start_ticks, virtual_bytes, resident_pages;
	char line[1024];
	const char *at;
	bool ok;

	if (!f)
		return;
	ok = fgets(line, sizeof(line), f) != NULL;
	fclose(f);
	/* The program's name may hold anything. */
	at = ok ? strrchr(line, ')') : NULL;
	if (!at || sscanf(at,
			  ") %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			  "%*s %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64
			  " %" SCNu64,
			  &start_ticks, &virtual_bytes, &resident_pages) != 3)
		return;
	out->start_time_ns =
		clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) +
		start_ticks * (NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK));
	out->virtual_bytes = virtual_bytes;
	out->resident_bytes = resident_pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

void process_measure(struct metrics_process *out)
{
	struct rlimit limit;
	struct stat fds;

	memset(out, 0, sizeof(*out));
	read_stat(out);
	out->cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		out->max_fds = limit.rlim_cur;
	/* Since Linux 6.2 it says how many there are, without counting. */
	if (!stat("/proc/self/fd", &fds))
		out->open_fds = (uint64_t)fds.st_size;
}
