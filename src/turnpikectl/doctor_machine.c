#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>

#include "turnpikectl/doctor.h"
#include "turnpikectl/member.h"

/* Beside a socket for each allocation; see worker/startup.c. */
#define DESCRIPTORS_BESIDE 256
/* From here on new flows are about to be refused. */
#define CONNTRACK_FULL_PERCENT 60

/* A number in a file of /proc; false if it cannot be read. */
static bool read_number(const char *path, uint64_t *out)
{
	FILE *f = fopen(path, "re");
	bool ok = f && fscanf(f, "%" SCNu64, out) == 1;

	if (f)
		fclose(f);
	return ok;
}

void doctor_clock(struct doctor *d)
{
	struct timex t = { .modes = 0 };

	if (adjtimex(&t) < 0)
		return;
	if (t.status & STA_UNSYNC)
		doctor_find(d, FINDING_WARNING, "clock",
			    "time-limited credentials begin and end by it, and "
			    "nonces of a fleet",
			    "timedatectl set-ntp true",
			    "the clock is not synchronized");
	else
		doctor_find(d, FINDING_OK, "clock", NULL, NULL,
			    "the clock is synchronized");
}

static bool examine_buffer(struct doctor *d, const char *name,
			   uint64_t wanted_bytes)
{
	char path[64], remedy[128];
	uint64_t max;

	snprintf(path, sizeof(path), "/proc/sys/net/core/%s", name);
	if (!read_number(path, &max) || max >= wanted_bytes)
		return true;
	snprintf(remedy, sizeof(remedy), "sysctl -w net.core.%s=%" PRIu64, name,
		 wanted_bytes);
	doctor_find(d, FINDING_WARNING, "buffers",
		    "bursts that find no room are lost, and nobody sees why",
		    remedy,
		    "net.core.%s is %" PRIu64 ", and %" PRIu64 " is configured",
		    name, max, wanted_bytes);
	return false;
}

void doctor_buffers(struct doctor *d)
{
	uint64_t wanted;
	bool in, out;

	if (!d->conf)
		return;
	wanted = (uint64_t)d->conf->listener_buffer_bytes;
	if (wanted < (uint64_t)d->conf->relay_buffer_bytes)
		wanted = (uint64_t)d->conf->relay_buffer_bytes;
	in = examine_buffer(d, "rmem_max", wanted);
	out = examine_buffer(d, "wmem_max", wanted);
	if (in && out)
		doctor_find(d, FINDING_OK, "buffers", NULL, NULL,
			    "the kernel grants socket buffers as configured");
}

/* The soft limit of "Max open files" of a process. */
static bool read_limit(uint64_t pid, uint64_t *out)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%" PRIu64 "/limits", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "Max open files %" SCNu64, out) == 1;
	if (f)
		fclose(f);
	return found;
}

void doctor_descriptors(struct doctor *d)
{
	uint64_t allocations = member_number(d->server, "allocations.max");
	uint64_t limit;

	if (!d->server || !read_limit(member_number(d->server, "pid"), &limit))
		return;
	if (limit < allocations + DESCRIPTORS_BESIDE)
		doctor_find(d, FINDING_WARNING, "descriptors",
			    "the last of them are refused with 508",
			    "systemctl edit turnpiked: LimitNOFILE=, or lower "
			    "limits.allocations",
			    "%" PRIu64 " file descriptors are too few for "
			    "%" PRIu64 " allocations",
			    limit, allocations);
	else
		doctor_find(d, FINDING_OK, "descriptors", NULL, NULL,
			    "%" PRIu64 " file descriptors suffice for %" PRIu64
			    " allocations",
			    limit, allocations);
}

void doctor_conntrack(struct doctor *d)
{
	uint64_t count, max;

	if (!read_number("/proc/sys/net/netfilter/nf_conntrack_count",
			 &count) ||
	    !read_number("/proc/sys/net/netfilter/nf_conntrack_max", &max) ||
	    max == 0)
		return;
	if (count * 100 >= max * CONNTRACK_FULL_PERCENT)
		doctor_find(d, FINDING_FAILED, "conntrack",
			    "when it is full, packets of new calls are dropped "
			    "without a trace here",
			    "sysctl -w net.netfilter.nf_conntrack_max=..., or "
			    "let nftables not track UDP of the relay (notrack)",
			    "connection tracking holds %" PRIu64 " of %" PRIu64
			    " flows",
			    count, max);
	else if (max < 2 * (uint64_t)(d->last_port - d->first_port + 1))
		doctor_find(d, FINDING_WARNING, "conntrack",
			    "each allocation takes an entry for its client and "
			    "one for each peer",
			    "sysctl -w net.netfilter.nf_conntrack_max=..., or "
			    "let nftables not track UDP of the relay (notrack)",
			    "connection tracking has room for %" PRIu64
			    " flows only",
			    max);
	else
		doctor_find(d, FINDING_OK, "conntrack", NULL, NULL,
			    "connection tracking has room: %" PRIu64
			    " of %" PRIu64 " flows",
			    count, max);
}

/* Azure marks its machines so; see its documentation on detecting them. */
static bool is_azure(void)
{
	static const char tag[] = "7783-7084-3265-9085-8269-3286-77";
	FILE *f = fopen("/sys/class/dmi/id/chassis_asset_tag", "re");
	char line[64] = "";
	bool yes = f && fgets(line, sizeof(line), f) &&
		   !strncmp(line, tag, sizeof(tag) - 1);

	if (f)
		fclose(f);
	return yes;
}

void doctor_cloud(struct doctor *d)
{
	char remedy[160];

	if (!is_azure())
		return;
	snprintf(remedy, sizeof(remedy),
		 "az network nsg rule create ... --protocol Udp --direction "
		 "Inbound --destination-port-ranges 3478 %u-%u",
		 d->first_port, d->last_port);
	doctor_find(d, FINDING_OK, "cloud",
		    "its network security group is not seen from here: it has "
		    "to let in UDP to the listeners and to the relay ports",
		    remedy, "this machine is one of Azure's");
}
