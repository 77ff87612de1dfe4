/*
 * turnpiked: arguments and configuration. What it does then is service.c.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/machine.h"
#include "config.h"
#include "worker/service.h"

#define CONF_PATH TURNPIKE_SYSCONFDIR "/turnpike/turnpike.conf"
#define EXIT_USAGE 64

enum task { TASK_RUN, TASK_CHECK, TASK_VERSION, TASK_HELP, TASK_REFUSE };

struct arguments {
	const char *conf_path;
	enum task task;
	bool self_test;
};

static const char help[] =
	"Usage: turnpiked [-c FILE] [--check | --self-test]\n"
	"\n"
	"A TURN and STUN relay. See turnpiked(8) and turnpike.conf(5).\n"
	"\n"
	"  -c, --config FILE  use FILE, not " CONF_PATH "\n"
	"      --check        say what is wrong with FILE, or what would be in\n"
	"                     force, and exit\n"
	"      --self-test    once ready, relay packets through itself; exit if\n"
	"                     that fails\n"
	"      --version      print the version and exit\n"
	"      --help         print this and exit\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "check", no_argument, NULL, 'k' },
	{ "self-test", no_argument, NULL, 's' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static struct arguments parse_arguments(int argc, char **argv)
{
	struct arguments a = { .conf_path = CONF_PATH };
	int option;

	while ((option = getopt_long(argc, argv, "c:", long_options, NULL)) !=
	       -1) {
		switch (option) {
		case 'c':
			a.conf_path = optarg;
			break;
		case 'k':
			a.task = TASK_CHECK;
			break;
		case 's':
			a.self_test = true;
			break;
		case 'v':
			a.task = TASK_VERSION;
			return a;
		case 'h':
			a.task = TASK_HELP;
			return a;
		default:
			a.task = TASK_REFUSE;
			return a;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "%s: unexpected argument '%s'\n", argv[0],
			argv[optind]);
		a.task = TASK_REFUSE;
	}
	return a;
}

/* Errors stop either task; warnings are for the log when it runs. */
static struct conf *load(const struct arguments *a, struct report *report)
{
	struct conf_machine machine;
	int error = machine_look(&machine);
	struct conf *conf;

	report_init(report);
	if (error)
		report_warning(report, 0,
			       "cannot read the machine's addresses: %s",
			       strerror(-error));
	conf = conf_load(a->conf_path, &machine, report);
	report_print(report, REPORT_ERROR, a->conf_path, "", stderr);
	return conf;
}

static int check(const struct arguments *a, const struct conf *conf,
		 const struct report *report)
{
	report_print(report, REPORT_WARNING, a->conf_path, "warning: ", stderr);
	if (!conf)
		return SERVICE_CONFIG;
	report_print(report, REPORT_NOTE, NULL, "# ", stdout);
	conf_write(conf, stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(const struct arguments *a, const struct conf *conf,
	       const struct report *report)
{
	struct service_options options = {
		.conf_path = a->conf_path,
		.report = report,
		.self_test = a->self_test,
	};

	return conf ? service_run(conf, &options) : SERVICE_CONFIG;
}

static int load_and_go(const struct arguments *a)
{
	struct report *report = malloc(sizeof(*report));
	struct conf *conf;
	int status;

	if (!report) {
		fputs("turnpiked: no memory\n", stderr);
		return EXIT_FAILURE;
	}
	conf = load(a, report);
	status = a->task == TASK_CHECK ? check(a, conf, report)
				       : run(a, conf, report);
	conf_free(conf);
	free(report);
	return status;
}

int main(int argc, char **argv)
{
	struct arguments a = parse_arguments(argc, argv);

	switch (a.task) {
	case TASK_RUN:
	case TASK_CHECK:
		return load_and_go(&a);
	case TASK_VERSION:
		puts("turnpiked " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case TASK_HELP:
		fputs(help, stdout);
		return EXIT_SUCCESS;
	case TASK_REFUSE:
		break;
	}
	fputs("Try: turnpiked --help\n", stderr);
	return EXIT_USAGE;
}
