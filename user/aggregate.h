// SPDX-License-Identifier: Apache-2.0
// The numbers behind the request families, per service: what user/families.c writes. Exchanges come from
// services.
#ifndef RINGSIDE_AGGREGATE_H
#define RINGSIDE_AGGREGATE_H

#include "exchange.h"
#include "routes.h"
#include "sketch.h"

struct service;

/// Upper bounds in seconds, as the contract has them.
#define DURATION_BOUNDS {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}
#define DURATION_BOUNDS_LEN 14

struct histogram {
	uint64_t counts[DURATION_BOUNDS_LEN + 1];
	uint64_t sum_ns;
};

struct status_count {
	uint64_t count;
	uint16_t status; ///< or enum exchange_outcome
};

/// One method on one route.
struct route_method {
	struct histogram duration;
	struct status_count *statuses;
	const char *method; ///< a registered name, static
	uint16_t route;
	uint16_t statuses_len;
	bool used;
};

/// One method of gRPC.
struct grpc_method {
	struct histogram duration;
	uint64_t counts[GRPC_MAX + 1]; ///< by status
};

struct second {
	uint32_t requests;
	uint32_t failures; ///< 5xx, aborted, none
};

#define SECONDS_KEPT 64

struct service_stats {
	struct routes *routes;
	struct route_method *table; ///< open addressing by route and method; a power of two
	uint32_t table_capacity;
	uint32_t table_len;
	uint64_t (*phases)[PHASE_COUNT]; ///< by route
	unsigned phases_len;
	struct grpc_method **grpc; ///< by route; NULL for those that are none
	unsigned grpc_len;
	struct histogram first_byte;
	struct sketch sketch;
	uint64_t requests;
	uint64_t duration_ns;
	uint64_t request_bytes;
	uint64_t response_bytes;
	uint64_t series;                     ///< its part of the aggregate's
	uint64_t overflow;                   ///< exchanges that found no series of their own
	struct second seconds[SECONDS_KEPT]; ///< by second of the monotonic clock
	uint64_t last_second;
};

struct aggregate {
	uint64_t series; ///< sample lines that the request families have now
	unsigned series_limit;
	unsigned routes_per_service;
	uint64_t now_s; ///< monotonic; advanced by pipeline.c
};

/// Count the exchange. `context` is the struct aggregate.
void aggregate_on_exchange(void *context, struct service *service, const struct exchange *exchange);
/// The service is over: its sums are dropped, and make room for those of others. `context` as above.
void aggregate_on_over(void *context, struct service *service);
void service_stats_free(struct service_stats *stats);
/// Requests and failures of the last `seconds` whole seconds (at most SECONDS_KEPT - 2).
struct second service_stats_recent(const struct service_stats *stats, uint64_t now_s, unsigned seconds);
/// Whether a status counts in http_errors_total (4xx, 5xx, aborted, none), or in error_rate (5xx, aborted,
/// none).
bool status_is_error(uint16_t status);
bool status_is_failure(uint16_t status);

#endif
