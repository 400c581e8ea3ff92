// SPDX-License-Identifier: Apache-2.0
// Each place has a number in the kernel's table of sums while its cgroup lives; the number goes to the next
// one after that.
#include "places.h"

#include <stdlib.h>

#include "capture.h"
#include "cgroup.h"
#include "service.h"

#define SWEEP_NS 60000000000ULL

static void index_take(struct places *places, struct place_entry *entry)
{
	uint32_t index = places->free_indices_len ? places->free_indices[places->free_indices_len - 1]
			 : places->used_indices + 1 < PLACES_MAX ? places->used_indices + 1
								 : 0;

	if (!places->capture || !index || capture_place(places->capture, &entry->place, index))
		return;
	if (places->free_indices_len)
		places->free_indices_len--;
	else
		places->used_indices++;
	entry->index = index;
}

/* Its sums go into the service's, and its number to the next place, from zero on. */
static void index_release(struct places *places, struct place_entry *entry)
{
	struct traffic traffic;

	if (!entry->index || capture_forget_place(places->capture, &entry->place))
		return;
	if (entry->service && !capture_traffic(places->capture, entry->index, &traffic))
		entry->service->past_bytes += traffic.bytes_in + traffic.bytes_out;
	if (!capture_clear_traffic(places->capture, entry->index))
		places->free_indices[places->free_indices_len++] = entry->index;
}

/* Nothing can arrive any more where the cgroup is gone, or nobody has been for long. */
static bool is_gone(const struct places *places, const struct place_entry *entry)
{
	return !entry->service ||
	       (places->capture && !cgroup_lives(places->capture->cgroup_fd, entry->place.cgroup));
}

static void sweep(struct places *places)
{
	struct place_entry *entry = NULL, *next;

	HASH_ITER (hh, places->table, entry, next) {
		if (!is_gone(places, entry))
			continue;
		index_release(places, entry);
		HASH_DEL(places->table, entry);
		free(entry);
	}
}

void places_free(struct places *places)
{
	struct place_entry *entry, *next;

	HASH_ITER (hh, places->table, entry, next) {
		HASH_DEL(places->table, entry);
		free(entry);
	}
}

struct place_entry *places_get(struct places *places, const struct place *place, uint64_t now_ns)
{
	struct place_entry *entry = NULL;

	HASH_FIND(hh, places->table, place, sizeof(*place), entry);
	if (entry)
		return entry;
	if (HASH_COUNT(places->table) >= PLACES_MAX - 1 && now_ns - places->swept_ns >= SWEEP_NS) {
		places->swept_ns = now_ns;
		sweep(places);
	}
	if (HASH_COUNT(places->table) >= PLACES_MAX - 1)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->place = *place;
	HASH_ADD(hh, places->table, place, sizeof(entry->place), entry);
	index_take(places, entry);
	return entry;
}

void places_forget_service(struct places *places, const struct service *service)
{
	struct place_entry *entry, *next;

	HASH_ITER (hh, places->table, entry, next)
		if (entry->service == service)
			entry->service = NULL;
}

void places_traffic(const struct places *places, const struct service *service, uint64_t *ret_in_flight,
		    uint64_t *ret_bytes)
{
	struct place_entry *entry = NULL, *next;
	struct traffic traffic;

	*ret_in_flight = 0;
	*ret_bytes = service->past_bytes;
	HASH_ITER (hh, places->table, entry, next) {
		if (entry->service != service || !entry->index ||
		    capture_traffic(places->capture, entry->index, &traffic))
			continue;
		/* The CPUs' sums are read one after the other: a request may have ended in between. */
		if (traffic.arrived > traffic.ended)
			*ret_in_flight += traffic.arrived - traffic.ended;
		*ret_bytes += traffic.bytes_in + traffic.bytes_out;
	}
}
