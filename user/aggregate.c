// SPDX-License-Identifier: Apache-2.0
// Adds each exchange to the sums of its service. Hot: runs once for every request, allocates only for what is
// new.
#include "aggregate.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/http1.h"
#include "service.h"

/* Sample lines that a new row brings along: a histogram with its sum and count, then one or two a status. */
#define HISTOGRAM_LINES (DURATION_BOUNDS_LEN + 3)
/* Per service: first byte, summary, gauges, sizes. */
#define SERVICE_LINES (HISTOGRAM_LINES + 5 + 6)
/* A server that makes up more statuses than there are has its later ones counted as overflow. */
#define STATUSES_MAX 80

bool status_is_failure(uint16_t status)
{
	return status >= 500 || status == EXCHANGE_ABORTED || status == EXCHANGE_NONE;
}

bool status_is_error(uint16_t status)
{
	return status >= 400 || status_is_failure(status);
}

static unsigned bucket_of(uint64_t duration_ns)
{
	static const double bounds[] = DURATION_BOUNDS;
	unsigned i = 0;

	while (i < DURATION_BOUNDS_LEN && (double)duration_ns > bounds[i] * 1e9)
		i++;
	return i;
}

static void histogram_add(struct histogram *histogram, uint64_t duration_ns)
{
	histogram->counts[bucket_of(duration_ns)]++;
	histogram->sum_ns += duration_ns;
}

static struct service_stats *stats_new(struct aggregate *aggregate, const struct service *service)
{
	struct service_stats *stats = calloc(1, sizeof(*stats));

	if (!stats)
		return NULL;
	stats->routes = routes_new((const char *const *)service->routes, service->routes_len,
				   aggregate->routes_per_service);
	stats->table_capacity = 16;
	stats->table = calloc(stats->table_capacity, sizeof(*stats->table));
	if (!stats->routes || !stats->table) {
		service_stats_free(stats);
		return NULL;
	}
	aggregate->series += SERVICE_LINES;
	return stats;
}

void service_stats_free(struct service_stats *stats)
{
	if (!stats)
		return;
	for (uint32_t i = 0; stats->table && i < stats->table_capacity; i++)
		free(stats->table[i].statuses);
	routes_free(stats->routes);
	free(stats->table);
	free(stats->phases);
	for (unsigned i = 0; i < stats->grpc_len; i++)
		free(stats->grpc[i]);
	free(stats->grpc);
	free(stats);
}

/* Methods are static strings, so that their address tells them apart. */
static uint32_t slot_of(const struct route_method *table, uint32_t capacity, uint16_t route,
			const char *method)
{
	uint32_t slot = ((uint32_t)(uintptr_t)method * 31 + route) * 2654435761u;

	for (slot >>= 8;; slot++) {
		const struct route_method *row = &table[slot & (capacity - 1)];

		if (!row->used || (row->route == route && row->method == method))
			return slot & (capacity - 1);
	}
}

static bool table_grow(struct service_stats *stats)
{
	uint32_t capacity = stats->table_capacity * 2;
	struct route_method *table = calloc(capacity, sizeof(*table));

	if (!table)
		return false;
	for (uint32_t i = 0; i < stats->table_capacity; i++)
		if (stats->table[i].used)
			table[slot_of(table, capacity, stats->table[i].route, stats->table[i].method)] =
				stats->table[i];
	free(stats->table);
	stats->table = table;
	stats->table_capacity = capacity;
	return true;
}

/* One service that makes up paths must not take the series from those that come after it: a fifth of the
 * limit is kept for the first rows of each, and for what must be counted somewhere. */
#define FIRST_ROWS 8

enum room { ROOM_USUAL, ROOM_RESERVED, ROOM_ALWAYS };

static bool has_room(const struct aggregate *aggregate, enum room room)
{
	uint64_t wanted = aggregate->series + HISTOGRAM_LINES + PHASE_COUNT + 2;

	return room == ROOM_ALWAYS ||
	       wanted <= (room == ROOM_USUAL ? aggregate->series_limit / 5 * 4 : aggregate->series_limit);
}

/* The row of a method on a route; NULL if it would be a new one and there is no room. */
static struct route_method *row_get(struct aggregate *aggregate, struct service_stats *stats, uint16_t route,
				    const char *method, enum room room)
{
	struct route_method *row = &stats->table[slot_of(stats->table, stats->table_capacity, route, method)];

	if (row->used)
		return row;
	if (!has_room(aggregate, room))
		return NULL;
	if (stats->table_len * 2 >= stats->table_capacity) {
		if (!table_grow(stats))
			return NULL;
		row = &stats->table[slot_of(stats->table, stats->table_capacity, route, method)];
	}
	*row = (struct route_method){.method = method, .route = route, .used = true};
	stats->table_len++;
	aggregate->series += HISTOGRAM_LINES;
	return row;
}

static bool status_add(struct aggregate *aggregate, struct route_method *row, uint16_t status)
{
	struct status_count *grown;

	for (uint16_t i = 0; i < row->statuses_len; i++)
		if (row->statuses[i].status == status) {
			row->statuses[i].count++;
			return true;
		}
	if (row->statuses_len >= STATUSES_MAX)
		return false;
	grown = realloc(row->statuses, (row->statuses_len + 1) * sizeof(*grown));
	if (!grown)
		return false;
	row->statuses = grown;
	row->statuses[row->statuses_len++] = (struct status_count){.count = 1, .status = status};
	aggregate->series += status_is_error(status) ? 2 : 1;
	return true;
}

