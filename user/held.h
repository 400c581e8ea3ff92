// SPDX-License-Identifier: Apache-2.0
// Exchanges that wait until Docker has named their container, in their order. Owned by services.c.
#ifndef RINGSIDE_HELD_H
#define RINGSIDE_HELD_H

#include "exchange.h"

struct held;

struct held_queue {
	struct held *first, **last;
	unsigned count;
};

void held_init(struct held_queue *queue);
void held_free(struct held_queue *queue);
/// Keeps a copy. False if there are too many.
bool held_push(struct held_queue *queue, const struct exchange *exchange);
/// Empties the queue, and hands each to `on_exchange`, which may push it again.
void held_release(struct held_queue *queue,
		  void (*on_exchange)(void *context, const struct exchange *exchange), void *context);

#endif
