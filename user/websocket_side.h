// SPDX-License-Identifier: Apache-2.0
// One direction of a WebSocket session: where its reader is, and what it keeps until more has come. Owned by
// websockets.c.
#ifndef RINGSIDE_WEBSOCKET_SIDE_H
#define RINGSIDE_WEBSOCKET_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "early_pieces.h"
#include "protocols/websocket.h"

/// Zeroed at the beginning.
struct websocket_side {
	struct websocket_reader reader;
	uint64_t position;   ///< behind what was read
	bool begun;          ///< position holds
	bool aligned;        ///< … and a frame begins there, or goes on
	uint16_t close_code; ///< of the first close frame, 0 before
	uint64_t messages;   ///< begun; the owner takes them away
	struct early_pieces early;
};

/// Reads a piece, or keeps it until what is missing before it has come. Adds to `lost` for each stretch that
/// cannot be read.
void websocket_side_feed(struct websocket_side *side, const struct stream_event *event,
			 struct memory_budget *budget, uint64_t *lost);
/// Reads what was kept: what is missing before it does not come any more.
void websocket_side_end(struct websocket_side *side, struct memory_budget *budget, uint64_t *lost);
/// Gives back what was kept.
void websocket_side_drop(struct websocket_side *side, struct memory_budget *budget);

#endif
