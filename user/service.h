// SPDX-License-Identifier: Apache-2.0
// One service, as the labels name it, and the table of all of them.
#ifndef RINGSIDE_SERVICE_H
#define RINGSIDE_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>

#include "program.h"

struct config;
struct container;
struct identity;
struct service_figures;
struct service_stats;
struct websocket_stats;

#define SERVICE_LABEL_MAX 129

/// A stranger can fill the table through names: past so many, all are one more.
#define SERVICES_MAX 1000
#define SERVICE_PAST_LIMIT "(other)"

/// One value of the labels service and container; what the key is made of stays as long as the struct does.
struct service {
	char name[SERVICE_LABEL_MAX];
	char container[SERVICE_LABEL_MAX]; ///< empty outside containers
	char image[256];
	char compose_project[SERVICE_LABEL_MAX];
	char runtime_version[32];
	enum runtime runtime;
	unsigned listeners;     ///< listening sockets of its processes
	unsigned processes;     ///< that we have met and that live
	uint64_t idle_since_ns; ///< 0 while it has listeners, processes or requests
	uint64_t past_bytes;    ///< of places that are gone, as services_traffic counts them
	unsigned unfinished;    ///< answers in progress: filled and used by one scrape
	char **routes;          ///< templates from the configuration, borrowed; may be NULL
	unsigned routes_len;
	struct service_stats *stats; ///< the aggregate's; NULL before the first exchange
	struct service_figures
		*figures; ///< runtime_figures.c's; NULL before the first; freed with the service
	struct websocket_stats *websockets; ///< websockets.c's; NULL before the first; freed with the service
	bool hidden;                        ///< plumbing (docker-proxy) or ringside itself: nobody's traffic
	UT_hash_handle hh;
};

/// The service with these labels, made if need be; "(other)" when there are too many. NULL if there is no
/// memory.
struct service *service_get(struct service **table, const char *name, const char *container);
void service_remove(struct service **table, struct service *service);
/// What is known of it beside its labels. `container` may be NULL; routes are borrowed from the
/// configuration, which may be NULL.
void service_describe(struct service *service, const struct config *config, const struct identity *identity,
		      const struct container *container);
/// Called once a second: true once it has been without process, listener or request for long enough.
bool service_is_over(struct service *service, uint64_t now_ns);

#endif
