/* link: -Wl,--wrap=evbuffer_add */
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "ctl/metrics.h"

static struct metrics_snapshot s;
static struct counters counters[2];
static struct histogram passes[2], authentications[2];
static struct evbuffer *out;
static bool no_memory;

int __real_evbuffer_add(struct evbuffer *b, const void *data, size_t len);
int __wrap_evbuffer_add(struct evbuffer *b, const void *data, size_t len);
int __wrap_evbuffer_add(struct evbuffer *b, const void *data, size_t len)
{
	return no_memory ? -1 : __real_evbuffer_add(b, data, len);
}

/* Two workers, two realms, a listener. */
static void set_up(void)
{
	memset(&s, 0, sizeof(s));
	s.version = "1.2";
	s.worker_count = 2;
	for (unsigned i = 0; i < 2; i++)
		s.workers[i] = (struct metrics_worker){
			.counters = &counters[i],
			.passes = 100 + i,
			.pass = &passes[i],
			.authentication = &authentications[i],
		};
	s.realm_count = 2;
	s.realms[0] = (struct metrics_realm){ .name = "north" };
	s.realms[1] = (struct metrics_realm){ .name = "so\"uth",
					      .allocations = 7,
					      .allocations_max = 9 };
	s.listener_count = 1;
	s.listeners[0] = (struct metrics_listener){
		.transport = "udp",
		.local = addr_ipv4(0x7f000001, 3478),
		.waiting_bytes = 11,
		.room_bytes = 12,
	};
	out = evbuffer_new();
	ck_assert_ptr_nonnull(out);
	no_memory = false;
}

static void tear_down(void)
{
	evbuffer_free(out);
}

static const char *write_as(enum metrics_format format)
{
	static char text[65536];
	size_t len;

	ck_assert_int_eq(metrics_write(out, &s, format), 0);
	len = evbuffer_get_length(out);
	ck_assert_uint_lt(len, sizeof(text));
	ck_assert_int_eq(evbuffer_remove(out, text, sizeof(text)), (int)len);
	text[len] = '\0';
	return text;
}

/* Whether that is a whole line of the text. */
static bool has_line(const char *text, const char *line)
{
	size_t len = strlen(line);

	for (; *text; text = strchr(text, '\n') + 1)
		if (!strncmp(text, line, len) && text[len] == '\n')
			return true;
	return false;
}

#define HAS(line) ck_assert_msg(has_line(text, line), "no line %s", line)

START_TEST(workers_are_added_up)
{
	const char *text;

	counter_add(&counters[0].requests[COUNTERS_REFRESH], 1);
	counter_add(&counters[1].requests[COUNTERS_REFRESH], 2);
	counter_add(&counters[0].errors[COUNTERS_ALLOCATE][COUNTERS_CODE_486],
		    3);
	counter_add(&counters[1].auth[TURN_SOURCE_REDIS][COUNTERS_AUTH_OK], 4);
	counter_add(&counters[1].dropped[DROP_NO_PERMISSION], 5);
	counter_add(&counters[0].refused[REFUSAL_USER_QUOTA], 6);
	counter_add(&counters[0].allocations, 7);
	counter_add(&counters[1].allocations, 8);
	counter_add(&counters[1].kernel_drops, 9);
	counter_add(&counters[0].traffic[1].to_peer_packets, 10);
	counter_add(&counters[1].traffic[1].to_peer_packets, 20);
	counter_add(&counters[1].traffic[0].to_client_bytes, 30);
	text = write_as(METRICS_TEXT);
	HAS("turnpike_requests_total{method=\"refresh\"} 3");
	HAS("turnpike_requests_total{method=\"binding\"} 0");
	HAS("turnpike_error_responses_total{method=\"allocate\",code=\"486\"} "
	    "3");
	HAS("turnpike_authentications_total{source=\"redis\",result=\"ok\"} 4");
	HAS("turnpike_authentications_total{source=\"unknown\","
	    "result=\"challenge\"} 0");
	HAS("turnpike_dropped_packets_total{reason=\"no_permission\"} 5");
	HAS("turnpike_refusals_total{reason=\"user quota\"} 6");
	HAS("turnpike_allocations 15");
	HAS("turnpike_worker_allocations{worker=\"1\"} 8");
	HAS("turnpike_kernel_dropped_packets_total 9");
	HAS("turnpike_relayed_packets_total{realm=\"so\\\"uth\","
	    "direction=\"to_peer\"} 30");
	HAS("turnpike_relayed_packets_total{realm=\"so\\\"uth\","
	    "direction=\"to_client\"} 0");
	HAS("turnpike_relayed_bytes_total{realm=\"north\","
	    "direction=\"to_client\"} 30");
	HAS("turnpike_worker_relayed_packets_total{worker=\"1\"} 20");
	HAS("turnpike_worker_passes_total{worker=\"0\"} 100");
}
END_TEST

