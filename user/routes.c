// SPDX-License-Identifier: Apache-2.0
// Keeps the routes of one service: a table from templates to numbers, and before it a cache of raw targets,
// since most requests repeat one. The aggregate counts under the number, the exposition asks for the name.
#include "routes.h"
#include "pattern.h"
#include "segments.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <xxhash.h>

enum {
	FIXED_ROUTES = 2,    ///< ROUTE_UNMATCHED and ROUTE_OTHER
	LIMIT_MAX = 1 << 20, ///< keeps the table's size far from overflow
	LABEL_MAX = 256,
	CACHE_LEN = 1024, ///< a power of two; 16 KiB per service
};

/// What is known of a raw target. Its hash stands for it: should two share one, a request counts under the
/// wrong route, no worse; and without the seed nobody can make them.
struct cached {
	uint64_t hash;
	unsigned route;      ///< ROUTE_UNMATCHED if its template was not known ...
	unsigned routes_len; ///< ... when there were so many routes
};

struct slot {
	uint32_t hash;
	uint32_t route; ///< 0, which no template has, marks a free slot
};

struct configured {
	struct pattern pattern; ///< borrows from the route's name
	unsigned route;
};

struct routes {
	uint64_t seed;
	uint64_t overflow;
	char **names; ///< by route
	unsigned len;
	unsigned max;
	uint32_t slots_mask;
	struct slot *slots; ///< open addressing, at most half full
	struct configured *configured;
	size_t configured_len;
	struct cached cache[CACHE_LEN];
};

struct label {
	size_t len;
	char text[LABEL_MAX];
};

/// The caller has seen to it that there is room.
static void label_add(struct label *label, struct slice text)
{
	memcpy(label->text + label->len, text.data, text.len);
	label->len += text.len;
}

/// "/*" stands for what is deeper than a path or longer than a label: two bytes are kept free for it.
static void label_make(const struct path *path, struct label *ret_label)
{
	bool cut = path->cut;

	ret_label->len = 0;
	for (unsigned i = 0; i < path->len; i++) {
		struct slice segment = segment_class(path->segments[i]);
		if (ret_label->len + 1 + segment.len > LABEL_MAX - 2) {
			cut = true;
			break;
		}
		label_add(ret_label, (struct slice){"/", 1});
		label_add(ret_label, segment);
	}
	if (cut)
		label_add(ret_label, (struct slice){"/*", 2});
	else if (ret_label->len == 0)
		label_add(ret_label, (struct slice){"/", 1});
}

static uint32_t template_hash(const struct routes *routes, struct slice template)
{
	return (uint32_t)XXH3_64bits_withSeed(template.data, template.len, routes->seed);
}

/// The slot of a template: its own, or the free one where it would go.
static struct slot *slot_find(const struct routes *routes, struct slice template, uint32_t hash)
{
	for (uint32_t i = hash;; i++) {
		struct slot *slot = &routes->slots[i & routes->slots_mask];
		if (slot->route == 0)
			return slot;
		const char *name = routes->names[slot->route];
		if (slot->hash == hash && strncmp(name, template.data, template.len) == 0 &&
		    !name[template.len])
			return slot;
	}
}

/// The route of a template, added if it is new; ROUTE_OTHER if there is no room for it.
static unsigned route_add(struct routes *routes, struct slice template)
{
	uint32_t hash = template_hash(routes, template);
	struct slot *slot = slot_find(routes, template, hash);

	if (slot->route != 0)
		return slot->route;
	char *name = routes->len < routes->max ? strndup(template.data, template.len) : NULL;
	if (!name)
		return ROUTE_OTHER;
	routes->names[routes->len] = name;
	*slot = (struct slot){hash, routes->len};
	return routes->len++;
}

/// The configured or known route of a raw target, or ROUTE_UNMATCHED; with `add`, it becomes known.
static unsigned route_of(struct routes *routes, struct slice target, bool add)
{
	struct path path;
	struct label label;

	path_parse(target, &path);
	for (size_t i = 0; i < routes->configured_len; i++)
		if (pattern_matches(&routes->configured[i].pattern, &path))
			return routes->configured[i].route;
	struct slice text = {path.special, path.special ? strlen(path.special) : 0};
	if (!path.special) {
		label_make(&path, &label);
		text = (struct slice){label.text, label.len};
	}
	return add ? route_add(routes, text) : slot_find(routes, text, template_hash(routes, text))->route;
}

/// What is known stays; that something is not known holds until the next route is added.
static struct cached *cache_find(struct routes *routes, struct slice target)
{
	uint64_t hash = XXH3_64bits_withSeed(target.data, target.len, routes->seed);
	struct cached *cached = &routes->cache[hash % CACHE_LEN];

