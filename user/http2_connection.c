// SPDX-License-Identifier: Apache-2.0
// Puts the pieces of a connection in order and reads the frames in them, for http2_requests.c.
// Pieces may be missing: inside of DATA on purpose, elsewhere because they were lost or came before ringside.
#include "http2_connection.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "http2_fields.h"
#include "http2_requests.h"
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
	connection->first_id = HTTP2_NO_REQUEST;
	for (unsigned i = IN; i <= OUT; i++)
		connection->sides[i].hpack = hpack_new();
	if (connection->sides[IN].hpack && connection->sides[OUT].hpack)
		return connection;
	http2_connection_free(connection);
	return NULL;
}

void http2_connection_free(struct http2_connection *connection)
{
	http2_requests_drop(connection);
	for (unsigned i = IN; i <= OUT; i++) {
		struct http2_side *side = &connection->sides[i];

		http2_side_drop(side, connection->budget);
		hpack_free(side->hpack);
	}
	budget_free(connection->budget, connection, CONNECTION_SIZE);
}

/* Something of this direction was lost, or came before ringside. */
static void side_forget(struct http2_connection *connection, struct http2_side *side, struct http2_sink *sink)
{
	side->aligned = false;
	side->reader = (struct http2_reader){0};
	http2_side_drop_block(side, connection->budget);
	if (hpack_forget(side->hpack))
		sink->losses.table_full++;
	if (side == &connection->sides[OUT])
		http2_requests_doubt(connection);
}

static void piece_read(struct http2_connection *connection, struct http2_side *side,
		       const struct stream_event *event, struct http2_sink *sink);

static void early_read_first(struct http2_connection *connection, struct http2_side *side,
			     struct http2_sink *sink)
{
	piece_read(connection, side, early_pieces_first(&side->early), sink);
	early_pieces_pop(&side->early, connection->budget);
}

/* Who answers a request has got all that came before it: what is missing there was lost, and is not waited
 * for. */
static void early_give_up(struct http2_connection *connection, const struct http2_side *answer,
			  struct http2_sink *sink)
{
	struct http2_side *in = &connection->sides[IN];

	while (in->early.first && answer->block_stream & 1 && connection->asked_id < answer->block_stream)
		early_read_first(connection, in, sink);
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
	if (side == &connection->sides[IN]) {
		http2_requests_ask(connection, side, &fields, event, sink);
		return;
	}
	early_give_up(connection, side, sink);
	http2_requests_answer(connection, side, &fields, event, sink);
}

/* Frames. */

static bool has_block(const struct http2_frame *frame)
{
	return frame->type == HTTP2_HEADERS || frame->type == HTTP2_PUSH_PROMISE ||
	       frame->type == HTTP2_CONTINUATION;
}

/* Others' payloads say nothing that matters here. */
static bool is_kept(const struct http2_frame *frame)
{
	return has_block(frame) || (frame->type == HTTP2_RST_STREAM && frame->len == 4);
}

static uint32_t error_code(struct slice payload)
{
	uint8_t code[4] = {0};

	if (payload.len == sizeof(code))
		memcpy(code, payload.data, sizeof(code));
	return (uint32_t)code[0] << 24 | code[1] << 16 | code[2] << 8 | code[3];
}

static void frame_begins(struct http2_connection *connection, struct http2_side *side,
			 const struct stream_event *event)
{
	const struct http2_frame *frame = &side->reader.frame;
	uint64_t bytes = HTTP2_FRAME_HEADER_LEN + frame->len;
	bool out = side == &connection->sides[OUT];

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
	if (frame->type == HTTP2_DATA)
		http2_requests_data_begins(connection, side, frame->stream, bytes);
	else
		side->overhead += bytes;
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
		http2_requests_reset(connection, side, frame->stream, error_code(payload), event, sink);
	} else if (frame->type == HTTP2_DATA) {
		http2_requests_data_ends(connection, side, frame, event, sink);
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
			if (is_kept(&side->reader.frame) &&
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
	if (!side->aligned || side != &connection->sides[IN])
		return;
	side->reader.preface_left = HTTP2_PREFACE_LEN;
	side->overhead = HTTP2_PREFACE_LEN;
	/* Behind an upgrade, the first stream is what asked for that. */
	connection->first_id = event->position ? 1 : 0;
}

/* Drops what stands before the first frame that begins in the bytes, which are the end of the piece. Of bytes
 * in any order the kernel does not know it: segments mostly begin with one. */
static bool side_align(struct http2_side *side, const struct stream_event *event, struct slice *bytes)
{
	size_t twice = event->len - bytes->len, frame = event->frame;

	if (frame == NO_FRAME && event->header.flags & EVENT_RAW && http2_begins_headers(*bytes))
		frame = twice;
	if (frame < twice || frame >= event->len)
		return false;
	*bytes = (struct slice){bytes->data + (frame - twice), event->len - frame};
	side->aligned = true;
	return true;
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
	}
	if (!side->aligned && !side_align(side, event, &bytes))
		return;
	side->position = from + event->bytes;
	if (!read_bytes(connection, side, bytes, event, sink) || (cut && !http2_skip(&side->reader, cut)))
		side_forget(connection, side, sink);
}

/* Nothing is missing before the piece but what may have been passed over, or nothing can be waited for. */
static bool is_next(const struct http2_side *side, const struct stream_event *event)
{
	return !side->aligned || event->position <= side->position ||
	       http2_may_skip(&side->reader, event->position - side->position);
}

static void early_read(struct http2_connection *connection, struct http2_side *side, bool all,
		       struct http2_sink *sink)
{
	while (side->early.first && (all || is_next(side, early_pieces_first(&side->early))))
		early_read_first(connection, side, sink);
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
		http2_requests_note_read(connection, event->read_ns);
	/* What goes out is told in its order. */
	if (event->header.flags & EVENT_RAW && side == &connection->sides[IN] && !is_next(side, event)) {
		if (early_pieces_keep(&side->early, event, connection->budget))
			return;
		early_read(connection, side, true, sink);
	}
	piece_read(connection, side, event, sink);
	early_read(connection, side, false, sink);
	/* In TLS the read comes before what it gives out. */
	if (event->read_ns && event->header.flags & EVENT_TLS)
		http2_requests_note_read(connection, event->read_ns);
}

void http2_connection_end(struct http2_connection *connection, uint16_t outcome, uint64_t now_ns,
			  struct http2_sink *sink)
{
	early_read(connection, &connection->sides[IN], true, sink);
	http2_requests_end(connection, outcome, now_ns, sink);
}