START_TEST(what_the_process_is)
{
	const char *text;

	s.ready = true;
	s.restart_pending = 2;
	s.allocations_max = 1000;
	s.ports = 100;
	s.ports_used = 3;
	s.ports_reserved = 4;
	s.log_lost = 5;
	s.process = (struct metrics_process){
		.start_time_ns = UINT64_C(1700000000250000000),
		.cpu_ns = 1500000000,
		.resident_bytes = 6,
		.virtual_bytes = 7,
		.max_fds = 8,
	};
	text = write_as(METRICS_TEXT);
	HAS("turnpike_build_info{version=\"1.2\"} 1");
	HAS("turnpike_ready 1");
	HAS("turnpike_draining 0");
	HAS("turnpike_restart_pending 2");
	HAS("turnpike_workers 2");
	HAS("turnpike_allocations_limit 1000");
	HAS("turnpike_relay_ports 100");
	HAS("turnpike_relay_ports_used 3");
	HAS("turnpike_relay_ports_reserved 4");
	HAS("turnpike_log_lost_lines_total 5");
	HAS("turnpike_realm_allocations{realm=\"north\"} 0");
	HAS("turnpike_realm_allocations{realm=\"so\\\"uth\"} 7");
	HAS("turnpike_realm_allocations_limit{realm=\"so\\\"uth\"} 9");
	ck_assert_ptr_null(strstr(text, "allocations_limit{realm=\"north\""));
	HAS("turnpike_listener_queue_bytes{transport=\"udp\","
	    "listener=\"127.0.0.1:3478\"} 11");
	HAS("turnpike_listener_queue_limit_bytes{transport=\"udp\","
	    "listener=\"127.0.0.1:3478\"} 12");
	HAS("process_start_time_seconds 1700000000.250000000");
	HAS("process_cpu_seconds_total 1.500000000");
	HAS("process_resident_memory_bytes 6");
	HAS("process_max_fds 8");
	/* What the kernel does not tell is not told. */
	ck_assert_ptr_null(strstr(text, "process_open_fds"));
	s.process.open_fds = 9;
	text = write_as(METRICS_TEXT);
	HAS("process_open_fds 9");
}
END_TEST

START_TEST(causes_with_one_word_are_one)
{
	const char *text, *line;

	counter_add(&counters[0].allocations_ended[TURN_CAUSE_USER_GONE], 1);
	counter_add(&counters[1].allocations_ended[TURN_CAUSE_KEY_CHANGED], 2);
	text = write_as(METRICS_TEXT);
	HAS("turnpike_allocations_ended_total{cause=\"revoked\"} 3");
	HAS("turnpike_allocations_ended_total{cause=\"expired\"} 0");
	line = strstr(text, "cause=\"revoked\"");
	ck_assert_ptr_null(strstr(line + 1, "cause=\"revoked\""));
}
END_TEST

/* Channels need a permission each; several may share one. */
START_TEST(flows_are_clients_and_peers)
{
	const char *text;

	counter_add(&counters[0].allocations, 10);
	counter_add(&counters[0].permissions, 5);
	counter_add(&counters[1].channels, 3);
	text = write_as(METRICS_TEXT);
	HAS("turnpike_flows 15");
	counter_add(&counters[1].channels, 4);
	text = write_as(METRICS_TEXT);
	HAS("turnpike_flows 17");
}
END_TEST

START_TEST(times_of_all_workers_are_one_histogram)
{
	const char *text;

	histogram_add(&passes[0], 30000);
	histogram_add(&passes[1], 40000);
	histogram_add(&authentications[1], 2000000000);
	text = write_as(METRICS_TEXT);
	HAS("turnpike_pass_duration_seconds_bucket{le=\"2.5e-05\"} 0");
	HAS("turnpike_pass_duration_seconds_bucket{le=\"5e-05\"} 2");
	HAS("turnpike_pass_duration_seconds_sum 0.000070000");
	HAS("turnpike_authentication_duration_seconds_bucket{le=\"1.0\"} 0");
	HAS("turnpike_authentication_duration_seconds_bucket{le=\"10.0\"} 1");
	HAS("turnpike_authentication_duration_seconds_count 1");
}
END_TEST

