// SPDX-License-Identifier: Apache-2.0
// Reads the pieces of both directions, whose bytes may be missing, and says when it is known again where a
// request or a reply begins. redis_calls.c says what they mean.
#include "redis_connection.h"

#include <stddef.h>
#include <string.h>

#include "event.h"
#include "memory_budget.h"
#include "redis_calls.h"

enum { IN, OUT };

/* Neither end has said anything for so long: all that was asked is answered, unless a command took longer. */
#define QUIET_NS 100000000ULL

struct redis_connection *redis_connection_new(struct memory_budget *budget)
{
	struct redis_connection *connection = budget_alloc(budget, sizeof(*connection));

	if (!connection)
		return NULL;
	memset(connection, 0, sizeof(*connection));
	connection->budget = budget;
	connection->out_last = connection->out_ended = true;
	return connection;
}

void redis_connection_free(struct redis_connection *connection)
{
	if (!connection)
		return;
	redis_queue_clear(&connection->asked, connection->budget);
	budget_free(connection->budget, connection, sizeof(*connection));
}

bool redis_connection_is_subscribed(const struct redis_connection *connection)
{
	const uint32_t *counts = connection->subscriptions;

	return counts[0] || counts[1] || counts[2];
}

/* Requests. */

/* The one whose name was seen is answered before those that were not. */
static void request_ends_unseen(struct redis_connection *connection, struct redis_sink *sink)
{
	struct redis_request request = connection->request.request;
	enum redis_role role = redis_command(request.command)->role;

	if (!redis_request_is_named(&connection->request) || connection->state != REDIS_FOLLOWED)
		return;
	if (role == REDIS_CLIENT || role >= REDIS_HELLO) { /* how it is answered is in what was not seen */
		sink->losses.commands++;
		return;
	}
	request.blocks |= role == REDIS_XREAD || role == REDIS_XREADGROUP;
	redis_calls_ask(connection, &request, sink);
}

/* Commands may be in what was not seen or not understood. */
static void requests_lose(struct redis_connection *connection, struct redis_sink *sink)
{
	sink->losses.stretches++;
	connection->aligned = false;
	connection->request = (struct redis_request_reader){0};
	if (connection->state == REDIS_FOLLOWED)
		connection->state = REDIS_ENDING;
	if (!redis_queue_first(&connection->asked) && connection->state == REDIS_ENDING)
		redis_calls_lose(connection, sink);
}

/* A request begins while others are answered: who does that may do so unnoticed, too, where not all was seen.
 */
static void overlap_note(struct redis_connection *connection, struct redis_sink *sink)
{
	if (!connection->answering)
		return;
	connection->overlaps = true;
	if (connection->presumed)
		redis_calls_lose(connection, sink);
}

static void requests_read(struct redis_connection *connection, struct slice bytes,
			  const struct stream_event *event, struct redis_sink *sink)
{
	struct redis_request request;

	while (connection->aligned && connection->state != REDIS_IGNORED) {
		if (!redis_request_is_within(&connection->request) && bytes.len) {
			connection->start_ns = event->arrival_ns;
			overlap_note(connection, sink);
		}
		switch (redis_request_read(&connection->request, &bytes, &request)) {
		case REDIS_MORE:
			return;
		case REDIS_END:
			if (request.words)
				redis_calls_ask(connection, &request, sink);
			break;
		case REDIS_MALFORMED:
			requests_lose(connection, sink);
			break;
		}
	}
}

static void requests_skip(struct redis_connection *connection, uint64_t len, const struct stream_event *event,
			  struct redis_sink *sink)
{
	if (!connection->aligned)
		return;
	if (redis_request_skip(&connection->request, len)) {
		requests_read(connection, (struct slice){0}, event, sink);
		return;
	}
	request_ends_unseen(connection, sink);
	requests_lose(connection, sink);
}

/* Rest. */

/* The client has got what it asked for before it asked for more, so far. */
static bool is_taking_turns(const struct redis_connection *connection)
{
	return connection->out_last && connection->out_ended && !connection->overlaps;
}

