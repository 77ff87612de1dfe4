#include "ctl/metrics.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ctl/exposition.h"
#include "ctl/metrics_coturn.h"

/* --- which format ---------------------------------------------------------- */

#define QUALITY_MAX 1000

/* Cuts spaces off both ends of what is between `begin` and `end`. */
static struct bytes trimmed(const char *begin, const char *end)
{
	while (begin < end && (*begin == ' ' || *begin == '\t'))
		begin++;
	while (begin < end && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	return bytes_of(begin, (size_t)(end - begin));
}

static bool is_word(struct bytes text, const char *word)
{
	return text.len == strlen(word) &&
	       !strncasecmp((const char *)text.data, word, text.len);
}

/* qvalue, in thousandths: "0.5", "1", "0.001". What is none is 0. */
static unsigned quality_of(struct bytes text)
{
	static const unsigned weights[] = { QUALITY_MAX, 0, 100, 10, 1 };
	unsigned sum = 0;

	if (text.len == 0 || text.len > 5 ||
	    (text.len > 1 && text.data[1] != '.'))
		return 0;
	for (size_t i = 0; i < text.len; i++) {
		unsigned digit = (unsigned)text.data[i] - '0';

		if (i == 1)
			continue;
		if (digit > 9)
			return 0;
		sum += digit * weights[i];
	}
	return sum <= QUALITY_MAX ? sum : 0;
}

/* One media range of the list, and how much it is wanted. */
struct wish {
	struct bytes type;
	struct bytes version; /* empty: it names none */
	unsigned quality;
};

static void read_parameter(struct wish *w, const char *begin, const char *end)
{
	const char *equals = memchr(begin, '=', (size_t)(end - begin));
	struct bytes name, value;

	if (!equals)
		return;
	name = trimmed(begin, equals);
	value = trimmed(equals + 1, end);
	if (is_word(name, "q"))
		w->quality = quality_of(value);
	else if (is_word(name, "version"))
		w->version = value;
}

static struct wish read_wish(const char *begin, const char *end)
{
	const char *at = begin + strcspn(begin, ";,");
	struct wish w = { .type = trimmed(begin, at), .quality = QUALITY_MAX };

	while (at < end) {
		const char *next = at + 1 + strcspn(at + 1, ";,");

		read_parameter(&w, at + 1, next);
		at = next;
	}
	return w;
}

static bool is_openmetrics(const struct wish *w)
{
	return is_word(w->type, "application/openmetrics-text") &&
	       (w->version.len == 0 || is_word(w->version, "1.0.0") ||
		is_word(w->version, "\"1.0.0\""));
}

static bool is_text(const struct wish *w)
{
	return is_word(w->type, "text/plain") || is_word(w->type, "text/*") ||
	       is_word(w->type, "*/*");
}

enum metrics_format metrics_negotiate(const char *accept)
{
	unsigned openmetrics = 0, text = 0;

