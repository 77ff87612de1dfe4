/*
 * Plays clients and peers for a relay under test, and measures both.
 *
 *	loadgen --server LISTEN --peer PEER --clients FIRST [--pid PID]
 *		[--core N] [--server-core N] [--user NAME] [--password TEXT]
 *		[--relay FIRST] [--inject frames|socket] [--softirq-apart]
 *
 * Client I has the address FIRST + I and FIRST's port; there is one peer. With
 * --relay there is no protocol to speak: allocation I has the port of the
 * relay's FIRST + I.
 *
 * Commands come as lines on standard input; each is answered by one line of
 * JSON on standard output, or the program ends with a message.
 *
 *	allocate COUNT                       set-up: common_setup.h
 *	permit
 *	bind
 *	touch EACH                           relaying: common_relay.h
 *	flood up|down BYTES FLOWS RUN RATE MS
 *	pace up|down BYTES FLOWS RATE MS
 *	sink CORE BYTES MS      generator and receiver alone
 *	accounting              whether softirq is accounted apart
 *	timing PAIRS NAME       401s: wrong NAME beside wrong password
 *	sizes                   of a Binding and a 401
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stun/builder.h"
#include "stun/message.h"

#include "common_load.h"
#include "common_relay.h"
#include "common_setup.h"

#define WORDS_MAX 8
#define PAIRS_MAX 20000
#define SINK_FLOWS 100
#define ACCOUNTING_MS 400
/* Sources of the 401s: so many addresses of a network of their own that no
 * server takes one for a client that guesses passwords. */
#define REFUSED_NET 0x7f030000u
#define REFUSED_SIDE 250

/* --- the generator alone ------------------------------------------------- */

static size_t payload_fill(unsigned bytes, uint8_t out[INJECT_PAYLOAD_MAX])
{
	if (bytes < 4 || bytes > INJECT_PAYLOAD_MAX)
		load_die("no payload of %u bytes", bytes);
	memset(out, 0, INJECT_PAYLOAD_MAX);
	wire_put_u32(out, BENCH_MAGIC);
	return bytes;
}

/*
 * A flood from one core to a counting socket, with no relay between: what can
 * be offered, and whether each datagram is counted.
 */
static void sink(struct load *l, int core, unsigned bytes, uint64_t ms)
{
	struct inject_flow flows[SINK_FLOWS];
	uint8_t payload[INJECT_PAYLOAD_MAX];
	struct inject_plan plan = { .way = l->way,
				    .core = core,
				    .fd = l->client_fd,
				    .flows = flows,
				    .flow_count = SINK_FLOWS,
				    .run = 1,
				    .payload = payload,
				    .payload_bytes =
					    payload_fill(bytes, payload) };
	struct relay_flood result;
	struct inject *in;
	uint32_t i;

	for (i = 0; i < SINK_FLOWS; i++)
		flows[i] = (struct inject_flow){ load_client(l, i), l->peer };
	if (udp_count(l->peer_fd, 0, 0, bytes))
		load_die("cannot count");
	in = relay_inject(&plan);
	relay_measure(l, in, l->peer_fd, ms, &result);
	inject_stop(in);
	udp_count_end(l->peer_fd);
	printf("{\"offered\":%" PRIu64 ",\"counted\":%u,\"strays\":%u,"
	       "\"wall_ns\":%" PRIu64 "}\n",
	       result.offered, result.counted, udp_drain(l->peer_fd),
	       result.cpu.wall_ns);
}

/*
 * Sends for a while on this core with all soft interrupts in our system calls:
 * if the scheduler does not count them as ours, they are accounted apart.
 */
static void accounting(struct load *l)
{
	struct cpu_sample before, after, cost;
	struct sockaddr_in from = load_client(l, 0);
	uint8_t data[160] = { 0 };
	struct cpu_meter meter;
	uint64_t thread_ns;
	bool apart;
	int i;

	cpu_meter_init(&meter, 0, l->core, false);
	relay_take_precedence(true);
	cpu_meter_read(&meter, &before);
	thread_ns = cpu_thread_ns();
	do {
		for (i = 0; i < 256; i++)
			load_send(l->client_fd, &from, &l->peer, data,
				  sizeof(data));
		cpu_meter_read(&meter, &after);
	} while (after.wall_ns - before.wall_ns <
		 ACCOUNTING_MS * LOAD_NS_PER_MS);
	thread_ns = cpu_thread_ns() - thread_ns;
	relay_take_precedence(false);
	udp_drain(l->peer_fd);
	cost = cpu_sample_between(&before, &after);
	apart = cost.core_softirq_ns > cost.wall_ns / 10 &&
		thread_ns + cost.core_softirq_ns / 2 < cost.wall_ns;
	printf("{\"apart\":%s,\"wall_ns\":%" PRIu64 ",\"thread_ns\":%" PRIu64
	       ",\"softirq_ns\":%" PRIu64 "}\n",
	       apart ? "true" : "false", cost.wall_ns, thread_ns,
	       cost.core_softirq_ns);
}