/* Before what has come in is read: whether it begins with a request at rest. */
static void rest_note(struct redis_connection *connection, struct slice bytes,
		      const struct stream_event *event, struct redis_sink *sink)
{
	bool quiet = connection->last_ns && event->header.time_ns >= connection->last_ns + QUIET_NS;
	bool begins;

	if (quiet && !redis_queue_first(&connection->asked))
		connection->presumed = false;
	/* Of an older connection, a reply that is missing would not show before the first that is not. */
	if (!connection->begun[OUT] && redis_queue_first(&connection->asked))
		redis_calls_lose(connection, sink);
	if (connection->state == REDIS_IGNORED || (connection->aligned && connection->state != REDIS_LOST))
		return;
	begins = !redis_request_is_within(&connection->request) && redis_begins_request(bytes);
	connection->aligned |= begins;
	if (connection->state != REDIS_LOST)
		return;
	if (connection->unended && !(begins && is_taking_turns(connection)))
		redis_calls_lose(connection, sink);
	if (!begins || (!quiet && !is_taking_turns(connection)))
		return;
	connection->state = REDIS_FOLLOWED;
	connection->presumed = !quiet || connection->unended;
	connection->answering = false;
}

/* Replies. */

/* Whether nothing but the end of one reply is unknown. */
static bool is_end_unknown(struct redis_connection *connection)
{
	struct redis_asked *first = redis_queue_first(&connection->asked);

	return connection->state == REDIS_FOLLOWED && first &&
	       first == redis_queue_last(&connection->asked) &&
	       !redis_request_is_within(&connection->request) && !(first->flags & REDIS_ASKED_NO_ROOM) &&
	       redis_command(first->command)->role < REDIS_HELLO && connection->reply.reply.type &&
	       connection->reply.reply.type != '>' && !connection->pushed && !connection->overlaps;
}

static void replies_lose(struct redis_connection *connection, bool unseen, struct redis_sink *sink)
{
	if (!unseen || !is_end_unknown(connection)) {
		sink->losses.stretches++;
		redis_calls_lose(connection, sink);
		return;
	}
	connection->unended = true;
	connection->unended_error = connection->reply.reply.error;
	connection->reply = (struct redis_reply_reader){0};
	connection->state = REDIS_LOST;
}

static bool is_read(const struct redis_connection *connection)
{
	return connection->state == REDIS_FOLLOWED || connection->state == REDIS_ENDING;
}

/* A client that takes turns has gone on: the reply whose end was not seen ended with what went out last
 * before that, if nothing is missing behind it. */
static void unended_ends(struct redis_connection *connection, const struct stream_event *event,
			 struct redis_sink *sink)
{
	struct redis_reply reply = {.error = connection->unended_error};

	if (!connection->unended || !is_read(connection))
		return;
	if (event->position > connection->positions[OUT]) {
		redis_calls_lose(connection, sink);
		return;
	}
	connection->unended = false;
	redis_calls_tell(connection, &reply, connection->out_ns, sink);
}

static void replies_read(struct redis_connection *connection, struct slice bytes,
			 const struct stream_event *event, struct redis_sink *sink)
{
	struct redis_reply reply;

	while (is_read(connection)) {
		switch (redis_reply_read(&connection->reply, &bytes, &reply)) {
		case REDIS_MORE:
			return;
		case REDIS_END:
			redis_calls_answer(connection, &reply, event->header.time_ns, sink);
			break;
		case REDIS_MALFORMED:
			replies_lose(connection, false, sink);
			break;
		}
	}
}

/* `before`: what is missing had left before the piece, so that an end in it has no time. */
static void replies_skip(struct redis_connection *connection, uint64_t len, bool before,
			 const struct stream_event *event, struct redis_sink *sink)
{
	if (!is_read(connection))
		return;
	if (redis_reply_may_skip(&connection->reply, len + before) &&
	    redis_reply_skip(&connection->reply, len))
		replies_read(connection, (struct slice){0}, event, sink);
	else
		replies_lose(connection, true, sink);
}

