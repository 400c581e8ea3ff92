// SPDX-License-Identifier: Apache-2.0
// Puts the pieces of a connection in order, reads the frames in them, and keeps the requests that are open.
// Pieces may be missing: inside of DATA on purpose, elsewhere because they were lost or came before ringside.
#include "http2_connection.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "event.h"
#include "http2_fields.h"
#include "protocols/hpack.h"

enum { IN, OUT };

/* What libnghttp2 allocates for both directions is not counted one by one. */
#define CONNECTION_SIZE (sizeof(struct http2_connection) + 2 * HPACK_SIZE)

struct http2_connection *http2_connection_new(uint64_t socket, struct memory_budget *budget)
{
	struct http2_connection *connection = budget_alloc(budget, CONNECTION_SIZE);

	if (!connection)
		return NULL;
	memset(connection, 0, sizeof(*connection));
	connection->socket = socket;
	connection->budget = budget;
	for (unsigned i = IN; i <= OUT; i++)
		connection->sides[i].hpack = hpack_new();
	if (connection->sides[IN].hpack && connection->sides[OUT].hpack)
		return connection;
	http2_connection_free(connection);
	return NULL;
}

static void stream_remove(struct http2_connection *connection, struct http2_stream *stream)
{
	if (stream->unread)
		DL_DELETE(connection->unread, stream);
	HASH_DELETE(hh, connection->streams, stream);
	http2_stream_free(stream, connection->budget);
}

void http2_connection_free(struct http2_connection *connection)
{
	struct http2_stream *stream, *next;

	HASH_ITER (hh, connection->streams, stream, next)
		stream_remove(connection, stream);
	for (unsigned i = IN; i <= OUT; i++) {
		struct http2_side *side = &connection->sides[i];

		http2_side_drop(side, connection->budget);
		hpack_free(side->hpack);
	}
	budget_free(connection->budget, connection, CONNECTION_SIZE);
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
	stream->exchange.response_bytes += connection->sides[OUT].overhead;
	connection->sides[OUT].overhead = 0;
	http2_stream_finish(stream, status, end_ns);
	sink->on_exchange(sink->context, &stream->exchange);
	stream_remove(connection, stream);
}

void http2_connection_end(struct http2_connection *connection, uint16_t outcome, uint64_t now_ns,
			  struct http2_sink *sink)
{
	struct http2_stream *stream, *next;

	HASH_ITER (hh, connection->streams, stream, next) {
		if (stream->doubtful && !stream->status) {
			sink->losses.unmatched++;
			stream_remove(connection, stream);
		} else {
			stream_report(connection, stream, stream->status ? stream->status : outcome,
				      stream->status ? stream->last_ns : now_ns, sink);
		}
	}
}

/* Something of this direction was lost, or came before ringside. */
static void side_forget(struct http2_connection *connection, struct http2_side *side, struct http2_sink *sink)
{
	struct http2_stream *stream, *next;

	side->aligned = false;
	side->reader = (struct http2_reader){0};
	http2_side_drop_block(side, connection->budget);
	if (hpack_forget(side->hpack))
		sink->losses.table_full++;
	if (side == &connection->sides[OUT])
		HASH_ITER (hh, connection->streams, stream, next)
			stream->doubtful = true;
}

/* What a header block says. */

static void request_begins(struct http2_connection *connection, const struct http2_side *side,
			   const struct http2_fields *fields, const struct stream_event *event,
			   struct http2_sink *sink)
{
	uint32_t id = side->block_stream;
	struct http2_stream *stream;

	if (!(id & 1) || (!fields->method_len && !fields->unknown))
		return;
	stream = http2_stream_new(id, fields, connection->budget);
	if (!stream) {
		sink->losses.table_full++;
		return;
	}
	stream->exchange.arrival_ns = side->block_ns;
	stream->exchange.cgroup = event->cgroup;
	stream->exchange.netns = event->header.netns;
	stream->exchange.local_port = event->local_port;
	stream->exchange.request_bytes = side->block_bytes + side->overhead;
	connection->sides[IN].overhead = 0;
	if (!connection->first_id)
		connection->first_id = id;
	if (id > connection->last_id)
		connection->last_id = id;
	stream->unread = true;
	DL_APPEND(connection->unread, stream);
	HASH_ADD(hh, connection->streams, id, sizeof(stream->id), stream);
}

