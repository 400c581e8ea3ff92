// SPDX-License-Identifier: Apache-2.0
// Reads the messages in the pieces of a connection, for postgres_questions.c and postgres_answers.c. Pieces
// may be missing: inside of messages nothing is lost by that; else messages are found again, where that can
// be.
#include "postgres_connection.h"

#include "event.h"
#include "postgres_answers.h"
#include "postgres_group.h"
#include "postgres_questions.h"
#include "protocols/postgres_alignment.h"

/* What TLS begins with where nobody asked for it before (a ClientHello's record). */
#define TLS_HANDSHAKE 0x16

void postgres_connection_init(struct postgres_connection *connection, struct memory_budget *budget)
{
	*connection = (struct postgres_connection){.budget = budget};
	postgres_reader_init(&connection->client.reader, false, false);
	postgres_reader_init(&connection->server.reader, true, false);
}

void postgres_connection_drop(struct postgres_connection *connection)
{
	postgres_queue_drop(&connection->queue, connection->budget);
	postgres_names_drop(&connection->names, connection->budget);
}

static bool is_server(const struct postgres_connection *connection, const struct postgres_side *side)
{
	return side == &connection->server;
}

static void side_lose(struct postgres_connection *connection, const struct postgres_side *side, bool untold,
		      struct postgres_sink *sink)
{
	if (is_server(connection, side))
		postgres_group_lose_answers(connection, untold, sink);
	else
		postgres_questions_lose(connection, sink);
}

static void side_unalign(struct postgres_connection *connection, struct postgres_side *side)
{
	postgres_reader_init(&side->reader, is_server(connection, side), false);
	side->aligned = false;
}

/* Where the next message begins is not known. If that was to be a connection's beginning, it may be none. */
static void side_break(struct postgres_connection *connection, struct postgres_side *side, bool untold,
		       struct postgres_sink *sink)
{
	side_unalign(connection, side);
	if (connection->phase == POSTGRES_PHASE_STARTUP) {
		side_unalign(connection, &connection->client);
		side_unalign(connection, &connection->server);
		connection->phase = POSTGRES_PHASE_UNKNOWN;
	}
	side_lose(connection, side, untold, sink);
}

/* The beginning of a connection has no type, but a length below 64 KiB. */
static bool begin_startup(struct postgres_connection *connection, const struct stream_event *event)
{
	if (event->header.flags & EVENT_MIDSTREAM || !event->len)
		return false;
	if (event->data[0] == TLS_HANDSHAKE)
		connection->phase = POSTGRES_PHASE_ENCRYPTED;
	if (event->data[0])
		return false;
	postgres_reader_init(&connection->client.reader, false, true);
	connection->phase = POSTGRES_PHASE_STARTUP;
	return true;
}

static void side_begin(struct postgres_connection *connection, struct postgres_side *side,
		       const struct stream_event *event)
{
	side->begun = true;
	side->position = event->position;
	side->aligned = is_server(connection, side) ? connection->phase == POSTGRES_PHASE_STARTUP
						    : begin_startup(connection, event);
}

/* Drops what stands before the first message that is found in the bytes, which are the piece's captured end.
 */
static bool side_align(struct postgres_connection *connection, struct postgres_side *side,
		       struct slice *bytes, struct postgres_sink *sink)
{
	bool server = is_server(connection, side);
	size_t at = 0;

	if (!postgres_begins(*bytes, server)) {
		at = server ? postgres_tail(*bytes) : bytes->len;
		side_lose(connection, side, false, sink);
	}
	if (at == bytes->len)
		return false;
	*bytes = (struct slice){bytes->data + at, bytes->len - at};
	side->aligned = true;
	if (connection->phase == POSTGRES_PHASE_UNKNOWN)
		connection->phase = POSTGRES_PHASE_READY;
	return true;
}

static void message_end(struct postgres_connection *connection, struct postgres_side *side, uint64_t now_ns,
			struct postgres_sink *sink)
{
	if (is_server(connection, side))
		postgres_answers_read(connection, now_ns, sink);
	else
		postgres_questions_read(connection, sink);
}