START_TEST(redis_is_told_of_where_there_is_one)
{
	const char *text = write_as(METRICS_TEXT);

	ck_assert_ptr_null(strstr(text, "redis_"));
	s.redis = (struct metrics_redis){ .configured = true,
					  .up = true,
					  .mode = "keyspace",
					  .connects = 1,
					  .questions = 2,
					  .questions_full = 3,
					  .queries = 4,
					  .unavailable = 5,
					  .answers_dropped = 6,
					  .changes = 7,
					  .unusable = 8,
					  .cache_hits = 9,
					  .cache_stale = 10,
					  .cache_misses = 11 };
	text = write_as(METRICS_TEXT);
	HAS("turnpike_redis_up 1");
	HAS("turnpike_redis_changes_by_info{mode=\"keyspace\"} 1");
	HAS("turnpike_redis_connects_total 1");
	HAS("turnpike_redis_questions_total 2");
	HAS("turnpike_redis_questions_refused_total 3");
	HAS("turnpike_redis_queries_total 4");
	HAS("turnpike_redis_questions_unanswered_total 5");
	HAS("turnpike_redis_answers_dropped_total 6");
	HAS("turnpike_redis_changes_total 7");
	HAS("turnpike_redis_unusable_entries_total 8");
	HAS("turnpike_redis_cache_lookups_total{result=\"hit\"} 9");
	HAS("turnpike_redis_cache_lookups_total{result=\"stale\"} 10");
	HAS("turnpike_redis_cache_lookups_total{result=\"miss\"} 11");
}
END_TEST

START_TEST(openmetrics_names_families_and_ends)
{
	const char *text = write_as(METRICS_OPENMETRICS);
	size_t len = strlen(text);

	HAS("# TYPE turnpike_requests counter");
	HAS("turnpike_requests_total{method=\"refresh\"} 0");
	HAS("# TYPE turnpike_build info");
	HAS("# UNIT turnpike_pass_duration_seconds seconds");
	HAS("# UNIT turnpike_relayed_bytes bytes");
	ck_assert_str_eq(text + len - 6, "# EOF\n");
}
END_TEST

START_TEST(coturns_names_are_an_option)
{
	const char *text;

	counter_add(&counters[0].requests[COUNTERS_BINDING], 5);
	counter_add(&counters[0].requests[COUNTERS_REFRESH], 50);
	counter_add(&counters[0].responses[COUNTERS_BINDING], 4);
	counter_add(&counters[0].errors[COUNTERS_BINDING][COUNTERS_CODE_420],
		    1);
	counter_add(&counters[0].errors[COUNTERS_ALLOCATE][COUNTERS_CODE_401],
		    2);
	counter_add(&counters[1].auth[COUNTERS_SOURCE_UNKNOWN]
				     [COUNTERS_AUTH_CHALLENGE],
		    3);
	counter_add(&counters[1].dropped[DROP_REPLY_BUDGET], 6);
	counter_add(&counters[1].traffic[1].to_peer_packets, 7);
	counter_add(&counters[1].traffic[1].to_client_bytes, 8);
	counter_add(&counters[0].traffic[0].to_peer_packets, 70);
	counter_add(&counters[0].allocations, 9);
	text = write_as(METRICS_TEXT);
	ck_assert_ptr_null(strstr(text, "\nturn_"));
	ck_assert_ptr_null(strstr(text, "\nstun_"));
	s.coturn_names = true;
	text = write_as(METRICS_OPENMETRICS);
	ck_assert_ptr_null(strstr(text, "\nturn_"));
	text = write_as(METRICS_TEXT);
	HAS("stun_binding_request 5");
	HAS("stun_binding_response 3");
	HAS("stun_binding_error 1");
	HAS("turn_unauthenticated_401_requests 3");
	HAS("turn_unauthenticated_401_responses 2");
	HAS("turn_unauthenticated_401_dropped_responses 6");
	HAS("turn_traffic_rcvp{realm=\"so\\\"uth\"} 7");
	HAS("turn_traffic_sentb{realm=\"so\\\"uth\"} 8");
	HAS("turn_traffic_peer_sentp{realm=\"north\"} 70");
	HAS("turn_traffic_peer_rcvb{realm=\"so\\\"uth\"} 8");
	HAS("turn_total_traffic_rcvp 77");
	HAS("turn_total_traffic_peer_sentp 77");
	HAS("turn_total_traffic_rcvb 0");
	HAS("turn_total_allocations{type=\"UDP\"} 9");
	HAS("turn_packet_processed 132");
	HAS("turn_packet_dropped 6");
	/* Ours are there as well. */
	HAS("turnpike_allocations 9");
}
END_TEST

