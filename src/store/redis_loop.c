#include "store/redis_loop.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

static const char resolv_conf[] = "/etc/resolv.conf";

int redis_loop_init(struct redis_loop *l)
{
	l->base = event_base_new();
	if (!l->base)
		return -ENOMEM;
	l->dns = evdns_base_new(l->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (!l->dns)
		return -ENOMEM;
	/* Without the file there are still addresses and /etc/hosts. */
	evdns_base_resolv_conf_parse(l->dns, DNS_OPTIONS_ALL, resolv_conf);
	return 0;
}

void redis_loop_fini(struct redis_loop *l)
{
	if (l->dns)
		evdns_base_free(l->dns, 0);
	if (l->base)
		event_base_free(l->base);
	l->dns = NULL;
	l->base = NULL;
}

void redis_loop_read_resolv_conf(struct redis_loop *l)
{
	evdns_base_clear_nameservers_and_suspend(l->dns);
	evdns_base_resolv_conf_parse(l->dns, DNS_OPTIONS_ALL, resolv_conf);
	evdns_base_resume(l->dns);
}

uint64_t redis_loop_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void redis_loop_begin(struct log_record *r, enum log_level level,
		      const char *message)
{
	log_begin(r, level, message, (int64_t)time(NULL));
}

void redis_loop_log(const struct redis_loop *l, const struct log_record *r)
{
	l->hooks->log(l->hooks->arg, r);
}

bool redis_gate_pass(struct redis_gate *g, uint64_t now_ms, uint64_t *held)
{
	if (now_ms < g->open_ms) {
		g->held++;
		return false;
	}
	*held = g->held;
	g->held = 0;
	g->open_ms = now_ms + REDIS_GATE_MS;
	return true;
}

void redis_endpoint_format(const struct redis_endpoint *e, char *out,
			   size_t size)
{
	if (e->path[0] != '\0')
		snprintf(out, size, "%s", e->path);
	else
		snprintf(out, size, strchr(e->host, ':') ? "[%s]:%u" : "%s:%u",
			 e->host, e->port);
}
