// SPDX-License-Identifier: Apache-2.0
// The requests that are open on a connection of HTTP/2: HEADERS that come in open them, what goes out answers
// them, and the end of either finishes them. http2_connection.c finds the frames.
#include "http2_requests.h"

#include <stddef.h>
#include <string.h>

#include <utlist.h>

#include "event.h"
#include "http2_connection.h"
#include "http2_fields.h"

enum { IN, OUT };

static void stream_remove(struct http2_connection *connection, struct http2_stream *stream)
{
	if (stream->unread)
		DL_DELETE(connection->unread, stream);
	HASH_DELETE(hh, connection->streams, stream);
	http2_stream_free(stream, connection->budget);
}

static struct http2_stream *stream_find(struct http2_connection *connection, uint32_t id)
{
	struct http2_stream *stream = NULL;

	if (connection->streams)
		HASH_FIND(hh, connection->streams, &id, sizeof(id), stream);
	return stream;
}

static void stream_report(struct http2_connection *connection, struct http2_stream *stream, uint16_t status,
			  uint64_t end_ns, struct http2_sink *sink)
{
	stream->exchange.tgid = connection->tgid;
	stream->exchange.request_bytes += connection->sides[IN].overhead;
	stream->exchange.response_bytes += connection->sides[OUT].overhead;
	connection->sides[IN].overhead = connection->sides[OUT].overhead = 0;
	http2_stream_finish(stream, status, end_ns);
	sink->on_exchange(sink->context, &stream->exchange);
	stream_remove(connection, stream);
}

void http2_requests_end(struct http2_connection *connection, uint16_t outcome, uint64_t now_ns,
			struct http2_sink *sink)
{
	struct http2_stream *stream, *next;

	HASH_ITER (hh, connection->streams, stream, next) {
		if (stream->doubtful && !stream->status) {
			sink->losses.unmatched++;
			stream_remove(connection, stream);
		} else {
			if (stream->grpc_status == GRPC_NO_STATUS)
				stream->grpc_status =
					outcome == EXCHANGE_ABORTED ? GRPC_CANCELLED : GRPC_UNAVAILABLE;
			stream_report(connection, stream, stream->status ? stream->status : outcome,
				      stream->status ? stream->last_ns : now_ns, sink);
		}
	}
}

static void request_begins(struct http2_connection *connection, const struct http2_side *side,
			   const struct http2_fields *fields, const struct stream_event *event,
			   struct http2_sink *sink)
{
	uint32_t id = side->block_stream;
	struct http2_stream *stream;

	if (!(id & 1) || id <= connection->asked_id || (!fields->method_len && !fields->unknown))
		return;
	connection->asked_id = id;
	stream = http2_stream_new(id, fields, connection->budget);
	if (!stream) {
		sink->losses.table_full++;
		return;
	}
	stream->exchange.arrival_ns = side->block_ns;
	stream->exchange.cgroup = event->cgroup;
	stream->exchange.netns = event->header.netns;
	stream->exchange.local_port = event->local_port;
	stream->exchange.request_bytes = side->block_bytes;
	if (connection->first_id == HTTP2_NO_REQUEST)
		connection->first_id = id;
	if (id > connection->last_id)
		connection->last_id = id;
	stream->unread = true;
	DL_APPEND(connection->unread, stream);
	HASH_ADD(hh, connection->streams, id, sizeof(stream->id), stream);
}

void http2_requests_ask(struct http2_connection *connection, struct http2_side *side,
			const struct http2_fields *fields, const struct stream_event *event,
			struct http2_sink *sink)
{
	struct http2_stream *stream = stream_find(connection, side->block_stream);

	if (stream)
		stream->exchange.request_bytes += side->block_bytes; /* trailers */
	else
		request_begins(connection, side, fields, event, sink);
}

/* The answer to a request that was not seen: of one that was there before us nothing is said, as ringside was
 * not there either. */
static void answer_strays(struct http2_connection *connection, const struct http2_side *side,
			  const struct http2_fields *fields, struct http2_sink *sink)
{
	bool ours = side->block_stream > connection->first_id && side->block_stream > connection->last_id;

	if (side->block_stream & 1 && ours && fields->status >= 200) {
		sink->losses.unmatched++;
		connection->last_id = side->block_stream;
	}
}

void http2_requests_answer(struct http2_connection *connection, struct http2_side *side,
			   const struct http2_fields *fields, const struct stream_event *event,
			   struct http2_sink *sink)
{
	struct http2_stream *stream = stream_find(connection, side->block_stream);
	bool over = side->block_flags & HTTP2_END_STREAM;

