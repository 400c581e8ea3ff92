// SPDX-License-Identifier: Apache-2.0
// Requests and answers on the streams of one connection of HTTP/2, as its frames tell of them.
#ifndef RINGSIDE_HTTP2_REQUESTS_H
#define RINGSIDE_HTTP2_REQUESTS_H

#include <stdint.h>

struct exchange;
struct http2_connection;
struct http2_fields;
struct http2_frame;
struct http2_side;
struct http2_sink;
struct stream_event;

/// The request of HTTP/1 that the connection was upgraded with: stream 1.
void http2_requests_upgrade(struct http2_connection *connection, const struct exchange *exchange,
			    struct http2_sink *sink);
/// A header block has come in, or left; side->block_* say on which stream and how. The event is the one that
/// it ended in.
void http2_requests_ask(struct http2_connection *connection, struct http2_side *side,
			const struct http2_fields *fields, const struct stream_event *event,
			struct http2_sink *sink);
void http2_requests_answer(struct http2_connection *connection, struct http2_side *side,
			   const struct http2_fields *fields, const struct stream_event *event,
			   struct http2_sink *sink);
/// A frame of DATA has begun, of so many bytes with its header; it has ended.
void http2_requests_data_begins(struct http2_connection *connection, struct http2_side *side, uint32_t id,
				uint64_t bytes);
void http2_requests_data_ends(struct http2_connection *connection, const struct http2_side *side,
			      const struct http2_frame *frame, const struct stream_event *event,
			      struct http2_sink *sink);
/// RST_STREAM, with its code.
void http2_requests_reset(struct http2_connection *connection, const struct http2_side *side, uint32_t id,
			  uint32_t error, const struct stream_event *event, struct http2_sink *sink);
/// The process has read at this time: what had arrived by then.
void http2_requests_note_read(struct http2_connection *connection, uint64_t read_ns);
/// Something of what went out was lost: it may have been the end of any of them.
void http2_requests_doubt(struct http2_connection *connection);
/// The connection is over: what is open will not be answered.
void http2_requests_end(struct http2_connection *connection, uint16_t outcome, uint64_t now_ns,
			struct http2_sink *sink);
/// Gives their memory back.
void http2_requests_drop(struct http2_connection *connection);

#endif
