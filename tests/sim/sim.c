/*
 * The simulator's program: runs seeds, prints what happened and how often.
 *
 *	sim [--from SEED] [--seeds N] [--jobs N] [--verbose]
 *	sim --replay FILE.pcapng
 *
 * Exits with 1 at the first difference between the cores and the oracle, and
 * also if something that should happen in such a run never did: then the
 * simulator no longer tests what it says.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "replay.h"
#include "sim.h"

/* Fewer seeds need not meet everything. */
#define SEEDS_THAT_MEET_ALL 500
#define JOBS_MAX 64

static const char *const event_names[] = {
#define X(name) #name,
	SIM_EVENTS(X)
#undef X
};

static const unsigned codes[] = { 300, 400, 401, 403, 420, 437, 438,
				  440, 441, 442, 443, 486, 500, 508 };

/* Reasons that only a shell has, or that come with later credentials. */
static bool is_cores_reason(enum drop_reason r)
{
	return r != DROP_HAIRPIN_FULL && r != DROP_SEND_BUFFER &&
	       r != DROP_SEND_ERROR && r != DROP_PACKET_LIMIT &&
	       r != DROP_NO_LISTENER;
}

static bool print_count(const char *name, uint64_t n)
{
	printf("  %-28s %12llu%s\n", name, (unsigned long long)n,
	       n ? "" : "   NEVER");
	return n != 0;
}

static bool print(const struct sim_stats *s)
{
	bool all = true;
	char name[16];

	puts("happened:");
	for (unsigned i = 0; i < SIM_EVENT_COUNT; i++)
		all &= print_count(event_names[i], s->events[i]);
	puts("answered with:");
	for (unsigned i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		snprintf(name, sizeof(name), "%u", codes[i]);
		all &= print_count(name, s->codes[codes[i] - 300]);
	}
	puts("dropped for:");
	for (enum drop_reason r = 0; r < DROP_REASON_COUNT; r++)
		if (is_cores_reason(r))
			all &= print_count(drop_reason_name(r), s->drops[r]);
	return all;
}

static void add(struct sim_stats *sum, const struct sim_stats *s)
{
	for (unsigned i = 0; i < SIM_EVENT_COUNT; i++)
		sum->events[i] += s->events[i];
	for (unsigned i = 0; i < SIM_CODES; i++)
		sum->codes[i] += s->codes[i];
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		sum->drops[i] += s->drops[i];
	sum->steps += s->steps;
	sum->simulated_ms += s->simulated_ms;
}

/* Every jobs-th seed, in a process of its own. */
static void run_share(uint64_t from, uint64_t seeds, unsigned job,
		      unsigned jobs, bool verbose, struct sim_stats *s)
{
	for (uint64_t i = job; i < seeds; i += jobs)
		world_run(from + i, s, verbose);
}

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = strtoull(text, &end, 10);

	if (*text && !*end)
		return n;
	fprintf(stderr, "sim: %s is not a number\n", text);
	exit(64);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 's' },
		{ "jobs", required_argument, NULL, 'j' },
		{ "verbose", no_argument, NULL, 'v' },
		{ "replay", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t from = 1, seeds = 1000;
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned jobs = cpus > JOBS_MAX ? JOBS_MAX : (unsigned)cpus;
	struct sim_stats *shares, sum = { .steps = 0 };
	bool verbose = false, all, failed = false;
	int c, status;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			from = number(optarg);
			break;
		case 's':
			seeds = number(optarg);
			break;
		case 'j':
			jobs = (unsigned)number(optarg);
			break;
		case 'v':
			verbose = true;
			break;
		case 'r':
			return replay(optarg);
		default:
			return 64;
		}
	}
	if (jobs < 1 || jobs > JOBS_MAX || seeds < 2)
		jobs = 1;
	shares = mmap(NULL, jobs * sizeof(*shares), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shares == MAP_FAILED) {
		perror("sim: mmap");
		return 1;
	}
	for (unsigned i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid < 0) {
			perror("sim: fork");
			return 1;
		}
		if (pid)
			continue;
		run_share(from, seeds, i, jobs, verbose, &shares[i]);
		exit(0);
	}
	for (unsigned i = 0; i < jobs; i++) {
		if (wait(&status) < 0 || status != 0)
			failed = true;
	}
	if (failed)
		return 1;
	for (unsigned i = 0; i < jobs; i++)
		add(&sum, &shares[i]);
	all = print(&sum);
	printf("%llu seeds from %llu: %llu steps, %.1f simulated days, no "
	       "difference\n",
	       (unsigned long long)seeds, (unsigned long long)from,
	       (unsigned long long)sum.steps,
	       (double)sum.simulated_ms / 86400000);
	if (all || seeds < SEEDS_THAT_MEET_ALL)
		return 0;
	fputs("sim: something above never happened: the simulator does not "
	      "test it any more\n",
	      stderr);
	return 1;
}
