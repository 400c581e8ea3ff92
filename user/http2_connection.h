// SPDX-License-Identifier: Apache-2.0
// One connection of HTTP/2: what its two directions say, put together into requests with their answers. Owned
// by http2_connections.c.
#ifndef RINGSIDE_HTTP2_CONNECTION_H
#define RINGSIDE_HTTP2_CONNECTION_H

#include "http2_connections.h"
#include "http2_side.h"
#include "http2_stream.h"

struct stream_event;

/// Where finished requests go, and what is counted of those that do not.
struct http2_sink {
	void (*on_exchange)(void *context, const struct exchange *exchange);
	void *context;
	struct http2_losses losses;
};

#define HTTP2_NO_REQUEST UINT32_MAX

struct http2_connection {
	uint64_t socket;
	struct memory_budget *budget; ///< borrowed
	struct http2_side sides[2];   ///< in, out
	struct http2_stream *streams; ///< open ones, by id
	struct http2_stream *unread;
	uint32_t asked_id; ///< the highest that a request was seen on; 0 before
	uint32_t last_id;  ///< the highest of these, and of those that only an answer was seen of
	uint32_t first_id; ///< above this one, all were there to be seen; HTTP2_NO_REQUEST before
	uint32_t tgid;
	uint64_t touched_ns;
	UT_hash_handle hh;
};

/// NULL without memory, or beyond the budget, which outlives the connection.
struct http2_connection *http2_connection_new(uint64_t socket, struct memory_budget *budget);
void http2_connection_free(struct http2_connection *connection);

void http2_connection_feed(struct http2_connection *connection, const struct stream_event *event,
			   struct http2_sink *sink);
/// It is over: reads what was waiting for what was missing, and ends what is open.
void http2_connection_end(struct http2_connection *connection, uint16_t outcome, uint64_t now_ns,
			  struct http2_sink *sink);

#endif