/* --- 401 ----------------------------------------------------------------- */

struct answer {
	const uint8_t *data;
	size_t bytes; /* 0: none came */
	uint64_t at_ns;
};

/* Polls for a datagram from the server to this address of ours. */
static struct answer answer_to(struct load *l, const struct sockaddr_in *to)
{
	uint64_t until_ns = cpu_now_ns() + LOAD_ANSWER_MS * LOAD_NS_PER_MS;
	struct answer answer;
	unsigned got, i;

	do {
		got = load_receive(l, l->client_fd);
		answer.at_ns = cpu_now_ns();
		for (i = 0; i < got; i++) {
			if (load_destination(l, i) != udp_ip(to) ||
			    !load_from_server(l, i))
				continue;
			answer.data = l->buffers[i];
			answer.bytes = l->headers[i].msg_len;
			return answer;
		}
	} while (answer.at_ns < until_ns);
	return (struct answer){ 0 };
}

/*
 * From an address never seen before: fetches a nonce, then answers it with
 * the wrong name or password. How long the second 401 took; 0: none came.
 */
static uint64_t refused_ns(struct load *l, uint32_t number,
			   const struct client_config *config)
{
	uint32_t host = number % REFUSED_SIDE * 256 +
			number / REFUSED_SIDE % REFUSED_SIDE + 1;
	struct sockaddr_in from =
		udp_addr(REFUSED_NET + host, ntohs(l->clients.sin_port));
	uint8_t out[CLIENT_REQUEST_MAX_BYTES];
	struct answer answer = { 0 };
	struct client_event event;
	struct client client;
	uint64_t sent_ns = 0;
	size_t bytes;
	int round;

	client_init(&client, config);
	client_allocate(&client, 0, load_now_ms());
	for (round = 0; round < 2; round++) {
		bytes = client_poll(&client, load_now_ms(), out, sizeof(out),
				    &event);
		sent_ns = cpu_now_ns();
		load_send(l->client_fd, &from, &l->server, out, bytes);
		answer = answer_to(l, &from);
		if (!answer.bytes)
			return 0;
		client_receive(&client, bytes_of(answer.data, answer.bytes),
			       load_now_ms(), &event);
	}
	client_fini(&client);
	if (event.type != CLIENT_FAILED || event.code != STUN_UNAUTHENTICATED)
		load_die("a wrong login ended with event %d, code %u",
			 event.type, event.code);
	return answer.at_ns - sent_ns;
}

static void timing(struct load *l, uint32_t pairs, const char *name)
{
	struct client_config unknown = l->config, wrong = l->config;
	const char *comma = "";
	uint64_t first, second;
	uint32_t i, next = 0;
	bool swap;

	if (strlen(name) != l->config.name.len)
		load_die("the names differ in length");
	unknown.name = bytes_str(name);
	wrong.password = bytes_str("not-the-password");
	printf("{\"unknown_minus_wrong_ns\":[");
	for (i = 0; i < pairs; i++) {
		swap = random_below(&l->random, 2);
		first = refused_ns(l, next++, swap ? &wrong : &unknown);
		second = refused_ns(l, next++, swap ? &unknown : &wrong);
		if (!first || !second)
			continue;
		printf("%s%" PRId64, comma,
		       (int64_t)(swap ? second - first : first - second));
		comma = ",";
	}
	printf("]}\n");
}

/* Finishes a request, sends it; the size of its answer. */
static size_t exchange(struct load *l, struct stun_builder *b,
		       const uint8_t *request, size_t *request_bytes)
{
	struct sockaddr_in from =
		udp_addr(REFUSED_NET + 0xfafa, ntohs(l->clients.sin_port));

	*request_bytes = stun_finish(b);
	udp_drain(l->client_fd);
	load_send(l->client_fd, &from, &l->server, request, *request_bytes);
	return answer_to(l, &from).bytes;
}

static void sizes(struct load *l)
{
	uint8_t id[STUN_TRANSACTION_ID_BYTES], request[64];
	size_t binding, binding_answer, allocate, allocate_answer;
	struct stun_builder b;

	random_bytes(&l->random, id, sizeof(id));
	stun_begin(&b, request, sizeof(request), STUN_REQUEST, STUN_BINDING,
		   id);
	binding_answer = exchange(l, &b, request, &binding);
	random_bytes(&l->random, id, sizeof(id));
	stun_begin(&b, request, sizeof(request), STUN_REQUEST, STUN_ALLOCATE,
		   id);
	stun_add_u8_rffu(&b, STUN_ATTR_REQUESTED_TRANSPORT, STUN_TRANSPORT_UDP);
	allocate_answer = exchange(l, &b, request, &allocate);
	printf("{\"binding\":%zu,\"binding_answer\":%zu,\"allocate\":%zu,"
	       "\"allocate_answer\":%zu}\n",
	       binding, binding_answer, allocate, allocate_answer);
}

/* --- commands ------------------------------------------------------------ */

static uint32_t number(const char *text)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || value > UINT32_MAX)
		load_die("'%s' is no number", text);
	return (uint32_t)value;
}

