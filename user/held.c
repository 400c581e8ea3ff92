// SPDX-License-Identifier: Apache-2.0
// A queue of exchanges with text of their own: what they were made of is gone by the time they go on.
#include "held.h"

#include <stdlib.h>
#include <string.h>

/* What a Docker that does not answer may cost. */
#define HELD_MAX 16384
#define TEXT_MAX 512
#define METHOD_MAX 32

struct held {
	struct held *next;
	struct exchange exchange;
	char text[TEXT_MAX];
};

void held_init(struct held_queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
	queue->count = 0;
}

void held_free(struct held_queue *queue)
{
	struct held *next;

	for (struct held *held = queue->first; held; held = next) {
		next = held->next;
		free(held);
	}
	held_init(queue);
}

bool held_push(struct held_queue *queue, const struct exchange *exchange)
{
	struct held *held = queue->count < HELD_MAX ? malloc(sizeof(*held)) : NULL;
	size_t method = exchange->method.len < METHOD_MAX ? exchange->method.len : METHOD_MAX;
	size_t target = exchange->target.len < TEXT_MAX - method ? exchange->target.len : TEXT_MAX - method;

	if (!held)
		return false;
	held->next = NULL;
	held->exchange = *exchange;
	memcpy(held->text, exchange->method.data, method);
	memcpy(held->text + method, exchange->target.data, target);
	held->exchange.method = (struct slice){held->text, method};
	held->exchange.target = (struct slice){held->text + method, target};
	*queue->last = held;
	queue->last = &held->next;
	queue->count++;
	return true;
}

void held_release(struct held_queue *queue,
		  void (*on_exchange)(void *context, const struct exchange *exchange), void *context)
{
	struct held *held = queue->first, *next;

	held_init(queue);
	for (; held; held = next) {
		next = held->next;
		on_exchange(context, &held->exchange);
		free(held);
	}
}
