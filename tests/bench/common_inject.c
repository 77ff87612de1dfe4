#include "common_inject.h"

#include <assert.h>
#include <errno.h>
#include <linux/bpf.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common_cpu.h"
#include "common_udp.h"

#define NS_PER_S 1000000000ull
#define LAG_MAX_NS 1000000 /* more than that behind is left out */
#define SOCKET_BATCH 32
#define ETHERNET_BYTES 14
#define UDP_AT (ETHERNET_BYTES + sizeof(struct iphdr))
#define HEADERS_BYTES (UDP_AT + sizeof(struct udphdr))

/* What differs between two frames, as it stands in them. */
struct frame_slot {
	uint32_t source_ip;
	uint16_t ip_check;
	uint16_t destination_port;
};

/* Memory that the XDP program and this process share. */
struct frame_table {
	_Atomic uint64_t sent;
	uint64_t next_ns;
	uint64_t interval_ns; /* 0: no pace */
	uint32_t run;
	uint32_t flow_count;
	struct frame_slot slots[INJECT_FLOWS_MAX];
};

struct inject {
	struct inject_plan plan;
	struct inject_flow *flows;
	pthread_t thread;
	atomic_bool stop;
	_Atomic uint64_t sent; /* INJECT_SOCKET */
	int map_fd;
	int program_fd;
	struct frame_table *table;
	uint8_t payload[INJECT_PAYLOAD_MAX];
	uint8_t frame[HEADERS_BYTES + INJECT_PAYLOAD_MAX];
};

/* --- frames -------------------------------------------------------------- */

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

