/*
 * turnpike-address: finds the public address that leads to the relay address,
 * and writes it where turnpiked looks (relay.advertise = "auto").
 *
 * A program of its own, so that it alone can be allowed to reach the cloud's
 * metadata service: turnpiked, which talks to strangers, never is.
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <sys/stat.h>
#include <time.h>

#include "conf/machine.h"
#include "config.h"
#include "discovery/azure.h"
#include "discovery/http_get.h"

#define CONF_PATH TURNPIKE_SYSCONFDIR "/turnpike/turnpike.conf"
#define EXIT_NOT_FOUND 1
#define EXIT_USAGE 64
#define EXIT_CONFIG 78

enum task { TASK_RUN, TASK_VERSION, TASK_HELP, TASK_REFUSE };

struct arguments {
	const char *conf_path;
	const char *metadata_url;
	const char *output; /* NULL: as turnpiked looks for it */
	enum task task;
	bool print; /* write no file */
};

static const char help[] =
	"Usage: turnpike-address [-c FILE] [-p | -o FILE] [--metadata-url URL]\n"
	"\n"
	"Finds the public address for turnpiked's relay.advertise = \"auto\".\n"
	"See turnpike-address(8).\n"
	"\n"
	"  -c, --config FILE  use FILE, not " CONF_PATH "\n"
	"  -p, --print        only say what is found\n"
	"  -o, --output FILE  write FILE, not advertised in\n"
	"                     $RUNTIME_DIRECTORY or " ADVERTISED_DIRECTORY "\n"
	"      --metadata-url URL\n"
	"                     ask URL, not " AZURE_URL "\n"
	"      --version      print the version and exit\n"
	"      --help         print this and exit\n";

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "print", no_argument, NULL, 'p' },
	{ "output", required_argument, NULL, 'o' },
	{ "metadata-url", required_argument, NULL, 'm' },
	{ "version", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static struct arguments parse_arguments(int argc, char **argv)
{
	struct arguments a = {
		.conf_path = CONF_PATH,
		.metadata_url = AZURE_URL,
	};
	int option;

	while ((option = getopt_long(argc, argv, "c:o:p", long_options,
				     NULL)) != -1) {
		switch (option) {
		case 'c':
			a.conf_path = optarg;
			break;
		case 'p':
			a.print = true;
			break;
		case 'o':
			a.output = optarg;
			break;
		case 'm':
			a.metadata_url = optarg;
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

/*
 * What is said goes to standard error, under a service manager with its
 * level (sd-daemon(3)): what is as it was is of no interest to the journal.
 */
static void say(int level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void say(int level, const char *format, ...)
{
	va_list list;

	if (getenv("JOURNAL_STREAM"))
		fprintf(stderr, "<%d>", level);
	va_start(list, format);
	vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
}

static void on_source(void *arg, const char *source, const char *what)
{
	const int *level = arg;

	say(*level, "%s: %s", source, what);
}

static bool load(const struct arguments *a, struct conf **out)
{
	struct report *report = malloc(sizeof(*report));
	struct conf_machine machine;
	int error = machine_look(&machine);

	*out = NULL;
	if (!report)
		return false;
	report_init(report);
	if (error)
		report_warning(report, 0,
			       "cannot read the machine's addresses: %s",
			       strerror(-error));
	*out = conf_load_relay(a->conf_path, &machine, report);
	report_print(report, REPORT_ERROR, a->conf_path, "", stderr);
	free(report);
	return *out;
}

/* Writes what was found, unless the file says so already. */
static int put(const char *path, const struct advertised *found)
{
	struct advertised before;
	bool is_same = advertised_read(path, &before) == ADVERTISED_OK &&
		       addr_same_ip(&before.address, &found->address) &&
		       !strcmp(before.source, found->source);
	char text[ADDR_TEXT_BYTES];
	int error = advertised_write(path, found);

	if (error) {
		say(LOG_ERR, "cannot write %s: %s", path, strerror(-error));
		return EXIT_FAILURE;
	}
	say(is_same ? LOG_INFO : LOG_NOTICE, "%s is %s, by %s%s", path,
	    addr_print(&found->address, text), found->source,
	    is_same ? ", as before" : "");
	return EXIT_SUCCESS;
}

static int print(const struct advertised *found)
{
	char text[ADVERTISED_FILE_BYTES];

	advertised_print(found, text);
	fputs(text, stdout);
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int tell_not_found(const struct conf *c, const char *path)
{
	struct advertised before;

	say(LOG_ERR,
	    "no public address found for %s; set relay.advertise to it (the "
	    "template of an Azure deployment does), or name STUN servers in "
	    "relay.stun_servers%s",
	    c->turn.realms[0].name,
	    c->advertise.stun_server_count > 0 ? " that answer" : "");
	if (advertised_read(path, &before) == ADVERTISED_OK)
		say(LOG_WARNING, "%s stays as it was, by %s", path,
		    before.source);
	return EXIT_NOT_FOUND;
}

static int find(const struct arguments *a, const struct addr *metadata,
		const struct conf *c)
{
	const char *path = a->output ? a->output : c->advertise.path;
	int level = a->print ? LOG_NOTICE : LOG_INFO;
	struct discover_config config = {
		.relay = c->turn.relay,
		.metadata = *metadata,
		.stun_server_count = c->advertise.stun_server_count,
		.tell = on_source,
		.arg = &level,
	};
	struct advertised found;

	memcpy(config.stun_servers, c->advertise.stun_servers,
	       sizeof(config.stun_servers));
	if (!discover(&config, &found))
		return tell_not_found(c, path);
	found.found_s = (int64_t)time(NULL);
	return a->print ? print(&found) : put(path, &found);
}

static int run(const struct arguments *a)
{
	struct addr metadata;
	struct conf *conf;
	int status;

	if (!http_server_parse(a->metadata_url, &metadata)) {
		fprintf(stderr, "turnpike-address: --metadata-url wants "
				"http://IPV4:PORT\n");
		return EXIT_USAGE;
	}
	if (!load(a, &conf))
		return EXIT_CONFIG;
	if (conf->advertise.is_auto || a->print) {
		status = find(a, &metadata, conf);
	} else {
		say(LOG_INFO,
		    "relay.advertise is not \"auto\": nothing to find");
		status = EXIT_SUCCESS;
	}
	conf_free(conf);
	return status;
}

int main(int argc, char **argv)
{
	struct arguments a = parse_arguments(argc, argv);

	umask(022);
	switch (a.task) {
	case TASK_RUN:
		return run(&a);
	case TASK_VERSION:
		puts("turnpike-address " PACKAGE_VERSION);
		return EXIT_SUCCESS;
	case TASK_HELP:
		fputs(help, stdout);
		return EXIT_SUCCESS;
	case TASK_REFUSE:
		break;
	}
	fputs("Try: turnpike-address --help\n", stderr);
	return EXIT_USAGE;
}