/* Pieces. */

static bool ends_line(const struct stream_event *event)
{
	const __u8 *end = event->tail + sizeof(event->tail);

	if (event->len == event->bytes)
		end = event->data + event->len;
	return event->bytes >= 2 && !memcmp(end - 2, "\r\n", 2);
}

static void bytes_read(struct redis_connection *connection, struct slice bytes,
		       const struct stream_event *event, struct redis_sink *sink)
{
	if (event->header.flags & EVENT_OUT)
		replies_read(connection, bytes, event, sink);
	else
		requests_read(connection, bytes, event, sink);
}

static void bytes_skip(struct redis_connection *connection, uint64_t len, bool before,
		       const struct stream_event *event, struct redis_sink *sink)
{
	if (!len)
		return;
	if (event->header.flags & EVENT_OUT)
		replies_skip(connection, len, before, event, sink);
	else
		requests_skip(connection, len, event, sink);
}

/* What is not captured of a piece is its end, but for the tail. */
static void piece_read(struct redis_connection *connection, const struct stream_event *event, uint64_t twice,
		       struct redis_sink *sink)
{
	uint64_t seen = twice < event->len ? twice : event->len;
	struct slice bytes = {(const char *)event->data + seen, event->len - seen};
	uint64_t cut = event->bytes - event->len - (twice - seen);
	uint64_t tail = cut < sizeof(event->tail) ? cut : sizeof(event->tail);

	bytes_read(connection, bytes, event, sink);
	bytes_skip(connection, cut - tail, false, event, sink);
	bytes_read(connection, (struct slice){(const char *)event->tail + sizeof(event->tail) - tail, tail},
		   event, sink);
}

static void connection_begin(struct redis_connection *connection, const struct stream_event *event)
{
	bool midstream = event->header.flags & EVENT_MIDSTREAM;

	connection->state = midstream ? REDIS_LOST : REDIS_FOLLOWED;
	connection->aligned = !midstream;
	connection->begun[IN] = connection->begun[OUT] = !midstream;
}

/* What is missing before the piece, or how much of it came before. */
static uint64_t position_take(struct redis_connection *connection, const struct stream_event *event,
			      struct redis_sink *sink)
{
	bool out = event->header.flags & EVENT_OUT;
	uint64_t *position = &connection->positions[out ? OUT : IN];

	if (!connection->begun[out ? OUT : IN])
		*position = event->position;
	connection->begun[out ? OUT : IN] = true;
	if (event->position <= *position)
		return *position - event->position;
	bytes_skip(connection, event->position - *position, true, event, sink);
	connection->out_last &= out; /* if it came in, it may be unanswered */
	return 0;
}

void redis_connection_feed(struct redis_connection *connection, const struct stream_event *event,
			   struct redis_sink *sink)
{
	bool out = event->header.flags & EVENT_OUT;
	uint64_t twice;

	if (!connection->last_ns)
		connection_begin(connection, event);
	if (out)
		unended_ends(connection, event, sink);
	twice = position_take(connection, event, sink);
	if (twice >= event->bytes)
		return;
	connection->positions[out ? OUT : IN] = event->position + event->bytes;
	if (out && redis_queue_first(&connection->asked))
		connection->answering = true;
	if (!out)
		rest_note(connection, (struct slice){(const char *)event->data, event->len}, event, sink);
	piece_read(connection, event, twice, sink);
	connection->last_ns = event->header.time_ns;
	connection->out_last = out;
	if (!out)
		return;
	connection->out_ns = event->header.time_ns;
	connection->out_ended = ends_line(event);
}

void redis_connection_end(struct redis_connection *connection, struct redis_sink *sink)
{
	uint32_t open = redis_queue_clear(&connection->asked, connection->budget);

	if (connection->unended)
		sink->losses.commands += open;
	else
		sink->losses.unanswered += open;
	connection->state = REDIS_IGNORED;
}