	while (accept && *accept) {
		const char *end = accept + strcspn(accept, ",");
		struct wish w = read_wish(accept, end);

		if (is_openmetrics(&w) && w.quality > openmetrics)
			openmetrics = w.quality;
		if (is_text(&w) && w.quality > text)
			text = w.quality;
		accept = *end ? end + 1 : end;
	}
	return openmetrics && openmetrics >= text ? METRICS_OPENMETRICS
						  : METRICS_TEXT;
}

const char *metrics_content_type(enum metrics_format format)
{
	return format == METRICS_OPENMETRICS
		       ? "application/openmetrics-text; version=1.0.0; "
			 "charset=utf-8"
		       : "text/plain; version=0.0.4; charset=utf-8";
}

/* --- families ---------------------------------------------------------------- */

static void counter(struct exposition *x, const char *name, const char *help)
{
	exposition_family(x, EXPOSITION_COUNTER, name, help);
}

static void add_counter(struct exposition *x, const char *name,
			const char *help, uint64_t value)
{
	counter(x, name, help);
	exposition_add(x, value, 0, NULL);
}

static void gauge(struct exposition *x, const char *name, const char *help)
{
	exposition_family(x, EXPOSITION_GAUGE, name, help);
}

static void add_gauge(struct exposition *x, const char *name, const char *help,
		      uint64_t value)
{
	gauge(x, name, help);
	exposition_add(x, value, 0, NULL);
}

static void add_labelled(struct exposition *x, const char *name,
			 const char *value, uint64_t count)
{
	const struct label label = { name, value };

	exposition_add(x, count, 1, &label);
}

static void add_server(struct exposition *x, const struct metrics_snapshot *s)
{
	exposition_family(x, EXPOSITION_INFO, "turnpike_build",
			  "The program that runs.");
	add_labelled(x, "version", s->version, 1);
	add_gauge(x, "turnpike_ready",
		  "Whether clients should be sent here, as /readyz says.",
		  s->ready);
	add_gauge(x, "turnpike_draining", "Whether the server drains.",
		  s->draining);
	add_gauge(x, "turnpike_restart_pending",
		  "Changed options that wait for a restart.",
		  s->restart_pending);
	add_gauge(x, "turnpike_workers", "Worker threads.", s->worker_count);
}

static void add_requests(struct exposition *x, const struct counters *n)
{
	counter(x, "turnpike_requests", "STUN requests received.");
	for (unsigned i = 0; i < COUNTERS_METHOD_COUNT; i++)
		add_labelled(x, "method",
			     counters_method_name((enum counters_method)i),
			     counter_get(&n->requests[i]));
	counter(x, "turnpike_responses",
		"STUN responses sent, error responses too.");
	for (unsigned i = 0; i < COUNTERS_METHOD_COUNT; i++)
		add_labelled(x, "method",
			     counters_method_name((enum counters_method)i),
			     counter_get(&n->responses[i]));
}

static void add_errors(struct exposition *x, const struct counters *n)
{
	counter(x, "turnpike_error_responses", "STUN error responses sent.");
	for (unsigned i = 0; i < COUNTERS_METHOD_COUNT; i++) {
		for (unsigned j = 0; j < COUNTERS_CODE_COUNT; j++) {
			char code[8];
			const struct label labels[] = {
				{ "method", counters_method_name(
						    (enum counters_method)i) },
				{ "code", code },
			};

			snprintf(code, sizeof(code), "%u",
				 counters_code_number((enum counters_code)j));
			exposition_add(x, counter_get(&n->errors[i][j]), 2,
				       labels);
		}
	}
}

static void add_authentications(struct exposition *x, const struct counters *n)
{
	counter(x, "turnpike_authentications",
		"Requests that have to authenticate, by where their user is "
		"known from and what became of them.");
	for (unsigned i = 0; i < COUNTERS_SOURCE_COUNT; i++) {
		for (unsigned j = 0; j < COUNTERS_AUTH_RESULT_COUNT; j++) {
			const struct label labels[] = {
				{ "source", counters_source_name(i) },
				{ "result",
				  counters_auth_result_name(
					  (enum counters_auth_result)j) },
			};

			exposition_add(x, counter_get(&n->auth[i][j]), 2,
				       labels);
		}
	}
	add_counter(x, "turnpike_credential_lookups",
		    "Questions to the credential sources.",
		    counter_get(&n->lookups));
}

static void add_refusals(struct exposition *x, const struct counters *n)
{
	counter(x, "turnpike_refusals", "Refusals, as the API lists them.");
	for (unsigned i = 0; i < REFUSAL_CAUSE_COUNT; i++)
		add_labelled(x, "reason",
			     refusal_words((enum refusal_cause)i)->label,
			     counter_get(&n->refused[i]));
}

/* Causes may share a word: it is told once, with their sum. */
static void add_ended(struct exposition *x, const struct counters *n)
{
	bool told[TURN_CAUSE_COUNT] = { false };

	counter(x, "turnpike_allocations_ended", "Allocations that ended.");
	for (unsigned i = 0; i < TURN_CAUSE_COUNT; i++) {
		const char *name = turn_cause_name((enum turn_cause)i);
		uint64_t sum = 0;

		if (told[i])
			continue;
		for (unsigned j = i; j < TURN_CAUSE_COUNT; j++) {
			if (strcmp(turn_cause_name((enum turn_cause)j), name))
				continue;
			told[j] = true;
			sum += counter_get(&n->allocations_ended[j]);
		}
		add_labelled(x, "cause", name, sum);
	}
}

/* One flow of each client, and one of each peer that it may hear. */
static uint64_t flows(const struct counters *n)
{
	uint64_t permissions = counter_get(&n->permissions);
	uint64_t channels = counter_get(&n->channels);

	return counter_get(&n->allocations) +
	       (permissions > channels ? permissions : channels);
}

static void add_allocations(struct exposition *x,
			    const struct metrics_snapshot *s,
			    const struct counters *n)
{
	add_gauge(x, "turnpike_allocations", "Allocations that live.",
		  counter_get(&n->allocations));
	add_gauge(x, "turnpike_allocations_limit",
		  "Allocations that may live at a time.", s->allocations_max);
	add_counter(x, "turnpike_allocations_begun", "Allocations that began.",
		    counter_get(&n->allocations_begun));
	add_ended(x, n);
	add_gauge(x, "turnpike_permissions", "Permissions of allocations.",
		  counter_get(&n->permissions));
	add_gauge(x, "turnpike_channels", "Channels of allocations.",
		  counter_get(&n->channels));
	add_gauge(x, "turnpike_flows",
		  "Flows of clients and peers, about, as a cloud counts them.",
		  flows(n));
}

static void add_realms(struct exposition *x, const struct metrics_snapshot *s)
{
	gauge(x, "turnpike_realm_allocations", "Allocations of each realm.");
	for (unsigned i = 0; i < s->realm_count; i++)
		add_labelled(x, "realm", s->realms[i].name,
			     s->realms[i].allocations);
	gauge(x, "turnpike_realm_allocations_limit",
	      "Allocations that a realm with a limit of its own may have.");
	for (unsigned i = 0; i < s->realm_count; i++)
		if (s->realms[i].allocations_max)
			add_labelled(x, "realm", s->realms[i].name,
				     s->realms[i].allocations_max);
}

static void add_ways(struct exposition *x, const char *realm, uint64_t to_peer,
		     uint64_t to_client)
{
	const struct label out[] = { { "realm", realm },
				     { "direction", "to_peer" } };
	const struct label in[] = { { "realm", realm },
				    { "direction", "to_client" } };

	exposition_add(x, to_peer, 2, out);
	exposition_add(x, to_client, 2, in);
}

static void add_traffic(struct exposition *x, const struct metrics_snapshot *s,
			const struct counters *n)
{
	struct counters_relayed sums[TURN_REALMS_MAX] = { { 0 } };

	for (unsigned i = 0; i < s->realm_count; i++)
		counters_add_realm(n, i, &sums[i]);
	counter(x, "turnpike_relayed_packets", "Packets relayed.");
	for (unsigned i = 0; i < s->realm_count; i++)
		add_ways(x, s->realms[i].name, sums[i].to_peer_packets,
			 sums[i].to_client_packets);
	counter(x, "turnpike_relayed_bytes", "Payload relayed.");
	for (unsigned i = 0; i < s->realm_count; i++)
		add_ways(x, s->realms[i].name, sums[i].to_peer_bytes,
			 sums[i].to_client_bytes);
	add_counter(x, "turnpike_hairpin_packets",
		    "Packets to peers that were allocations of this server.",
		    counter_get(&n->hairpin_packets));
}

static void add_drops(struct exposition *x, const struct counters *n)
{
	counter(x, "turnpike_dropped_packets",
		"Packets neither relayed nor answered.");
	for (unsigned i = 0; i < DROP_REASON_COUNT; i++)
		add_labelled(x, "reason", drop_reason_name((enum drop_reason)i),
			     counter_get(&n->dropped[i]));
	add_counter(x, "turnpike_kernel_dropped_packets",
		    "Packets that found a full socket buffer.",
		    counter_get(&n->kernel_drops));
	add_counter(x, "turnpike_dry_run_requests",
		    "Requests that peers.dry_run let through.",
		    counter_get(&n->dry_run_requests));
	add_counter(x, "turnpike_dry_run_packets",
		    "Packets that peers.dry_run let through.",
		    counter_get(&n->dry_run_packets));
}

static void add_listener(struct exposition *x, const struct metrics_listener *l,
			 uint64_t bytes)
{
	char local[ADDR_TEXT_BYTES];
	const struct label labels[] = {
		{ "transport", l->transport },
		{ "listener", addr_print(&l->local, local) },
	};

	exposition_add(x, bytes, 2, labels);
}

static void add_listeners(struct exposition *x,
			  const struct metrics_snapshot *s)
{
	gauge(x, "turnpike_listener_queue_bytes",
	      "What waits in the fullest socket buffer of a listener.");
	for (unsigned i = 0; i < s->listener_count; i++)
		add_listener(x, &s->listeners[i],
			     s->listeners[i].waiting_bytes);
	gauge(x, "turnpike_listener_queue_limit_bytes",
	      "What a socket buffer of a listener holds.");
	for (unsigned i = 0; i < s->listener_count; i++)
		add_listener(x, &s->listeners[i], s->listeners[i].room_bytes);
}

static void add_ports(struct exposition *x, const struct metrics_snapshot *s)
{
	add_gauge(x, "turnpike_relay_ports", "Ports of the relay range.",
		  s->ports);
	add_gauge(x, "turnpike_relay_ports_used",
		  "Relay ports that allocations use.", s->ports_used);
	add_gauge(x, "turnpike_relay_ports_reserved",
		  "Relay ports that are reserved for a second allocation.",
		  s->ports_reserved);
}

static void add_worker(struct exposition *x, unsigned number, uint64_t value)
{
	char text[8];

	snprintf(text, sizeof(text), "%u", number);
	add_labelled(x, "worker", text, value);
}

static void add_workers(struct exposition *x, const struct metrics_snapshot *s)
{
	counter(x, "turnpike_worker_passes", "Passes of a worker's loop.");
	for (unsigned i = 0; i < s->worker_count; i++)
		add_worker(x, i, s->workers[i].passes);
	counter(x, "turnpike_worker_relayed_packets",
		"Packets that a worker has relayed.");
	for (unsigned i = 0; i < s->worker_count; i++) {
		struct counters_relayed sum = { 0 };

		counters_add_realms(s->workers[i].counters, &sum);
		add_worker(x, i, sum.to_peer_packets + sum.to_client_packets);
	}
	gauge(x, "turnpike_worker_allocations", "Allocations of a worker.");
	for (unsigned i = 0; i < s->worker_count; i++)
		add_worker(x, i,
			   counter_get(&s->workers[i].counters->allocations));
}

/* --- histograms: those of all workers together --- */

struct sum {
	uint64_t buckets[HISTOGRAM_BOUNDS + 1];
	uint64_t sum_ns;
};

static void add_to(struct sum *sum, const struct histogram *h)
{
	for (unsigned i = 0; i <= HISTOGRAM_BOUNDS; i++)
		sum->buckets[i] += counter_get(&h->buckets[i]);
	sum->sum_ns += counter_get(&h->sum_ns);
}

static void add_latencies(struct exposition *x,
			  const struct metrics_snapshot *s)
{
	struct sum pass = { .sum_ns = 0 }, authentication = { .sum_ns = 0 };

	for (unsigned i = 0; i < s->worker_count; i++) {
		add_to(&pass, s->workers[i].pass);
		add_to(&authentication, s->workers[i].authentication);
	}
	exposition_family(x, EXPOSITION_HISTOGRAM,
			  "turnpike_pass_duration_seconds",
			  "How long a pass of a worker's loop takes.");
	exposition_add_histogram(x, pass.buckets, pass.sum_ns);
	exposition_family(x, EXPOSITION_HISTOGRAM,
			  "turnpike_authentication_duration_seconds",
			  "From a request with credentials to its answer.");
	exposition_add_histogram(x, authentication.buckets,
				 authentication.sum_ns);
}

static void add_redis(struct exposition *x, const struct metrics_redis *r)
{
	if (!r->configured)
		return;
	add_gauge(x, "turnpike_redis_up", "Whether Redis is connected.", r->up);
	exposition_family(x, EXPOSITION_INFO, "turnpike_redis_changes_by",
			  "How changes in Redis are heard of.");
	add_labelled(x, "mode", r->mode, 1);
	counter(x, "turnpike_redis_cache_lookups",
		"Lookups of users in the workers' caches before Redis.");
	add_labelled(x, "result", "hit", r->cache_hits);
	add_labelled(x, "result", "stale", r->cache_stale);
	add_labelled(x, "result", "miss", r->cache_misses);
	add_counter(x, "turnpike_redis_connects",
		    "Connections to Redis that came up.", r->connects);
	add_counter(x, "turnpike_redis_questions",
		    "Questions about users that the store has taken.",
		    r->questions);
	add_counter(x, "turnpike_redis_questions_refused",
		    "Questions refused, since too many waited.",
		    r->questions_full);
	add_counter(x, "turnpike_redis_questions_unanswered",
		    "Questions that Redis was not there to answer.",
		    r->unavailable);
	add_counter(x, "turnpike_redis_queries", "Queries sent to Redis.",
		    r->queries);
	add_counter(x, "turnpike_redis_answers_dropped",
		    "Answers that a worker was too slow to take.",
		    r->answers_dropped);
	add_counter(x, "turnpike_redis_changes",
		    "Changes in Redis that workers were told of.", r->changes);
	add_counter(x, "turnpike_redis_unusable_entries",
		    "Entries of Redis that could not be used.", r->unusable);
}

static void add_process(struct exposition *x, const struct metrics_process *p)
{
	gauge(x, "process_start_time_seconds",
	      "When the process started, since 1970.");
	exposition_add_ns(x, p->start_time_ns);
	counter(x, "process_cpu_seconds", "CPU time, user and system.");
	exposition_add_ns(x, p->cpu_ns);
	add_gauge(x, "process_resident_memory_bytes", "Memory in RAM.",
		  p->resident_bytes);
	add_gauge(x, "process_virtual_memory_bytes", "Address space.",
		  p->virtual_bytes);
	if (p->open_fds)
		add_gauge(x, "process_open_fds", "Open file descriptors.",
			  p->open_fds);
	add_gauge(x, "process_max_fds", "File descriptors that may be open.",
		  p->max_fds);
}

int metrics_write(struct evbuffer *out, const struct metrics_snapshot *s,
		  enum metrics_format format)
{
	struct exposition x = {
		.out = out,
		.openmetrics = format == METRICS_OPENMETRICS,
	};
	struct counters total;

	memset(&total, 0, sizeof(total));
	for (unsigned i = 0; i < s->worker_count; i++)
		counters_add(&total, s->workers[i].counters);
	add_server(&x, s);
	add_allocations(&x, s, &total);
	add_realms(&x, s);
	add_traffic(&x, s, &total);
	add_drops(&x, &total);
	add_listeners(&x, s);
	add_ports(&x, s);
	add_requests(&x, &total);
	add_errors(&x, &total);
	add_authentications(&x, &total);
	add_refusals(&x, &total);
	add_latencies(&x, s);
	add_workers(&x, s);
	add_redis(&x, &s->redis);
	add_counter(&x, "turnpike_log_lost_lines",
		    "Log lines that were lost, since nobody took them.",
		    s->log_lost);
	add_process(&x, &s->process);
	if (s->coturn_names && !x.openmetrics)
		metrics_coturn_add(&x, s, &total);
	return exposition_end(&x);
}
