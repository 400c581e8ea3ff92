// SPDX-License-Identifier: Apache-2.0
// One connection of HTTP/2: what its two directions say, put together into requests with their answers. Owned
// by http2_connections.c.
#ifndef RINGSIDE_HTTP2_CONNECTION_H
#define RINGSIDE_HTTP2_CONNECTION_H

#include "http2_stream.h"
#include "http2_connections.h"
#include "protocols/http2_frames.h"

struct hpack;
struct stream_event;

/// Where finished requests go, and what is counted of those that do not.
struct http2_sink {
	void (*on_exchange)(void *context, const struct exchange *exchange);
	void *context;
	struct http2_losses losses;
};

/// A piece that came before those in front of it (EVENT_RAW).
struct http2_early {
	struct http2_early *next;
	_Alignas(8) unsigned char record[]; ///< struct stream_event, whole
};

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
	uint64_t overhead;         ///< bytes of frames that belong to no request, since the last one
	struct http2_early *early; ///< by position
	size_t early_bytes;
};

struct http2_connection {
	uint64_t socket;
	struct memory_budget *budget; ///< borrowed
	struct http2_side sides[2];   ///< in, out
	struct http2_stream *streams; ///< open ones, by id
	struct http2_stream *unread;
	uint32_t last_id;  ///< the highest that a request was seen on; 0 before
	uint32_t first_id; ///< the first that one was seen on
	uint32_t tgid;
	uint64_t touched_ns;
	UT_hash_handle hh;
};

/// NULL without memory, or beyond the budget, which outlives the connection.
struct http2_connection *http2_connection_new(uint64_t socket, struct memory_budget *budget);
void http2_connection_free(struct http2_connection *connection);

void http2_connection_feed(struct http2_connection *connection, const struct stream_event *event,
			   struct http2_sink *sink);
/// The connection is over: what is open will not be answered.
void http2_connection_end(struct http2_connection *connection, uint16_t outcome, uint64_t now_ns,
			  struct http2_sink *sink);

#endif