	if (cached->hash != hash || (cached->route == ROUTE_UNMATCHED && cached->routes_len != routes->len))
		*cached = (struct cached){hash, route_of(routes, target, false), routes->len};
	return cached;
}

unsigned routes_find(struct routes *routes, struct slice target, uint16_t status)
{
	struct cached *cached = cache_find(routes, target);
	bool not_found = status == 404 || status == 405;

	if (cached->route != ROUTE_UNMATCHED || not_found)
		return cached->route;
	unsigned route = routes->len < routes->max ? route_of(routes, target, true) : ROUTE_OTHER;
	if (route == ROUTE_OTHER)
		routes->overflow++;
	else
		cached->route = route;
	return route;
}

/// Names as protobuf has them: two segments of letters, digits, '_' and '.'.
static bool is_grpc_method(struct slice target)
{
	unsigned slashes = 0;

	for (size_t i = 0; i < target.len; i++) {
		char c = target.data[i];

		if (c == '/')
			slashes++;
		else if (!((c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_' ||
			   c == '.'))
			return false;
		if (c == '/' && i > 0 && target.data[i - 1] == '/')
			return false;
	}
	return slashes == 2 && target.len <= LABEL_MAX && target.data[0] == '/' &&
	       target.data[target.len - 1] != '/';
}

unsigned routes_find_grpc(struct routes *routes, struct slice target, bool unimplemented)
{
	unsigned route;

	if (!is_grpc_method(target))
		return routes_find(routes, target, unimplemented ? 404 : 200);
	if (unimplemented)
		return slot_find(routes, target, template_hash(routes, target))->route;
	route = route_add(routes, target);
	routes->overflow += route == ROUTE_OTHER;
	return route;
}

const char *routes_name(const struct routes *routes, unsigned route)
{
	return routes->names[route];
}

uint64_t routes_overflow(const struct routes *routes)
{
	return routes->overflow;
}

/// One that no path can match, or that has no room, is left out: the configuration is where to report that.
static int configured_add(struct routes *routes, const char *text)
{
	struct slice template = {text, strlen(text)};
	struct pattern pattern;

	if (template.len > LABEL_MAX || !pattern_parse(text, &pattern) || routes->len == routes->max)
		return 0;
	unsigned route = route_add(routes, template);
	if (route == ROUTE_OTHER)
		return -ENOMEM;
	pattern_parse(routes->names[route], &pattern);
	routes->configured[routes->configured_len++] = (struct configured){pattern, route};
	return 0;
}

static int tables_allocate(struct routes *routes, size_t configured_max)
{
	uint32_t slots_len = 4;

	while (slots_len < 2 * routes->max)
		slots_len *= 2;
	routes->slots_mask = slots_len - 1;
	routes->slots = calloc(slots_len, sizeof(*routes->slots));
	routes->names = calloc(routes->max, sizeof(*routes->names));
	routes->configured = calloc(configured_max + 1, sizeof(*routes->configured));
	return routes->slots && routes->names && routes->configured ? 0 : -ENOMEM;
}

static int routes_init(struct routes *routes, const char *const *templates, size_t templates_len,
		       unsigned limit)
{
	static const char *const fixed[FIXED_ROUTES] = {"(unmatched)", "(other)"};
	int err;

	routes->max = FIXED_ROUTES + (limit < LIMIT_MAX ? limit : LIMIT_MAX);
	err = tables_allocate(routes, templates_len);
	if (err)
		return err;
	if (getrandom(&routes->seed, sizeof(routes->seed), 0) != sizeof(routes->seed))
		return -errno;
	for (; routes->len < FIXED_ROUTES; routes->len++) {
		routes->names[routes->len] = strdup(fixed[routes->len]);
		if (!routes->names[routes->len])
			return -ENOMEM;
	}
	for (size_t i = 0; i < templates_len && !err; i++)
		err = configured_add(routes, templates[i]);
	return err;
}

struct routes *routes_new(const char *const *templates, size_t templates_len, unsigned limit)
{
	struct routes *routes = calloc(1, sizeof(*routes));

	if (routes && routes_init(routes, templates, templates_len, limit) == 0)
		return routes;
	routes_free(routes);
	return NULL;
}

void routes_free(struct routes *routes)
{
	if (!routes)
		return;
	for (unsigned i = 0; i < routes->len; i++)
		free(routes->names[i]);
	free(routes->names);
	free(routes->slots);
	free(routes->configured);
	free(routes);
}