static void read_bytes(struct postgres_connection *connection, struct postgres_side *side, struct slice bytes,
		       uint64_t now_ns, struct postgres_sink *sink)
{
	while (connection->phase != POSTGRES_PHASE_ENCRYPTED) {
		if (!side->reader.within && !side->reader.header_len)
			side->message_ns = now_ns;
		switch (postgres_read(&side->reader, &bytes)) {
		case POSTGRES_MORE:
			return;
		case POSTGRES_BEGIN:
			break;
		case POSTGRES_END:
			message_end(connection, side, now_ns, sink);
			break;
		case POSTGRES_MALFORMED:
			side_break(connection, side, true, sink);
			return;
		}
	}
}

static bool skip(struct postgres_connection *connection, struct postgres_side *side, uint64_t len,
		 uint64_t now_ns, struct postgres_sink *sink)
{
	if (!postgres_skip(&side->reader, len))
		return false;
	read_bytes(connection, side, (struct slice){0}, now_ns, sink);
	return true;
}

/* What was not captured of a piece. If it is more than the rest of a message, it may come in part yet: the
 * segment's last bytes. What is copied need not be followed. */
static void rest_skip(struct postgres_connection *connection, struct postgres_side *side, uint32_t len,
		      uint64_t now_ns, struct postgres_sink *sink)
{
	if (!side->aligned || !len)
		return;
	if (skip(connection, side, len, now_ns, sink))
		side->position += len;
	else if (connection->copying_in && !is_server(connection, side))
		side_unalign(connection, side);
}

static void piece_read(struct postgres_connection *connection, struct postgres_side *side,
		       const struct stream_event *event, uint64_t now_ns, struct postgres_sink *sink)
{
	struct slice bytes = {(const char *)event->data, event->len};

	if (event->position > side->position && side->aligned &&
	    !skip(connection, side, event->position - side->position, now_ns, sink))
		side_break(connection, side, event->position > side->told, sink);
	if (event->position < side->position) { /* came twice */
		uint64_t twice = side->position - event->position;

		if (twice >= bytes.len)
			return;
		bytes = (struct slice){bytes.data + twice, bytes.len - twice};
	}
	side->position = event->position + event->len;
	if (side->aligned || side_align(connection, side, &bytes, sink))
		read_bytes(connection, side, bytes, now_ns, sink);
	rest_skip(connection, side, event->bytes - event->len, now_ns, sink);
}

void postgres_connection_feed(struct postgres_connection *connection, const struct stream_event *event,
			      struct postgres_sink *sink)
{
	bool out = event->header.flags & EVENT_OUT;
	bool server = out != !!(event->header.flags & EVENT_CLIENT);
	struct postgres_side *side = server ? &connection->server : &connection->client;
	uint64_t now_ns = out ? event->header.time_ns : event->arrival_ns;

	if (connection->phase == POSTGRES_PHASE_ENCRYPTED || !event->bytes)
		return;
	if (!side->begun)
		side_begin(connection, side, event);
	piece_read(connection, side, event, now_ns, sink);
	if (event->position + event->bytes > side->told)
		side->told = event->position + event->bytes;
	connection->touched_ns = now_ns;
}

void postgres_connection_end(struct postgres_connection *connection, struct postgres_sink *sink)
{
	postgres_group_close(connection, sink);
}

bool postgres_connection_is_authenticated(const struct postgres_connection *connection)
{
	return connection->phase == POSTGRES_PHASE_READY;
}

bool postgres_connection_is_active(const struct postgres_connection *connection)
{
	if (connection->doubtful || connection->questions_lost)
		return connection->asked;
	return postgres_queue_queries(&connection->queue) > 0;
}

bool postgres_connection_in_transaction(const struct postgres_connection *connection)
{
	return connection->transaction == 'T' || connection->transaction == 'E';
}
