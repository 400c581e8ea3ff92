// SPDX-License-Identifier: Apache-2.0
// Ports of a network namespace and a cgroup: who answers there when nobody was seen to, and where the kernel
// sums up the traffic. Owned by services.c.
#ifndef RINGSIDE_PLACES_H
#define RINGSIDE_PLACES_H

#include <uthash.h>

#include "maps.h"

struct capture;
struct service;

struct place_entry {
	struct place place;
	uint32_t index;          ///< of the kernel's sums; 0: there is no more room
	struct service *service; ///< NULL if nobody is known to serve there
	UT_hash_handle hh;
};

struct places {
	struct place_entry *table;
	struct capture *capture; ///< borrowed; NULL leaves the kernel's sums alone (tests)
	uint32_t used_indices;
	uint32_t free_indices[PLACES_MAX];
	unsigned free_indices_len;
	uint64_t swept_ns;
};

void places_free(struct places *places);
/// The place's entry, a new one if need be; NULL if there are too many. What is gone makes room, once a
/// minute.
struct place_entry *places_get(struct places *places, const struct place *place, uint64_t now_ns);
/// The service is about to be freed.
void places_forget_service(struct places *places, const struct service *service);
/// Requests in progress, and all bytes of recognised connections, of one service.
void places_traffic(const struct places *places, const struct service *service, uint64_t *ret_in_flight,
		    uint64_t *ret_bytes);

#endif