static uint16_t ip_checksum(const struct iphdr *ip)
{
	uint16_t words[sizeof(*ip) / 2];
	uint32_t sum = 0;
	size_t i;

	memcpy(words, ip, sizeof(words));
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* The IP header of a datagram of this flow, with its checksum. */
static struct iphdr ip_header(const struct inject *in,
			      const struct inject_flow *flow)
{
	size_t bytes = HEADERS_BYTES - ETHERNET_BYTES + in->plan.payload_bytes;
	struct iphdr ip = { .version = 4,
			    .ihl = 5,
			    .tot_len = htons((uint16_t)bytes),
			    .ttl = 64,
			    .protocol = IPPROTO_UDP,
			    .saddr = flow->from.sin_addr.s_addr,
			    .daddr = flow->to.sin_addr.s_addr };

	ip.check = ip_checksum(&ip);
	return ip;
}

/* The frame that all are copies of: the first flow's. No UDP checksum. */
static void prepare_frame(struct inject *in)
{
	const struct inject_flow *flow = &in->flows[0];
	struct iphdr ip = ip_header(in, flow);
	struct udphdr udp = {
		.source = flow->from.sin_port,
		.dest = flow->to.sin_port,
		.len = htons((uint16_t)(sizeof(udp) + in->plan.payload_bytes)),
	};
	uint8_t *at = in->frame + ETHERNET_BYTES;

	in->frame[12] = 0x08; /* an Ethernet frame that carries IPv4 */
	memcpy(at, &ip, sizeof(ip));
	memcpy(at + sizeof(ip), &udp, sizeof(udp));
	memcpy(at + sizeof(ip) + sizeof(udp), in->payload,
	       in->plan.payload_bytes);
}

static void prepare_table(struct inject *in)
{
	struct frame_table *table = in->table;
	struct iphdr ip;
	uint32_t i;

	table->run = in->plan.run;
	table->flow_count = in->plan.flow_count;
	table->interval_ns = in->plan.rate ? NS_PER_S / in->plan.rate : 0;
	for (i = 0; i < in->plan.flow_count; i++) {
		ip = ip_header(in, &in->flows[i]);
		table->slots[i] = (struct frame_slot){
			.source_ip = ip.saddr,
			.ip_check = ip.check,
			.destination_port = in->flows[i].to.sin_port,
		};
	}
}

#define INSN(c, d, s, o, i)                 \
	((struct bpf_insn){ .code = (c),    \
			    .dst_reg = (d), \
			    .src_reg = (s), \
			    .off = (o),     \
			    .imm = (i) })
#define LOAD(size, d, s, o) INSN(BPF_LDX | BPF_MEM | (size), d, s, o, 0)
#define STORE(size, d, o, s) INSN(BPF_STX | BPF_MEM | (size), d, s, o, 0)
#define MOVE(d, s) INSN(BPF_ALU64 | BPF_MOV | BPF_X, d, s, 0, 0)
#define SET(d, i) INSN(BPF_ALU64 | BPF_MOV | BPF_K, d, 0, 0, i)
#define OP(op, d, s) INSN(BPF_ALU64 | (op) | BPF_X, d, s, 0, 0)
#define OP_IMM(op, d, i) INSN(BPF_ALU64 | (op) | BPF_K, d, 0, 0, i)
#define JUMP(op, d, s, o) INSN(BPF_JMP | (op) | BPF_X, d, s, o, 0)
#define JUMP_IMM(op, d, i, o) INSN(BPF_JMP | (op) | BPF_K, d, 0, o, i)
#define IN_IP(name) ((int16_t)(ETHERNET_BYTES + offsetof(struct iphdr, name)))
#define IN_UDP(name) ((int16_t)(UDP_AT + offsetof(struct udphdr, name)))
#define FIELD(name) ((int16_t)offsetof(struct frame_table, name))

/*
 * if (table->interval_ns) {
 *	now = bpf_ktime_get_ns();
 *	if (now < table->next_ns)
 *		return XDP_DROP;
 *	if (now - table->next_ns > LAG_MAX_NS)
 *		table->next_ns = now;
 *	table->next_ns += table->interval_ns;
 * }
 * slot = &table->slots[table->sent++ / table->run % table->flow_count];
 * ...slot into the frame...
 * return XDP_PASS;
 */
static int load_program(struct inject *in)
{
	enum { R0, R1, R2, R3, R4, R5, R6, CONTEXT = R6, TABLE };
	/* clang-format off */
	const struct bpf_insn code[] = {
		MOVE(CONTEXT, R1),
		INSN(BPF_LD | BPF_DW | BPF_IMM, TABLE, BPF_PSEUDO_MAP_VALUE, 0,
		     in->map_fd),
		INSN(0, 0, 0, 0, 0),
		LOAD(BPF_DW, R5, TABLE, FIELD(interval_ns)),
		JUMP_IMM(BPF_JEQ, R5, 0, 10),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_ktime_get_ns),
		LOAD(BPF_DW, R1, TABLE, FIELD(next_ns)),
		JUMP(BPF_JLT, R0, R1, 31),
		MOVE(R2, R0),
		OP(BPF_SUB, R2, R1),
		JUMP_IMM(BPF_JLE, R2, LAG_MAX_NS, 1),
		MOVE(R1, R0),
		LOAD(BPF_DW, R5, TABLE, FIELD(interval_ns)),
		OP(BPF_ADD, R1, R5),
		STORE(BPF_DW, TABLE, FIELD(next_ns), R1),

		LOAD(BPF_W, R2, CONTEXT, offsetof(struct xdp_md, data)),
		LOAD(BPF_W, R3, CONTEXT, offsetof(struct xdp_md, data_end)),
		MOVE(R4, R2),
		OP_IMM(BPF_ADD, R4, (int)HEADERS_BYTES),
		JUMP(BPF_JGT, R4, R3, 19),

		LOAD(BPF_DW, R1, TABLE, FIELD(sent)),
		MOVE(R4, R1),
		OP_IMM(BPF_ADD, R4, 1),
		STORE(BPF_DW, TABLE, FIELD(sent), R4),
		LOAD(BPF_W, R4, TABLE, FIELD(run)),
		OP(BPF_DIV, R1, R4),
		LOAD(BPF_W, R4, TABLE, FIELD(flow_count)),
		OP(BPF_MOD, R1, R4),
		OP_IMM(BPF_AND, R1, INJECT_FLOWS_MAX - 1),
		OP_IMM(BPF_LSH, R1, 3), /* sizeof(struct frame_slot) */
		OP(BPF_ADD, TABLE, R1),
		LOAD(BPF_W, R4, TABLE, FIELD(slots[0].source_ip)),
		STORE(BPF_W, R2, IN_IP(saddr), R4),
		LOAD(BPF_H, R4, TABLE, FIELD(slots[0].ip_check)),
		STORE(BPF_H, R2, IN_IP(check), R4),
		LOAD(BPF_H, R4, TABLE, FIELD(slots[0].destination_port)),
		STORE(BPF_H, R2, IN_UDP(dest), R4),
		SET(R0, XDP_PASS),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),

		SET(R0, XDP_DROP),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	/* clang-format on */
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_XDP;
	attr.insns = (uintptr_t)code;
	attr.insn_cnt = sizeof(code) / sizeof(code[0]);
	attr.license = (uintptr_t) "BSD";
	return bpf(BPF_PROG_LOAD, &attr);
}

