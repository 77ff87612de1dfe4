#include "common_cpu.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ull

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t cpu_now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

uint64_t cpu_thread_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int cpu_pin(int core)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned)core, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/* Reads a small file as text. False if there is none. */
static bool read_text(const char *path, char *out, size_t size)
{
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	got = read(fd, out, size - 1);
	close(fd);
	if (got <= 0)
		return false;
	out[got] = '\0';
	return true;
}

static uint64_t schedstat_ns(const char *path)
{
	char text[128];

	return read_text(path, text, sizeof(text)) ? strtoull(text, NULL, 10)
						   : 0;
}

static uint64_t threads_ns(pid_t pid)
{
	char path[300];
	struct dirent *entry;
	uint64_t sum_ns = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	tasks = opendir(path);
	if (!tasks)
		return 0;
	while ((entry = readdir(tasks))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/schedstat",
			 (int)pid, entry->d_name);
		sum_ns += schedstat_ns(path);
	}
	closedir(tasks);
	return sum_ns;
}

/* The core's line of /proc/stat, in clock ticks. */
static void read_core(const struct cpu_meter *m, struct cpu_sample *out)
{
	uint64_t user, nice, system, idle, iowait, irq, softirq, steal;
	uint64_t tick_ns = NS_PER_S / (uint64_t)sysconf(_SC_CLK_TCK);
	char text[16384];
	char label[16];
	const char *line;

	if (!read_text("/proc/stat", text, sizeof(text)))
		return;
	snprintf(label, sizeof(label), "cpu%d ", m->core);
	line = strstr(text, label);
	/* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers */
	if (!line || sscanf(line,
			    "%*s %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
			    " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64,
			    &user, &nice, &system, &idle, &iowait, &irq,
			    &softirq, &steal) != 8)
		return;
	out->core_busy_ns = (user + nice + system + irq + softirq) * tick_ns;
	out->core_softirq_ns = softirq * tick_ns;
	out->core_steal_ns = steal * tick_ns;
}

static pid_t find_ksoftirqd(int core)
{
	char wanted[32], path[300], name[64];
	struct dirent *entry;
	pid_t found = 0;
	DIR *proc = opendir("/proc");

	if (!proc)
		return 0;
	snprintf(wanted, sizeof(wanted), "ksoftirqd/%d\n", core);
	while (!found && (entry = readdir(proc))) {
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		if (read_text(path, name, sizeof(name)) &&
		    !strcmp(name, wanted))
			found = (pid_t)strtol(entry->d_name, NULL, 10);
	}
	closedir(proc);
	return found;
}

void cpu_meter_init(struct cpu_meter *m, pid_t pid, int core,
		    bool softirq_apart)
{
	*m = (struct cpu_meter){ .pid = pid,
				 .core = core,
				 .ksoftirqd = find_ksoftirqd(core),
				 .softirq_apart = softirq_apart };
}

void cpu_meter_read(const struct cpu_meter *m, struct cpu_sample *out)
{
	char path[64];

	*out = (struct cpu_sample){ .wall_ns = cpu_now_ns() };
	if (m->pid)
		out->server_ns = threads_ns(m->pid);
	if (m->ksoftirqd) {
		snprintf(path, sizeof(path), "/proc/%d/schedstat",
			 (int)m->ksoftirqd);
		out->server_ns += schedstat_ns(path);
	}
	read_core(m, out);
	if (m->softirq_apart)
		out->server_ns += out->core_softirq_ns;
}

struct cpu_sample cpu_sample_between(const struct cpu_sample *from,
				     const struct cpu_sample *to)
{
	return (struct cpu_sample){
		.wall_ns = to->wall_ns - from->wall_ns,
		.server_ns = to->server_ns - from->server_ns,
		.core_busy_ns = to->core_busy_ns - from->core_busy_ns,
		.core_softirq_ns = to->core_softirq_ns - from->core_softirq_ns,
		.core_steal_ns = to->core_steal_ns - from->core_steal_ns,
	};
}