START_TEST(memory_that_is_short_is_told)
{
	no_memory = true;
	ck_assert_int_eq(metrics_write(out, &s, METRICS_TEXT), -ENOMEM);
}
END_TEST

START_TEST(the_format_is_what_is_wanted_most)
{
	static const struct {
		const char *accept;
		enum metrics_format format;
	} table[] = {
		{ NULL, METRICS_TEXT },
		{ "", METRICS_TEXT },
		{ "*/*", METRICS_TEXT },
		{ "text/html, */*;q=0.1", METRICS_TEXT },
		{ "application/openmetrics-text", METRICS_OPENMETRICS },
		{ "Application/OpenMetrics-Text; Version=1.0.0",
		  METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=\"1.0.0\"",
		  METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=0.0.1", METRICS_TEXT },
		{ "application/openmetrics-text;version=2.0.0", METRICS_TEXT },
		{ "application/openmetrics-textual", METRICS_TEXT },
		{ "application/openmetrics-text;q=0", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.001", METRICS_OPENMETRICS },
		{ "application/openmetrics-text;q=0.5,text/plain;q=0.5",
		  METRICS_OPENMETRICS },
		{ "application/openmetrics-text;q=0.4,text/plain;q=0.5",
		  METRICS_TEXT },
		{ "text/*;q=0.9 , application/openmetrics-text ;\tq=0.91",
		  METRICS_OPENMETRICS },
		/* Prometheus 2.42, and 3. */
		{ "application/openmetrics-text;version=1.0.0,"
		  "application/openmetrics-text;version=0.0.1;q=0.75,"
		  "text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
		  METRICS_OPENMETRICS },
		{ "application/openmetrics-text;version=1.0.0;"
		  "escaping=allow-utf-8;q=0.5,"
		  "application/openmetrics-text;version=0.0.1;q=0.4,"
		  "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,"
		  "text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
		  METRICS_OPENMETRICS },
		/* What is no quality is none. */
		{ "application/openmetrics-text;q=", METRICS_TEXT },
		{ "application/openmetrics-text;q=2", METRICS_TEXT },
		{ "application/openmetrics-text;q=1.001", METRICS_TEXT },
		{ "application/openmetrics-text;q=0.1234", METRICS_TEXT },
		{ "application/openmetrics-text;q=x", METRICS_TEXT },
		{ "application/openmetrics-text;q=0,5", METRICS_TEXT },
		{ "application/openmetrics-text;;q", METRICS_OPENMETRICS },
		{ ",,;,=,;=;", METRICS_TEXT },
		{ ";q=1,application/openmetrics-text", METRICS_OPENMETRICS },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		ck_assert_msg(metrics_negotiate(table[i].accept) ==
				      table[i].format,
			      "%s", table[i].accept);
	ck_assert_str_eq(metrics_content_type(METRICS_TEXT),
			 "text/plain; version=0.0.4; charset=utf-8");
	ck_assert_str_eq(metrics_content_type(METRICS_OPENMETRICS),
			 "application/openmetrics-text; version=1.0.0; "
			 "charset=utf-8");
}
END_TEST

static Suite *suite(void)
{
	Suite *s_ = suite_create("metrics");
	TCase *t = tcase_create("metrics");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, workers_are_added_up);
	tcase_add_test(t, what_the_process_is);
	tcase_add_test(t, causes_with_one_word_are_one);
	tcase_add_test(t, flows_are_clients_and_peers);
	tcase_add_test(t, times_of_all_workers_are_one_histogram);
	tcase_add_test(t, redis_is_told_of_where_there_is_one);
	tcase_add_test(t, openmetrics_names_families_and_ends);
	tcase_add_test(t, coturns_names_are_an_option);
	tcase_add_test(t, memory_that_is_short_is_told);
	tcase_add_test(t, the_format_is_what_is_wanted_most);
	suite_add_tcase(s_, t);
	return s_;
}

UNIT_MAIN(suite)
