// SPDX-License-Identifier: Apache-2.0
// Clients ask thousands of times before they read an answer; mostly the same, in one piece: that is one
// entry.
#include "postgres_queue.h"

#include <stddef.h>
#include <string.h>

#include "protocols/postgres_operation.h"

#define ROOM_MIN 8
#define ROOM_MAX 4096

bool postgres_ask_ends_group(const struct postgres_ask *ask)
{
	return ask->kind >= POSTGRES_ASKED_QUERY;
}

bool postgres_ask_is_query(const struct postgres_ask *ask)
{
	return ask->kind == POSTGRES_ASKED_EXECUTE || ask->kind == POSTGRES_ASKED_QUERY ||
	       ask->kind == POSTGRES_ASKED_CALL;
}

static bool is_same(const struct postgres_ask *a, const struct postgres_ask *b)
{
	return !postgres_ask_ends_group(a) && a->kind == b->kind && a->operation == b->operation &&
	       a->start_ns == b->start_ns;
}

static bool queue_grow(struct postgres_queue *queue, struct memory_budget *budget)
{
	uint32_t room = queue->room ? queue->room * 2 : ROOM_MIN;
	struct postgres_ask *asks;

	if (room > ROOM_MAX)
		return false;
	asks = budget_alloc(budget, room * sizeof(*asks));
	if (!asks)
		return false;
	if (queue->len)
		memcpy(asks, queue->asks + queue->first, queue->len * sizeof(*asks));
	budget_free(budget, queue->asks, queue->room * sizeof(*asks));
	queue->asks = asks;
	queue->first = 0;
	queue->room = room;
	return true;
}

static bool queue_make_room(struct postgres_queue *queue, struct memory_budget *budget)
{
	if (queue->first + queue->len < queue->room)
		return true;
	/* Half of it is free then, so that moving is seldom. */
	if (!queue->room || queue->len > queue->room / 2)
		return queue_grow(queue, budget);
	memmove(queue->asks, queue->asks + queue->first, queue->len * sizeof(*queue->asks));
	queue->first = 0;
	return true;
}

bool postgres_queue_push(struct postgres_queue *queue, struct postgres_ask ask, struct memory_budget *budget)
{
	struct postgres_ask *last = postgres_queue_last(queue);

	if (last && is_same(last, &ask) && last->count < UINT32_MAX) {
		last->count++;
		return true;
	}
	if (!queue_make_room(queue, budget))
		return false;
	ask.count = 1;
	queue->asks[queue->first + queue->len++] = ask;
	return true;
}

struct postgres_ask *postgres_queue_first(const struct postgres_queue *queue)
{
	return queue->len ? &queue->asks[queue->first] : NULL;
}

struct postgres_ask *postgres_queue_last(const struct postgres_queue *queue)
{
	return queue->len ? &queue->asks[queue->first + queue->len - 1] : NULL;
}

static void queue_pop_entry(struct postgres_queue *queue)
{
	queue->first++;
	if (!--queue->len)
		queue->first = 0;
}

void postgres_queue_pop(struct postgres_queue *queue)
{
	if (!--postgres_queue_first(queue)->count)
		queue_pop_entry(queue);
}

struct postgres_ask *postgres_queue_query(struct postgres_queue *queue)
{
	while (queue->len && !postgres_ask_is_query(postgres_queue_first(queue)) &&
	       !postgres_ask_ends_group(postgres_queue_first(queue)))
		queue_pop_entry(queue);
	return queue->len && postgres_ask_is_query(postgres_queue_first(queue)) ? postgres_queue_first(queue)
										: NULL;
}

void postgres_queue_pop_last(struct postgres_queue *queue)
{
	if (!--postgres_queue_last(queue)->count)
		queue->len--;
}

void postgres_queue_drop(struct postgres_queue *queue, struct memory_budget *budget)
{
	budget_free(budget, queue->asks, queue->room * sizeof(*queue->asks));
	*queue = (struct postgres_queue){0};
}

unsigned postgres_queue_groups(const struct postgres_queue *queue)
{
	unsigned groups = 0;

	for (uint32_t i = 0; i < queue->len; i++)
		groups += postgres_ask_ends_group(&queue->asks[queue->first + i]);
	return groups + (queue->len && !postgres_ask_ends_group(postgres_queue_last(queue)));
}

uint64_t postgres_queue_queries(const struct postgres_queue *queue)
{
	uint64_t queries = 0;

	for (uint32_t i = 0; i < queue->len; i++) {
		const struct postgres_ask *ask = &queue->asks[queue->first + i];

		if (postgres_ask_is_query(ask))
			queries += ask->count;
		if (postgres_ask_ends_group(ask))
			break;
	}
	return queries;
}

uint8_t postgres_queue_operation(const struct postgres_queue *queue)
{
	uint8_t operation = POSTGRES_OPERATIONS;

	for (uint32_t i = 0; i < queue->len && !postgres_ask_ends_group(&queue->asks[queue->first + i]);
	     i++) {
		const struct postgres_ask *ask = &queue->asks[queue->first + i];

		if (ask->kind != POSTGRES_ASKED_EXECUTE)
			continue;
		if (operation != POSTGRES_OPERATIONS && ask->operation != operation)
			return POSTGRES_OTHER;
		operation = ask->operation;
	}
	return operation == POSTGRES_OPERATIONS ? POSTGRES_OTHER : operation;
}

uint64_t postgres_queue_pop_group(struct postgres_queue *queue, bool aborted)
{
	uint64_t queries = 0;
	bool over = false;

	while (queue->len && !over) {
		const struct postgres_ask *ask = postgres_queue_first(queue);

		if (postgres_ask_is_query(ask))
			queries += ask->count;
		over = aborted ? ask->kind == POSTGRES_ASKED_SYNC : postgres_ask_ends_group(ask);
		queue_pop_entry(queue);
	}
	return queries;
}

void postgres_queue_forget_syncs(struct postgres_queue *queue)
{
	struct postgres_ask *asks = queue->asks + queue->first;
	uint32_t syncs = 0;

	while (1 + syncs < queue->len && asks[1 + syncs].kind == POSTGRES_ASKED_SYNC)
		syncs++;
	if (!syncs)
		return;
	memmove(asks + 1, asks + 1 + syncs, (queue->len - 1 - syncs) * sizeof(*asks));
	queue->len -= syncs;
}
