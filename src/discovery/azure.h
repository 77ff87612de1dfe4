/*
 * What Azure's instance metadata service says of public addresses.
 *
 * A machine on Azure sees its private address only; which public one leads to
 * it is told by two answers of the service. The first one has no address
 * where the public address is of the Standard kind, which all are now; the
 * second one was made for load balancers, and has those, too. Both parsers
 * take any bytes, and look at the entry alone that is about our own private
 * address.
 */
#ifndef TURNPIKE_DISCOVERY_AZURE_H
#define TURNPIKE_DISCOVERY_AZURE_H

#include "base/addr.h"
#include "base/bytes.h"

/* Where the service is, and what is asked of it. */
#define AZURE_URL "http://169.254.169.254"
#define AZURE_INTERFACES \
	"/metadata/instance/network/interface?api-version=2021-02-01"
#define AZURE_LOAD_BALANCER "/metadata/loadbalancer?api-version=2020-10-01"

/* Longer answers are not read. */
#define AZURE_ANSWER_MAX_BYTES 65536

enum azure_result {
	AZURE_FOUND,
	AZURE_GARBAGE,    /* no JSON, or not of that form */
	AZURE_NOT_OURS,   /* our private address is not in it */
	AZURE_EMPTY,      /* it is, without a public one */
	AZURE_AMBIGUOUS,  /* with several */
	AZURE_NOT_PUBLIC, /* with one that cannot be public */
};

/* What that means, to follow the name of what was asked. */
const char *azure_explain(enum azure_result result);

/*
 * The public address that leads to our private one, by the answer to
 * AZURE_INTERFACES. `out` is untouched unless it is found.
 */
enum azure_result azure_parse_interfaces(struct bytes answer,
					 const struct addr *ours,
					 struct addr *out);

/* The same by the answer to AZURE_LOAD_BALANCER. */
enum azure_result azure_parse_load_balancer(struct bytes answer,
					    const struct addr *ours,
					    struct addr *out);

#endif