static bool is_up(const char *text)
{
	if (strcmp(text, "up") != 0 && strcmp(text, "down") != 0)
		load_die("'%s' is neither up nor down", text);
	return text[0] == 'u';
}

static void run_allocate(struct load *l, char **word)
{
	setup_allocate(l, number(word[0]));
}

static void run_permit(struct load *l, char **word)
{
	(void)word;
	setup_permit(l);
}

static void run_bind(struct load *l, char **word)
{
	(void)word;
	setup_bind(l);
}

static void run_touch(struct load *l, char **word)
{
	relay_touch(l, number(word[0]));
}

static void run_flood(struct load *l, char **word)
{
	uint32_t run = number(word[3]);

	relay_flood(l, is_up(word[0]), number(word[1]), number(word[2]),
		    run ? run : 1, number(word[4]), number(word[5]));
}

static void run_pace(struct load *l, char **word)
{
	relay_pace(l, is_up(word[0]), number(word[1]), number(word[2]),
		   number(word[3]), number(word[4]));
}

static void run_sink(struct load *l, char **word)
{
	sink(l, (int)number(word[0]), number(word[1]), number(word[2]));
}

static void run_accounting(struct load *l, char **word)
{
	(void)word;
	accounting(l);
}

static void run_timing(struct load *l, char **word)
{
	uint32_t pairs = number(word[0]);

	timing(l, pairs < PAIRS_MAX ? pairs : PAIRS_MAX, word[1]);
}

static void run_sizes(struct load *l, char **word)
{
	(void)word;
	sizes(l);
}

static const struct command {
	const char *name;
	unsigned words;
	void (*run)(struct load *l, char **word);
} commands[] = {
	{ "allocate", 1, run_allocate }, { "permit", 0, run_permit },
	{ "bind", 0, run_bind },         { "touch", 1, run_touch },
	{ "flood", 6, run_flood },       { "pace", 5, run_pace },
	{ "sink", 3, run_sink },         { "accounting", 0, run_accounting },
	{ "timing", 2, run_timing },     { "sizes", 0, run_sizes },
};

static void obey(struct load *l, char **word, unsigned count)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (strcmp(word[0], commands[i].name) != 0)
			continue;
		if (count - 1 != commands[i].words)
			load_die("%s takes %u words", word[0],
				 commands[i].words);
		commands[i].run(l, word + 1);
		fflush(stdout);
		return;
	}
	load_die("no command '%s'", word[0]);
}

static void read_options(struct load *l, int argc, char **argv)
{
	/* clang-format off */
	static const struct option list[] = {
		{ "server", required_argument, NULL, 's' },
		{ "peer", required_argument, NULL, 'p' },
		{ "clients", required_argument, NULL, 'c' },
		{ "relay", required_argument, NULL, 'r' },
		{ "pid", required_argument, NULL, 'i' },
		{ "core", required_argument, NULL, 'l' },
		{ "server-core", required_argument, NULL, 'e' },
		{ "user", required_argument, NULL, 'u' },
		{ "password", required_argument, NULL, 'w' },
		{ "inject", required_argument, NULL, 'j' },
		{ "softirq-apart", no_argument, NULL, 'a' },
		{ NULL, 0, NULL, 0 }
	};
	/* clang-format on */
	bool apart = false, good = true;
	pid_t pid = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", list, NULL)) != -1) {
		switch (option) {
		case 's':
			good &= udp_parse(optarg, &l->server);
			break;
		case 'p':
			good &= udp_parse(optarg, &l->peer);
			break;
		case 'c':
			good &= udp_parse(optarg, &l->clients);
			break;
		case 'r':
			good &= udp_parse(optarg, &l->relay);
			break;
		case 'i':
			pid = (pid_t)number(optarg);
			break;
		case 'l':
			l->core = (int)number(optarg);
			break;
		case 'e':
			l->server_core = (int)number(optarg);
			break;
		case 'u':
			l->config.name = bytes_str(optarg);
			break;
		case 'w':
			l->config.password = bytes_str(optarg);
			break;
		case 'j':
			l->way = strcmp(optarg, "socket") ? INJECT_FRAMES
							  : INJECT_SOCKET;
			break;
		case 'a':
			apart = true;
			break;
		default:
			good = false;
		}
	}
	if (!good || !l->server.sin_port || !l->peer.sin_port ||
	    !l->clients.sin_port)
		load_die("bad options; the head of loadgen.c tells them");
	cpu_meter_init(&l->meter, pid, l->server_core, apart);
}

int main(int argc, char **argv)
{
	static struct load l = { .core = 1 };
	char line[512], *word[WORDS_MAX], *rest;
	unsigned count;

	read_options(&l, argc, argv);
	load_start(&l);
	while (fgets(line, sizeof(line), stdin)) {
		rest = line;
		for (count = 0; count < WORDS_MAX; count++) {
			word[count] = strtok_r(rest, " \n", &rest);
			if (!word[count])
				break;
		}
		if (count)
			obey(&l, word, count);
	}
	return 0;
}