	if (side->block_type == HTTP2_PUSH_PROMISE || !stream) {
		if (side->block_type != HTTP2_PUSH_PROMISE)
			answer_strays(connection, side, fields, sink);
		side->overhead += side->block_bytes;
		return;
	}
	stream->exchange.response_bytes += side->block_bytes;
	stream->exchange.grpc |= fields->grpc;
	stream->last_ns = event->header.time_ns;
	if (fields->grpc_status != GRPC_NO_STATUS)
		stream->grpc_status = fields->grpc_status;
	if (!stream->status && (fields->status >= 200 || (!fields->status && fields->unknown))) {
		stream->first_ns = side->block_ns;
		stream->status = fields->status;
	}
	if (stream->status) {
		if (over)
			stream_report(connection, stream, stream->status, event->header.time_ns, sink);
	} else if (stream->first_ns) {
		sink->losses.state++; /* it has one, but we do not know it */
		stream_remove(connection, stream);
	}
}

void http2_requests_reset(struct http2_connection *connection, const struct http2_side *side, uint32_t id,
			  uint32_t error, const struct stream_event *event, struct http2_sink *sink)
{
	struct http2_stream *stream = stream_find(connection, id);
	uint16_t outcome = side == &connection->sides[IN] ? EXCHANGE_ABORTED : EXCHANGE_NONE;

	if (!stream)
		return;
	if (stream->grpc_status == GRPC_NO_STATUS && error == HTTP2_CANCEL)
		stream->grpc_status = GRPC_CANCELLED;
	if (stream->grpc_status == GRPC_NO_STATUS && error == HTTP2_REFUSED_STREAM)
		stream->grpc_status = GRPC_UNAVAILABLE;
	stream_report(connection, stream, stream->status ? stream->status : outcome, event->header.time_ns,
		      sink);
}

void http2_requests_data_ends(struct http2_connection *connection, const struct http2_side *side,
			      const struct http2_frame *frame, const struct stream_event *event,
			      struct http2_sink *sink)
{
	struct http2_stream *stream = stream_find(connection, frame->stream);

	if (!stream || side == &connection->sides[IN])
		return;
	stream->last_ns = event->header.time_ns;
	if (frame->flags & HTTP2_END_STREAM && stream->status)
		stream_report(connection, stream, stream->status, event->header.time_ns, sink);
}

/* A request is read with the first read behind its arrival. */
void http2_requests_note_read(struct http2_connection *connection, uint64_t read_ns)
{
	struct http2_stream *stream, *next;

	DL_FOREACH_SAFE(connection->unread, stream, next)
	{
		if (stream->exchange.arrival_ns > read_ns)
			continue;
		stream->read_ns = read_ns;
		stream->unread = false;
		DL_DELETE(connection->unread, stream);
	}
}

static void keep(char *to, size_t room, struct slice text, size_t *ret_len)
{
	*ret_len = text.len < room ? text.len : room;
	memcpy(to, text.data, *ret_len);
}

void http2_requests_upgrade(struct http2_connection *connection, const struct exchange *exchange,
			    struct http2_sink *sink)
{
	struct http2_stream *stream;
	struct http2_fields fields;

	http2_fields_init(&fields);
	keep(fields.method, sizeof(fields.method), exchange->method, &fields.method_len);
	keep(fields.target, sizeof(fields.target), exchange->target, &fields.target_len);
	stream = stream_find(connection, 1) ? NULL : http2_stream_new(1, &fields, connection->budget);
	if (!stream) {
		sink->losses.table_full++;
		return;
	}
	stream->exchange.arrival_ns = exchange->arrival_ns;
	stream->exchange.socket = exchange->socket;
	stream->exchange.cgroup = exchange->cgroup;
	stream->exchange.netns = exchange->netns;
	stream->exchange.local_port = exchange->local_port;
	stream->exchange.request_bytes = exchange->request_bytes;
	stream->exchange.response_bytes = exchange->response_bytes; /* the 101 itself */
	stream->read_ns = exchange->arrival_ns + exchange->phase_ns[PHASE_SOCKET_WAIT];
	connection->tgid = exchange->tgid;
	connection->first_id = connection->last_id = connection->asked_id = 1;
	HASH_ADD(hh, connection->streams, id, sizeof(stream->id), stream);
}

void http2_requests_data_begins(struct http2_connection *connection, struct http2_side *side, uint32_t id,
				uint64_t bytes)
{
	struct http2_stream *stream = stream_find(connection, id);

	if (!stream)
		side->overhead += bytes;
	else if (side == &connection->sides[OUT])
		stream->exchange.response_bytes += bytes;
	else
		stream->exchange.request_bytes += bytes;
}

void http2_requests_doubt(struct http2_connection *connection)
{
	struct http2_stream *stream, *next;

	HASH_ITER (hh, connection->streams, stream, next)
		stream->doubtful = true;
}

void http2_requests_drop(struct http2_connection *connection)
{
	struct http2_stream *stream, *next;

	HASH_ITER (hh, connection->streams, stream, next)
		stream_remove(connection, stream);
}