static void phases_add(struct aggregate *aggregate, struct service_stats *stats, uint16_t route,
		       const struct exchange *exchange)
{
	if (route >= stats->phases_len) {
		unsigned len = route + 8;
		uint64_t(*grown)[PHASE_COUNT] = realloc(stats->phases, len * sizeof(*grown));

		if (!grown)
			return;
		memset(grown + stats->phases_len, 0, (len - stats->phases_len) * sizeof(*grown));
		stats->phases = grown;
		stats->phases_len = len;
	}
	for (unsigned phase = 0; phase < PHASE_COUNT; phase++) {
		if (!stats->phases[route][phase] && exchange->phase_ns[phase])
			aggregate->series++;
		stats->phases[route][phase] += exchange->phase_ns[phase];
	}
}

/* NULL without memory: then the call counts as a request only. */
static struct grpc_method *grpc_get(struct aggregate *aggregate, struct service_stats *stats, uint16_t route)
{
	if (route >= stats->grpc_len) {
		unsigned len = route + 8;
		struct grpc_method **grown = realloc(stats->grpc, len * sizeof(*grown));

		if (!grown)
			return NULL;
		memset(grown + stats->grpc_len, 0, (len - stats->grpc_len) * sizeof(*grown));
		stats->grpc = grown;
		stats->grpc_len = len;
	}
	if (!stats->grpc[route]) {
		stats->grpc[route] = calloc(1, sizeof(*stats->grpc[route]));
		aggregate->series += HISTOGRAM_LINES;
	}
	return stats->grpc[route];
}

static void grpc_add(struct aggregate *aggregate, struct service_stats *stats, uint16_t route,
		     const struct exchange *exchange)
{
	struct grpc_method *method = grpc_get(aggregate, stats, route);

	if (!method)
		return;
	aggregate->series += !method->counts[exchange->grpc_status];
	method->counts[exchange->grpc_status]++;
	histogram_add(&method->duration, exchange->duration_ns);
}

static void second_add(struct service_stats *stats, uint64_t now_s, bool failure)
{
	struct second *second;

	/* Seconds that passed without a request are empty. */
	if (now_s - stats->last_second >= SECONDS_KEPT)
		memset(stats->seconds, 0, sizeof(stats->seconds));
	else
		while (stats->last_second < now_s)
			stats->seconds[++stats->last_second % SECONDS_KEPT] = (struct second){0};
	stats->last_second = now_s;
	second = &stats->seconds[now_s % SECONDS_KEPT];
	second->requests++;
	second->failures += failure;
}

struct second service_stats_recent(const struct service_stats *stats, uint64_t now_s, unsigned seconds)
{
	struct second sum = {0};

	for (uint64_t each = now_s > seconds ? now_s - seconds : 0; each < now_s; each++) {
		if (each > stats->last_second || stats->last_second - each >= SECONDS_KEPT)
			continue;
		sum.requests += stats->seconds[each % SECONDS_KEPT].requests;
		sum.failures += stats->seconds[each % SECONDS_KEPT].failures;
	}
	return sum;
}

void aggregate_on_exchange(void *context, struct service *service, const struct exchange *exchange)
{
	struct aggregate *aggregate = context;
	uint64_t series_before = aggregate->series;
	const char *method = http1_method_name(exchange->method);
	struct service_stats *stats;
	struct route_method *row;
	uint16_t route;

	if (!service->stats)
		service->stats = stats_new(aggregate, service);
	stats = service->stats;
	if (!stats)
		return;
	route = exchange->grpc ? routes_find_grpc(stats->routes, exchange->target,
						  exchange->grpc_status == GRPC_UNIMPLEMENTED)
			       : routes_find(stats->routes, exchange->target, exchange->status);
	row = row_get(aggregate, stats, route, method,
		      stats->table_len < FIRST_ROWS ? ROOM_RESERVED : ROOM_USUAL);
	if (!row) {
		stats->overflow++;
		route = ROUTE_OTHER;
		row = row_get(aggregate, stats, route, method, ROOM_RESERVED);
	}
	if (!row)
		row = row_get(aggregate, stats, route, http1_method_name((struct slice){"", 0}), ROOM_ALWAYS);
	if (row) {
		histogram_add(&row->duration, exchange->duration_ns);
		if (!status_add(aggregate, row, exchange->status))
			stats->overflow++;
	}
	phases_add(aggregate, stats, route, exchange);
	if (exchange->grpc)
		grpc_add(aggregate, stats, route, exchange);
	if (exchange->first_byte_ns)
		histogram_add(&stats->first_byte, exchange->first_byte_ns);
	sketch_add(&stats->sketch, exchange->duration_ns, aggregate->now_s);
	second_add(stats, aggregate->now_s, status_is_failure(exchange->status));
	stats->series += aggregate->series - series_before;
	stats->requests++;
	stats->duration_ns += exchange->duration_ns;
	stats->request_bytes += exchange->request_bytes;
	stats->response_bytes += exchange->response_bytes;
}

void aggregate_on_over(void *context, struct service *service)
{
	struct aggregate *aggregate = context;

	if (!service->stats)
		return;
	aggregate->series -= service->stats->series;
	service_stats_free(service->stats);
	service->stats = NULL;
}