static void fields_came(struct http2_connection *connection, struct http2_side *side,
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
	bool ours = connection->first_id && side->block_stream > connection->first_id &&
		    side->block_stream > connection->last_id;

	if (side->block_stream & 1 && ours && fields->status >= 200) {
		sink->losses.unmatched++;
		connection->last_id = side->block_stream;
	}
}

static void fields_leave(struct http2_connection *connection, struct http2_side *side,
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

static void block_ends(struct http2_connection *connection, struct http2_side *side,
		       const struct stream_event *event, struct http2_sink *sink)
{
	struct http2_fields fields;
	int error;

	http2_fields_init(&fields);
	error = hpack_inflate(side->hpack, (struct slice){side->block, side->block_len}, http2_fields_add,
			      &fields);
	side->block_open = false;
	side->block_len = 0;
	if (side->block_room > 4096)
		http2_side_drop_block(side, connection->budget);
	/* What came before the fault stands; any field may have been in the rest. */
	fields.unknown |= error != 0;
	if (side == &connection->sides[IN])
		fields_came(connection, side, &fields, event, sink);
	else
		fields_leave(connection, side, &fields, event, sink);
}

/* Frames. */

static bool has_block(const struct http2_frame *frame)
{
	return frame->type == HTTP2_HEADERS || frame->type == HTTP2_PUSH_PROMISE ||
	       frame->type == HTTP2_CONTINUATION;
}

static void frame_begins(struct http2_connection *connection, struct http2_side *side,
			 const struct stream_event *event)
{
	const struct http2_frame *frame = &side->reader.frame;
	uint64_t bytes = HTTP2_FRAME_HEADER_LEN + frame->len;
	bool out = side == &connection->sides[OUT];
	struct http2_stream *stream;

	side->payload_len = 0;
	if (frame->type == HTTP2_HEADERS || frame->type == HTTP2_PUSH_PROMISE) {
		side->block_open = true;
		side->block_len = 0;
		side->block_bytes = 0;
		side->block_type = frame->type;
		side->block_flags = frame->flags;
		side->block_stream = frame->stream;
		side->block_ns = out ? event->header.time_ns : event->arrival_ns;
	}
	if (has_block(frame)) {
		side->block_bytes += bytes;
		return;
	}
	stream = frame->type == HTTP2_DATA ? stream_find(connection, frame->stream) : NULL;
	if (stream)
		*(out ? &stream->exchange.response_bytes : &stream->exchange.request_bytes) += bytes;
	else
		side->overhead += bytes;
}

static void stream_reset(struct http2_connection *connection, const struct http2_side *side, uint32_t id,
			 const struct stream_event *event, struct http2_sink *sink)
{
	struct http2_stream *stream = stream_find(connection, id);
	uint16_t outcome = side == &connection->sides[IN] ? EXCHANGE_ABORTED : EXCHANGE_NONE;

	if (stream)
		stream_report(connection, stream, stream->status ? stream->status : outcome,
			      event->header.time_ns, sink);
}

static void data_ends(struct http2_connection *connection, const struct http2_side *side,
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

/* False if the direction cannot be followed. */
static bool frame_ends(struct http2_connection *connection, struct http2_side *side,
		       const struct stream_event *event, struct http2_sink *sink)
{
	const struct http2_frame *frame = &side->reader.frame;
	struct slice payload = {NULL, 0}, fragment;

	if (side->block)
		payload = (struct slice){side->block + side->block_len, side->payload_len};
	side->payload_len = 0;
	if (has_block(frame)) {
		if (!side->block_open || !http2_block(frame, payload, &fragment))
			return false;
		if (fragment.len)
			memmove(side->block + side->block_len, fragment.data, fragment.len);
		side->block_len += fragment.len;
		if (frame->flags & HTTP2_END_HEADERS)
			block_ends(connection, side, event, sink);
	} else if (frame->type == HTTP2_RST_STREAM) {
		stream_reset(connection, side, frame->stream, event, sink);
	} else if (frame->type == HTTP2_DATA) {
		data_ends(connection, side, frame, event, sink);
	}
	return true;
}

/* Bytes behind what was read, without a gap. False if they cannot be followed. */
static bool read_bytes(struct http2_connection *connection, struct http2_side *side, struct slice bytes,
		       const struct stream_event *event, struct http2_sink *sink)
{
	struct slice payload;

	for (;;) {
		switch (http2_read(&side->reader, &bytes, &payload)) {
		case HTTP2_MORE:
			return true;
		case HTTP2_BEGIN:
			frame_begins(connection, side, event);
			break;
		case HTTP2_PAYLOAD:
			if (has_block(&side->reader.frame) &&
			    !http2_side_keep_payload(side, payload, connection->budget)) {
				sink->losses.table_full++;
				return false;
			}
			break;
		case HTTP2_END:
			if (!frame_ends(connection, side, event, sink))
				return false;
			break;
		case HTTP2_MALFORMED:
			sink->losses.connections++;
			return false;
		}
	}
}

/* Pieces. */

/* The first piece of a direction: whether it is its beginning, which needs no more to be understood. */
static bool is_beginning(const struct http2_connection *connection, const struct http2_side *side,
			 const struct stream_event *event)
{
	if (event->header.flags & EVENT_MIDSTREAM)
		return false;
	if (side == &connection->sides[IN])
		return event->len >= 4 && !memcmp(event->data, "PRI ", 4);
	return event->position == 0 || connection->sides[IN].aligned;
}

static void side_begin(struct http2_connection *connection, struct http2_side *side,
		       const struct stream_event *event, struct http2_sink *sink)
{
	side->begun = true;
	side->position = event->position;
	side->aligned = is_beginning(connection, side, event);
	if (!side->aligned)
		side_forget(connection, side, sink);
	else if (side == &connection->sides[IN])
		side->reader.preface_left = HTTP2_PREFACE_LEN;
}

static void piece_read(struct http2_connection *connection, struct http2_side *side,
		       const struct stream_event *event, struct http2_sink *sink)
{
	uint64_t from = event->position;
	struct slice bytes = {(const char *)event->data, event->len};
	uint32_t cut = event->bytes - event->len;

	if (from > side->position && side->aligned && !http2_skip(&side->reader, from - side->position))
		side_forget(connection, side, sink);
	if (from < side->position) { /* came twice */
		uint64_t twice = side->position - from;

		if (twice >= bytes.len)
			return;
		bytes = (struct slice){bytes.data + twice, bytes.len - twice};
	} else if (!side->aligned) {
		if (event->frame >= bytes.len)
			return;
		bytes = (struct slice){bytes.data + event->frame, bytes.len - event->frame};
		side->aligned = true;
	}
	side->position = from + event->bytes;
	if (!read_bytes(connection, side, bytes, event, sink) || (cut && !http2_skip(&side->reader, cut)))
		side_forget(connection, side, sink);
}

static void early_read(struct http2_connection *connection, struct http2_side *side, bool all,
		       struct http2_sink *sink)
{
	while (side->early && (all || http2_side_early(side)->position <= side->position)) {
		piece_read(connection, side, http2_side_early(side), sink);
		http2_side_pop_early(side, connection->budget);
	}
}

/* A request is read with the first read behind its arrival. */
static void note_read(struct http2_connection *connection, uint64_t read_ns)
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

void http2_connection_feed(struct http2_connection *connection, const struct stream_event *event,
			   struct http2_sink *sink)
{
	struct http2_side *side = &connection->sides[event->header.flags & EVENT_OUT ? OUT : IN];

	if (event->tgid)
		connection->tgid = event->tgid;
	if (!side->begun)
		side_begin(connection, side, event, sink);
	if (event->read_ns)
		note_read(connection, event->read_ns);
	if (event->header.flags & EVENT_RAW && side->aligned && event->position > side->position) {
		if (http2_side_keep_early(side, event, connection->budget))
			return;
		early_read(connection, side, true, sink);
	}
	piece_read(connection, side, event, sink);
	early_read(connection, side, false, sink);
	/* In TLS the read comes before what it gives out. */
	if (event->read_ns && event->header.flags & EVENT_TLS)
		note_read(connection, event->read_ns);
}
