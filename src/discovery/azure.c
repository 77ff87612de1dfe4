#include "discovery/azure.h"

#include <jansson.h>

#include "discovery/advertised.h"

/* What has been gathered from an answer. */
struct search {
	const struct addr *ours;
	struct addr found;
	bool is_listed; /* our private address is there */
	bool is_garbage;
	bool has_several;
	bool has_special;
};

const char *azure_explain(enum azure_result result)
{
	switch (result) {
	case AZURE_FOUND:
		return "found";
	case AZURE_GARBAGE:
		return "an answer that is not as documented";
	case AZURE_NOT_OURS:
		return "does not know this machine's private address";
	case AZURE_EMPTY:
		return "no public address (none of the Standard kind is told "
		       "there)";
	case AZURE_AMBIGUOUS:
		return "several public addresses";
	case AZURE_NOT_PUBLIC:
		break;
	}
	return "an address that is not a public one";
}

/* An address, or none where the text is empty or there is no text. */
static bool address_of(const json_t *entry, const char *name, struct addr *out)
{
	const json_t *value = json_object_get(entry, name);

	*out = (struct addr){ .family = ADDR_NONE };
	if (!value || json_is_null(value))
		return true;
	if (!json_is_string(value))
		return false;
	return json_string_length(value) == 0 ||
	       addr_parse(json_string_value(value), out);
}

/* One pair of addresses. */
static void look(struct search *s, const json_t *entry, const char *public_name)
{
	struct addr private, public;

	if (!json_is_object(entry) ||
	    !address_of(entry, "privateIpAddress", &private) ||
	    !address_of(entry, public_name, &public)) {
		s->is_garbage = true;
		return;
	}
	if (!addr_same_ip(&private, s->ours))
		return;
	s->is_listed = true;
	if (public.family == ADDR_NONE)
		return;
	if (!advertised_is_fit(&public))
		s->has_special = true;
	else if (s->found.family == ADDR_NONE)
		s->found = public;
	else if (!addr_same_ip(&s->found, &public))
		s->has_several = true;
}

static void look_at_all(struct search *s, const json_t *list,
			const char *public_name)
{
	if (!json_is_array(list))
		s->is_garbage = true;
	/* 0 for what is no array. */
	for (size_t i = 0; i < json_array_size(list); i++)
		look(s, json_array_get(list, i), public_name);
}

/* Garbage in one entry does not spoil what another one says plainly. */
static enum azure_result judge(const struct search *s, struct addr *out)
{
	if (s->has_several)
		return AZURE_AMBIGUOUS;
	if (s->found.family != ADDR_NONE) {
		*out = s->found;
		return AZURE_FOUND;
	}
	if (s->has_special)
		return AZURE_NOT_PUBLIC;
	if (s->is_listed)
		return AZURE_EMPTY;
	return s->is_garbage ? AZURE_GARBAGE : AZURE_NOT_OURS;
}

static json_t *parse(struct bytes answer)
{
	return json_loadb((const char *)answer.data, answer.len,
			  JSON_REJECT_DUPLICATES, NULL);
}

/* json_object_get() answers NULL for what is no object; nothing is owned. */
static const json_t *member(const json_t *of, const char *one,
			    const char *other)
{
	return json_object_get(json_object_get(of, one), other);
}

enum azure_result azure_parse_interfaces(struct bytes answer,
					 const struct addr *ours,
					 struct addr *out)
{
	struct search s = { .ours = ours };
	json_t *root = parse(answer);

	if (!json_is_array(root))
		s.is_garbage = true;
	for (size_t i = 0; i < json_array_size(root); i++)
		look_at_all(
			&s,
			member(json_array_get(root, i), "ipv4", "ipAddress"),
			"publicIpAddress");
	json_decref(root);
	return judge(&s, out);
}

enum azure_result azure_parse_load_balancer(struct bytes answer,
					    const struct addr *ours,
					    struct addr *out)
{
	struct search s = { .ours = ours };
	json_t *root = parse(answer);

	look_at_all(&s, member(root, "loadbalancer", "publicIpAddresses"),
		    "frontendIpAddress");
	json_decref(root);
	return judge(&s, out);
}
