/*
 * What a server costs: processor time of a process and of its core.
 *
 * The time of the process is the run time of all its threads as the scheduler
 * keeps it (/proc/PID/task/TID/schedstat, nanoseconds), plus the ksoftirqd of
 * the core it is pinned to. Soft interrupts that run within a system call of
 * the process are part of the first, unless the kernel accounts them apart
 * (CONFIG_IRQ_TIME_ACCOUNTING): then those of the core are added too. Which of
 * the two it is, the caller must know (loadgen.c finds out by trying).
 */
#ifndef TURNPIKE_BENCH_COMMON_CPU_H
#define TURNPIKE_BENCH_COMMON_CPU_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct cpu_meter {
	pid_t pid; /* the process; 0: none, its time stays 0 */
	int core;
	pid_t ksoftirqd; /* of the core; 0: not found */
	bool softirq_apart;
};

/* Counters since some past moment; only differences mean something. */
struct cpu_sample {
	uint64_t wall_ns;
	uint64_t server_ns;       /* threads, ksoftirqd, softirq if apart */
	uint64_t core_busy_ns;    /* all that ran on the core; 10 ms steps */
	uint64_t core_softirq_ns; /* 10 ms steps */
	uint64_t core_steal_ns;   /* taken by the hypervisor; 10 ms steps */
};

/* CLOCK_MONOTONIC. */
uint64_t cpu_now_ns(void);

/* Processor time of the calling thread. */
uint64_t cpu_thread_ns(void);

/* Binds the calling thread to one core. Returns 0 or a negative errno. */
int cpu_pin(int core);

/* A meter for the process `pid` on `core`. */
void cpu_meter_init(struct cpu_meter *m, pid_t pid, int core,
		    bool softirq_apart);

/* Reads all counters now. */
void cpu_meter_read(const struct cpu_meter *m, struct cpu_sample *out);

/* What happened between two samples. */
struct cpu_sample cpu_sample_between(const struct cpu_sample *from,
				     const struct cpu_sample *to);

#endif
