// SPDX-License-Identifier: Apache-2.0
// Commands of one connection that are yet to be answered, in their order. Bounded, since a client may send
// any number before it reads; those that have no room are still counted, so that the replies behind theirs
// find their commands.
#ifndef RINGSIDE_REDIS_QUEUE_H
#define RINGSIDE_REDIS_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct memory_budget;

/// The few of who does not pipeline are in the queue itself.
#define REDIS_QUEUE_FEW 4
#define REDIS_QUEUE_MAX 4096

enum redis_asked_flag {
	REDIS_ASKED_BLOCKS = 1 << 0,  ///< it, or one before it, may wait for others' doing
	REDIS_ASKED_FOR_ALL = 1 << 1, ///< answered once for each subscription that there is
	REDIS_ASKED_NO_ROOM = 1 << 2, ///< commands of which only the number of answers is known
};

struct redis_asked {
	uint64_t start_ns;
	uint32_t answers; ///< yet to come
	uint16_t command; ///< redis_command()
	uint8_t flags;    ///< enum redis_asked_flag
};

/// Zeroed at the beginning.
struct redis_queue {
	struct redis_asked few[REDIS_QUEUE_FEW];
	struct redis_asked *many; ///< NULL while the few are enough
	uint32_t room;            ///< of `many`: a power of two
	uint32_t first;           ///< counts on for ever, as …
	uint32_t end;
};

/// False if there is no room: then only its answers are counted.
bool redis_queue_push(struct redis_queue *queue, const struct redis_asked *asked,
		      struct memory_budget *budget);
/// NULL if there is none.
struct redis_asked *redis_queue_first(struct redis_queue *queue);
struct redis_asked *redis_queue_last(struct redis_queue *queue);
void redis_queue_pop(struct redis_queue *queue, struct memory_budget *budget);
/// Forgets all. Returns how many they were; those that had no room were counted before.
uint32_t redis_queue_clear(struct redis_queue *queue, struct memory_budget *budget);

#endif
