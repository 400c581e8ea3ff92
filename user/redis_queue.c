// SPDX-License-Identifier: Apache-2.0
// A ring of small records, within a budget.
#include "redis_queue.h"

#include <stddef.h>

#include "memory_budget.h"

/* Kept while the queue is empty: who has pipelined once does so again. */
#define KEPT_ROOM 256

_Static_assert(sizeof(struct redis_asked) == 16, "there may be thousands on a connection");

static uint32_t room(const struct redis_queue *queue)
{
	return queue->many ? queue->room : REDIS_QUEUE_FEW;
}

static struct redis_asked *at(struct redis_queue *queue, uint32_t index)
{
	return &(queue->many ? queue->many : queue->few)[index & (room(queue) - 1)];
}

static void set_room(struct redis_queue *queue, struct redis_asked *many, uint32_t len,
		     struct memory_budget *budget)
{
	budget_free(budget, queue->many, queue->room * sizeof(*queue->many));
	queue->many = many;
	queue->room = len;
}

static bool grow(struct redis_queue *queue, struct memory_budget *budget)
{
	uint32_t len = room(queue) * 2;
	struct redis_asked *many;

	if (len > REDIS_QUEUE_MAX)
		return false;
	many = budget_alloc(budget, len * sizeof(*many));
	if (!many)
		return false;
	for (uint32_t i = queue->first; i != queue->end; i++)
		many[i & (len - 1)] = *at(queue, i);
	set_room(queue, many, len, budget);
	return true;
}

/* The last place is for those that have none. */
bool redis_queue_push(struct redis_queue *queue, const struct redis_asked *asked,
		      struct memory_budget *budget)
{
	if (queue->end - queue->first + 1 < room(queue) || grow(queue, budget)) {
		*at(queue, queue->end++) = *asked;
		return true;
	}
	if (queue->end - queue->first == room(queue)) {
		redis_queue_last(queue)->answers += asked->answers;
		return false;
	}
	*at(queue, queue->end) = *asked;
	at(queue, queue->end++)->flags |= REDIS_ASKED_NO_ROOM;
	return false;
}

struct redis_asked *redis_queue_first(struct redis_queue *queue)
{
	return queue->first == queue->end ? NULL : at(queue, queue->first);
}

struct redis_asked *redis_queue_last(struct redis_queue *queue)
{
	return queue->first == queue->end ? NULL : at(queue, queue->end - 1);
}

void redis_queue_pop(struct redis_queue *queue, struct memory_budget *budget)
{
	queue->first++;
	if (queue->first == queue->end && queue->room > KEPT_ROOM)
		set_room(queue, NULL, 0, budget);
}

uint32_t redis_queue_clear(struct redis_queue *queue, struct memory_budget *budget)
{
	uint32_t count = 0;

	for (; queue->first != queue->end; queue->first++)
		count += !(at(queue, queue->first)->flags & REDIS_ASKED_NO_ROOM);
	set_room(queue, NULL, 0, budget);
	return count;
}
