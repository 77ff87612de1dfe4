/*
 * What peer rules cost a packet.
 *
 *	make -s bench-programs && build/tests/bench/peer_rules
 *
 * Judges Send indications of one client in a flow table of its own, without
 * any socket, and prints the CPU time of each: with empty
 * lists, with PEER_POLICY_RULES_MAX rules in each, none of which is about the
 * peer, and with rules about some of the peer's ports, to one port and to two
 * by turns. Beside it stands what one judgement by those lists takes, which every
 * indication would cost if permissions did not remember theirs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "stun/builder.h"
#include "turn/flow.h"
#include "turn/permission.h"

#define ROUNDS 2000000
#define PEER_IP 0x08080808
#define PAYLOAD_BYTES 160

static struct peer_policy rules;
static struct counters counters;
static struct flow_table table;
static const struct now now = { .mono_ms = 1000, .wall_s = 1700000000 };

static uint64_t clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct addr client(void)
{
	return addr_ipv4(0xc0000201, 5000);
}

/* One living allocation with a permission for the peer. */
static void set_up(void)
{
	static const struct hash_key key = { 1, 2 };
	struct addr peer = addr_ipv4(PEER_IP, 0);
	struct allocation *a;
	uint32_t i;

	rules.generation = 1;
	rules.relay_ips[0] = addr_ipv4(0x0a000004, 0);
	rules.relay_ip_count = 1;
	rules.relay_port_min = 49152;
	rules.relay_port_max = 65535;
	if (flow_init(&table, 1, 1, 1, &key, &counters, NULL, &rules)) {
		fputs("peer_rules: no memory\n", stderr);
		exit(EXIT_FAILURE);
	}
	i = pool_take(&table.allocations);
	a = pool_at(&table.allocations, i);
	a->client = client();
	a->state = ALLOCATION_LIVE;
	a->expires_ms = UINT64_MAX;
	a->first_permission = a->first_channel = POOL_NONE;
	map_add(&table.by_client, i, flow_hash_client(&table, &a->client, 0));
	permission_install(&table, i, &peer, now.mono_ms);
}

/* Full lists about others, and so many of the rules about the peer's ports. */
static void set_rules(unsigned count, unsigned about_peer)
{
	rules.allow_count = rules.deny_count = 0;
	for (unsigned i = 0; i < count; i++) {
		struct peer_rule rule = {
			.first = addr_ipv4(0x09000000 | i << 8, 0),
			.last = addr_ipv4(0x09000000 | i << 8 | 0xff, 0),
			.port_max = UINT16_MAX,
			.realms = PEER_RULE_ALL_REALMS,
		};

		peer_policy_allow(&rules, &rule);
		if (i >= count - about_peer) {
			rule.first = rule.last = addr_ipv4(PEER_IP, 0);
			rule.port_min = rule.port_max = 7;
		}
		peer_policy_deny(&rules, &rule);
	}
	rules.generation++;
}

static size_t indication(uint8_t *out, size_t size, uint16_t port)
{
	static const uint8_t payload[PAYLOAD_BYTES];
	static const uint8_t id[STUN_TRANSACTION_ID_BYTES];
	struct addr peer = addr_ipv4(PEER_IP, port);
	struct stun_builder b;

	stun_begin(&b, out, size, STUN_INDICATION, STUN_SEND, id);
	stun_add_xor_addr(&b, STUN_ATTR_XOR_PEER_ADDRESS, &peer);
	stun_add(&b, STUN_ATTR_DATA, bytes_of(payload, sizeof(payload)));
	return stun_finish(&b);
}

static void measure(const char *what, unsigned ports)
{
	static uint8_t bytes[2][512];
	struct datagram in[2];
	struct verdict v;
	uint64_t begin;

	for (unsigned i = 0; i < 2; i++)
		in[i] = (struct datagram){
			.source = client(),
			.data = bytes_of(bytes[i],
					 indication(bytes[i], sizeof(bytes[i]),
						    (uint16_t)(5000 + i))),
		};
	begin = clock_ns();
	for (unsigned i = 0; i < ROUNDS; i++) {
		flow_from_client(&table, &now, &in[i % ports], &v);
		if (v.kind != VERDICT_TO_PEER) {
			fprintf(stderr, "peer_rules: %s: dropped\n", what);
			exit(EXIT_FAILURE);
		}
	}
	printf("%-52s %7.1f ns\n", what, (double)(clock_ns() - begin) / ROUNDS);
}

static void measure_judge(const char *what)
{
	struct addr peer = addr_ipv4(PEER_IP, 5000);
	uint64_t begin = clock_ns();
	unsigned denied = 0;

	for (unsigned i = 0; i < ROUNDS / 10; i++)
		denied += peer_policy_judge(&rules, 0, &peer) == PEER_DENIED;
	printf("%-52s %7.1f ns\n", what,
	       (double)(clock_ns() - begin) / (ROUNDS / 10.0));
	if (denied)
		exit(EXIT_FAILURE);
}

int main(void)
{
	set_up();
	measure("Send, no rules", 1);
	measure_judge("one judgement, no rules");
	set_rules(PEER_POLICY_RULES_MAX, 0);
	measure("Send, full lists", 1);
	measure_judge("one judgement, full lists");
	set_rules(PEER_POLICY_RULES_MAX, 8);
	measure("Send, full lists, some about the peer's ports", 1);
	measure("Send, the same, to two ports by turns", 2);
	flow_fini(&table);
	return EXIT_SUCCESS;
}