_Static_assert(sizeof(struct frame_slot) == 8, "the program shifts by 3");

static int make_map(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = BPF_MAP_TYPE_ARRAY;
	attr.key_size = sizeof(uint32_t);
	attr.value_size = sizeof(struct frame_table);
	attr.max_entries = 1;
	attr.map_flags = BPF_F_MMAPABLE;
	return bpf(BPF_MAP_CREATE, &attr);
}

/* False, with errno set, if the kernel does not let us. */
static bool frames_open(struct inject *in)
{
	in->map_fd = make_map();
	if (in->map_fd < 0)
		return false;
	in->table = mmap(NULL, sizeof(*in->table), PROT_READ | PROT_WRITE,
			 MAP_SHARED, in->map_fd, 0);
	if (in->table == MAP_FAILED) {
		in->table = NULL;
		return false;
	}
	prepare_table(in);
	prepare_frame(in);
	in->program_fd = load_program(in);
	return in->program_fd >= 0;
}

static void frames_close(struct inject *in)
{
	if (in->table)
		munmap(in->table, sizeof(*in->table));
	if (in->program_fd >= 0)
		close(in->program_fd);
	if (in->map_fd >= 0)
		close(in->map_fd);
}

/* One call runs until a signal ends it. */
static void frames_run(struct inject *in)
{
	union bpf_attr attr;

	while (!atomic_load(&in->stop)) {
		memset(&attr, 0, sizeof(attr));
		attr.test.prog_fd = (uint32_t)in->program_fd;
		attr.test.data_in = (uintptr_t)in->frame;
		attr.test.data_size_in =
			(uint32_t)(HEADERS_BYTES + in->plan.payload_bytes);
		attr.test.repeat = UINT32_MAX;
		attr.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
		if (bpf(BPF_PROG_TEST_RUN, &attr) && errno != EINTR)
			return;
	}
}

/* --- sockets ------------------------------------------------------------- */

struct socket_batch {
	struct mmsghdr headers[SOCKET_BATCH];
	struct iovec vector; /* all carry the same */
	_Alignas(struct cmsghdr) uint8_t
		control[SOCKET_BATCH][CMSG_SPACE(sizeof(struct in_pktinfo))];
};

static void batch_init(struct socket_batch *batch, struct inject *in)
{
	struct cmsghdr *item;
	unsigned i;

	memset(batch, 0, sizeof(*batch));
	batch->vector = (struct iovec){ in->payload, in->plan.payload_bytes };
	for (i = 0; i < SOCKET_BATCH; i++) {
		batch->headers[i].msg_hdr = (struct msghdr){
			.msg_namelen = sizeof(struct sockaddr_in),
			.msg_iov = &batch->vector,
			.msg_iovlen = 1,
			.msg_control = batch->control[i],
			.msg_controllen = sizeof(batch->control[i]),
		};
		item = CMSG_FIRSTHDR(&batch->headers[i].msg_hdr);
		item->cmsg_level = IPPROTO_IP;
		item->cmsg_type = IP_PKTINFO;
		item->cmsg_len = CMSG_LEN(sizeof(struct in_pktinfo));
	}
}

