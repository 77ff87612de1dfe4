#include "conf/machine.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "net/ifaddr.h"

static uint16_t cpu_count(void)
{
	cpu_set_t set;
	long count;

	/* It fails on machines with more CPUs than there can be workers. */
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		count = CPU_COUNT(&set);
	else
		count = sysconf(_SC_NPROCESSORS_ONLN);
	return (uint16_t)(count > 0 ? count : 1);
}

static void add_address(struct conf_machine *m, const struct addr *ip)
{
	if (m->addr_count < sizeof(m->addrs) / sizeof(m->addrs[0]))
		m->addrs[m->addr_count++] = *ip;
}

int machine_look(struct conf_machine *out)
{
	struct ifaddr_monitor *monitor = malloc(sizeof(*monitor));
	int error;

	memset(out, 0, sizeof(*out));
	if (!monitor)
		return -ENOMEM;
	error = ifaddr_open(monitor);
	if (!error) {
		for (unsigned i = 0; i < monitor->list.count; i++)
			add_address(out, &monitor->list.items[i].ip);
		ifaddr_close(monitor);
	}
	free(monitor);
	out->cpus = cpu_count();
	out->now_s = (int64_t)time(NULL);
	out->state_dir = getenv("STATE_DIRECTORY");
	out->runtime_dir = getenv("RUNTIME_DIRECTORY");
	if (!error && getrandom(&out->key, sizeof(out->key), 0) !=
			      (ssize_t)sizeof(out->key))
		error = -errno;
	return error;
}
