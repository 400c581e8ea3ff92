// SPDX-License-Identifier: Apache-2.0
// One direction of an HTTP/2 connection: where its reader is, and what it keeps until more has come. Owned by
// http2_connection.c.
#ifndef RINGSIDE_HTTP2_SIDE_H
#define RINGSIDE_HTTP2_SIDE_H

#include "early_pieces.h"
#include "memory_budget.h"
#include "protocols/http2_frames.h"

struct hpack;

/// One direction.
struct http2_side {
	struct http2_reader reader;
	struct hpack *hpack;
	uint64_t position;   ///< behind what was read
	bool begun;          ///< position holds
	bool aligned;        ///< … and the reader knows what comes there
	bool block_open;     ///< HEADERS or PUSH_PROMISE that CONTINUATION goes on
	uint8_t block_flags; ///< of the frame that began it
	uint8_t block_type;
	uint32_t block_stream;
	uint64_t block_ns;    ///< its first byte's arrival, or departure
	uint32_t block_bytes; ///< of its frames, headers included
	char *block;          ///< fragments so far, and the payload of the frame that goes on behind them
	size_t block_len;
	size_t payload_len;
	size_t block_room;
	uint64_t overhead; ///< bytes of frames that belong to no request, since the last one
	struct early_pieces early;
};

/// Adds a part of the payload of the frame that goes on to the block. False if it is too much.
bool http2_side_keep_payload(struct http2_side *side, struct slice payload, struct memory_budget *budget);
void http2_side_drop_block(struct http2_side *side, struct memory_budget *budget);
/// All that is kept.
void http2_side_drop(struct http2_side *side, struct memory_budget *budget);

#endif