/* Sends at most `count` of the flows' next datagrams; how many it sent. */
static unsigned batch_send(struct socket_batch *batch, struct inject *in,
			   uint64_t count)
{
	uint64_t sent = atomic_load_explicit(&in->sent, memory_order_relaxed);
	struct inject_flow *flow;
	struct in_pktinfo from;
	struct msghdr *header;
	unsigned i;
	int done;

	for (i = 0; i < SOCKET_BATCH && i < count; i++) {
		flow = &in->flows[(sent + i) / in->plan.run %
				  in->plan.flow_count];
		from = (struct in_pktinfo){ .ipi_spec_dst =
						    flow->from.sin_addr };
		header = &batch->headers[i].msg_hdr;
		header->msg_name = &flow->to;
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(header)), &from, sizeof(from));
	}
	done = sendmmsg(in->plan.fd, batch->headers, i, 0);
	if (done <= 0)
		return 0;
	atomic_store_explicit(&in->sent, sent + (unsigned)done,
			      memory_order_relaxed);
	return (unsigned)done;
}

static void socket_run(struct inject *in)
{
	uint64_t interval_ns = in->plan.rate ? NS_PER_S / in->plan.rate : 0;
	uint64_t next_ns = cpu_now_ns(), now_ns;
	struct socket_batch batch;

	batch_init(&batch, in);
	while (!atomic_load_explicit(&in->stop, memory_order_relaxed)) {
		if (!interval_ns) {
			batch_send(&batch, in, SOCKET_BATCH);
			continue;
		}
		now_ns = cpu_now_ns();
		if (now_ns < next_ns)
			continue;
		if (now_ns - next_ns > LAG_MAX_NS)
			next_ns = now_ns;
		next_ns += interval_ns *
			   batch_send(&batch, in,
				      (now_ns - next_ns) / interval_ns + 1);
	}
}

/* --- both ---------------------------------------------------------------- */

static void interrupt(int signal)
{
	(void)signal;
}

static void *thread_run(void *self)
{
	struct inject *in = self;

	cpu_pin(in->plan.core);
	if (in->plan.way == INJECT_FRAMES)
		frames_run(in);
	else
		socket_run(in);
	return NULL;
}

static void inject_free(struct inject *in)
{
	int error = errno;

	frames_close(in);
	free(in->flows);
	free(in);
	errno = error;
}

struct inject *inject_start(const struct inject_plan *plan)
{
	struct sigaction action = { .sa_handler = interrupt };
	size_t flows_bytes = plan->flow_count * sizeof(*plan->flows);
	struct inject *in = calloc(1, sizeof(*in));

	assert(plan->flow_count && plan->flow_count <= INJECT_FLOWS_MAX);
	assert(plan->run && plan->payload_bytes &&
	       plan->payload_bytes <= INJECT_PAYLOAD_MAX);
	if (!in)
		return NULL;
	in->plan = *plan;
	in->map_fd = in->program_fd = -1;
	memcpy(in->payload, plan->payload, plan->payload_bytes);
	in->flows = malloc(flows_bytes);
	if (!in->flows)
		goto fail;
	memcpy(in->flows, plan->flows, flows_bytes);
	if (plan->way == INJECT_FRAMES && !frames_open(in))
		goto fail;
	sigaction(SIGUSR1, &action, NULL);
	errno = pthread_create(&in->thread, NULL, thread_run, in);
	if (errno)
		goto fail;
	return in;
fail:
	inject_free(in);
	return NULL;
}

uint64_t inject_sent(const struct inject *in)
{
	return atomic_load_explicit(in->table ? &in->table->sent : &in->sent,
				    memory_order_relaxed);
}

void inject_stop(struct inject *in)
{
	struct timespec until;

	atomic_store(&in->stop, true);
	/* A signal that comes just before the call is lost: send another. */
	do {
		pthread_kill(in->thread, SIGUSR1);
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 2000000;
		if (until.tv_nsec >= (long)NS_PER_S) {
			until.tv_nsec -= (long)NS_PER_S;
			until.tv_sec++;
		}
	} while (pthread_timedjoin_np(in->thread, NULL, &until));
	inject_free(in);
}
