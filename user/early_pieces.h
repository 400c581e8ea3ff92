// SPDX-License-Identifier: Apache-2.0
// Pieces of a byte stream that came before those in front of them (EVENT_RAW), by position, within a budget.
// http2_side.c and websockets.c keep them for each connection that needs it.
#ifndef RINGSIDE_EARLY_PIECES_H
#define RINGSIDE_EARLY_PIECES_H

#include <stdbool.h>
#include <stddef.h>

#include "memory_budget.h"

struct early_piece;
struct stream_event;

/// Zeroed: none.
struct early_pieces {
	struct early_piece *first;
	size_t bytes;
};

/// Keeps a copy. False if it is too much.
bool early_pieces_keep(struct early_pieces *pieces, const struct stream_event *event,
		       struct memory_budget *budget);
/// NULL if there is none. Valid until it is popped.
const struct stream_event *early_pieces_first(const struct early_pieces *pieces);
/// Drops the first; there is one.
void early_pieces_pop(struct early_pieces *pieces, struct memory_budget *budget);
void early_pieces_drop(struct early_pieces *pieces, struct memory_budget *budget);

#endif
