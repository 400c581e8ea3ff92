// SPDX-License-Identifier: Apache-2.0
// Decodes what comes in on a connection into its queue of requests. The usual connection never gets here: it
// is for requests that are pipelined, or whose answer takes more than a segment.
#include "arrivals.h"

#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "connections.h"
#include "event.h"

/* A piece of what comes in where user space gets every byte. */
struct piece {
	uint64_t start, end;
	struct slice bytes; /* captured of its beginning */
	uint64_t read_ns;
	struct exchange from; /* when and where it came */
	bool after_line;      /* what came before ended in an empty line */
};

static struct slice behind(struct slice bytes, uint64_t len)
{
	return len < bytes.len ? (struct slice){bytes.data + len, bytes.len - len}
			       : (struct slice){bytes.data, 0};
}

/* Walk the chunks of a body that comes in. True if it ends within these bytes, and sets its end's position.
 */
static bool chunks_walk(struct connection *connection, struct slice bytes, uint64_t start, uint64_t *ret_end)
{
	enum decode outcome = DECODE_MALFORMED;
	size_t len;

	if (connection->chunks_at == start)
		outcome = http1_chunks_walk(&connection->chunks, bytes, &len);
	connection->chunks_at = outcome == DECODE_MORE ? start + bytes.len : UINT64_MAX;
	if (outcome == DECODE_OK)
		*ret_end = start + len;
	return outcome == DECODE_OK;
}

/* Where the next request begins, by this one's framing. Sets in_chunks where what is yet to come will tell.
 */
static uint64_t find_end(struct connection *connection, const struct answer *answer,
			 const struct http1_request *request, struct slice bytes)
{
	uint64_t body = answer->request_start + request->head_len, end;

	connection->in_chunks = false;
	if (answer->request_end != UINT64_MAX)
		return answer->request_end;
	bytes = behind(bytes, request->head_len);
	connection->chunks = (struct http1_chunks){0};
	connection->chunks_at = body;
	if (chunks_walk(connection, bytes, body, &end))
		return end;
	connection->in_chunks = true;
	return body + bytes.len;
}

/* Where a request ends whose head is longer than what is kept: before what came behind it, unless that may be
 * its body. */
static uint64_t cut_end(const struct connection *connection, const struct http1_request *request,
			uint64_t arrived_end)
{
	if (!connection->held || request->method.data[0] == 'P') /* POST, PUT, PATCH, PROPFIND */
		return arrived_end;
	return connection_held(connection)->request_start;
}

static bool is_empty_lines(struct slice bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		if (bytes.data[i] != '\r' && bytes.data[i] != '\n')
			return false;
	return true;
}

static bool has_line(struct slice bytes)
{
	size_t at = 0;

	while (at < bytes.len && (bytes.data[at] == '\r' || bytes.data[at] == '\n'))
		at++;
	return at < bytes.len && memchr(bytes.data + at, '\n', bytes.len - at);
}

/* The shortest request; less than that behind a body is a stray line end. */
#define REQUEST_MIN (sizeof("GET / HTTP/1.1\r\n\r\n") - 1)

/* Whether behind the request something stands that was not captured, and that no piece holds. */
static bool hides_another(const struct connection *connection, struct slice bytes, uint64_t start,
			  uint64_t arrived_end)
{
	if (connection->held && connection_held(connection)->request_start < arrived_end)
		arrived_end = connection_held(connection)->request_start;
	return !bytes.len && !connection->in_chunks && arrived_end >= start + REQUEST_MIN;
}

/* Decode and queue the requests that stand in `bytes`, from position `start` on. The first takes its times
 * from `template`, the others arrived with it. With `goes_on`, what is not whole waits for the next piece.
 * What stands behind the bytes and was not captured can only be counted, when it is answered. */
static void take_requests(struct connection *connection, struct slice bytes, uint64_t start,
			  uint64_t arrived_end, const struct answer *template, bool goes_on,
			  struct connection_losses *losses)
{
	for (bool first = true; bytes.len; first = false) {
		struct http1_request request;
		enum decode decoded = http1_request_decode(bytes.data, bytes.len, &request);
		struct answer answer;
		uint64_t end;

		if (decoded == DECODE_MALFORMED) {
			connection_lose(connection, &losses->malformed);
			connection->next_request =
				UINT64_MAX; /* nothing that follows can be told apart any more */
			return;
		}
		if (decoded == DECODE_MORE && goes_on) {
			if (!connection_keep_partial(connection, bytes, start, template->exchange.arrival_ns))
				connection_poison(connection, &losses->table_full);
			return;
		}
		/* The request line goes on in what was not captured of a later one, or it has not ended. */
		if (!request.target.len || (request.target_cut && !first) ||
		    (decoded == DECODE_MORE && arrived_end - start <= bytes.len && !has_line(bytes))) {
			if (first)
				connection_lose(connection, &losses->incomplete_request);
			else if (!is_empty_lines(bytes))
				connection_lose(connection, &losses->unmatched);
			return;
		}
		answer_init(&answer);
		answer.exchange = template->exchange;
		if (first) {
			answer.read_ns = template->read_ns;
			answer.on_cpu_ns = template->on_cpu_ns;
			answer.run_queue_ns = template->run_queue_ns;
			answer.same_thread = template->same_thread;
		}
		answer_take_request(&answer, &request, start, arrived_end);
		if (decoded == DECODE_MORE)
			answer.request_end = cut_end(connection, &request, arrived_end);
		end = find_end(connection, &answer, &request, bytes);
		/* Of a pipelined request all will come; what is behind it is another's. */
		if (end < arrived_end || (goes_on && answer.request_end != UINT64_MAX))
			answer.exchange.request_bytes = end - start;
		connection->next_request = end;
		if (connection->answers_lost) {
			losses->unmatched++;
		} else if (!connection_enqueue(connection, &answer)) {
			connection_poison(connection, &losses->table_full);
			return;
		}
		if (decoded == DECODE_MORE && first)
			return;
		bytes = behind(bytes, end - start);
		start = end;
		if (decoded == DECODE_MORE || hides_another(connection, bytes, start, arrived_end))
			connection_poison(connection, &losses->unmatched);
		if (decoded == DECODE_MORE)
			return;
	}
}

/* Whether all of the piece belongs to a chunked body. Sets next_request where the body ends within it. Where
 * not every byte was seen, the body is over behind an empty line that a request follows: a chunk may end in
 * an empty line, too. */
static bool is_within_chunks(struct connection *connection, const struct piece *piece)
{
	struct http1_request request;

	if (!connection->in_chunks)
		return false;
	if (chunks_walk(connection, piece->bytes, piece->start, &connection->next_request))
		return false;
	if (connection->chunks_at == piece->start + piece->bytes.len && connection->chunks_at < piece->end)
		connection->chunks_at = UINT64_MAX; /* the rest was not captured */
	return connection->chunks_at != UINT64_MAX || !piece->after_line ||
	       http1_request_decode(piece->bytes.data, piece->bytes.len, &request) == DECODE_MALFORMED;
}

/* The piece's bytes behind those that were kept, in memory of the caller's; NULL if none were, or if it does
 * not follow them. */
static char *join_partial(const struct connection *connection, const struct piece *piece)
{
	char *joined = NULL;

	if (connection->partial && connection->partial_start + connection->partial_len == piece->start)
		joined = malloc(connection->partial_len + piece->bytes.len);
	if (!joined)
		return NULL;
	memcpy(joined, connection->partial, connection->partial_len);
	memcpy(joined + connection->partial_len, piece->bytes.data, piece->bytes.len);
	return joined;
}

static void take_piece(struct connection *connection, const struct piece *piece,
		       struct connection_losses *losses)
{
	struct slice bytes = piece->bytes;
	uint64_t start = piece->start;
	struct answer template;
	char *joined;

	if (connection->piece_end && start != connection->piece_end)
		connection_poison(connection, &losses->unmatched);
	connection->piece_end = piece->end;
	if (connection->poison) {
		connection_drop_partial(connection);
		return;
	}
	if (is_within_chunks(connection, piece))
		return;
	connection->in_chunks = false;
	answer_init(&template);
	template.exchange = piece->from;
	template.read_ns = piece->read_ns;
	joined = join_partial(connection, piece);
	if (joined) {
		bytes = (struct slice){joined, connection->partial_len + bytes.len};
		start = connection->partial_start;
		template.exchange.arrival_ns = connection->partial_arrival_ns;
	}
	connection_drop_partial(connection);
	if (start < connection->next_request) {
		bytes = behind(bytes, connection->next_request - start);
		start = connection->next_request;
	}
	if (hides_another(connection, bytes, start, piece->end))
		connection_poison(connection, &losses->unmatched);
	take_requests(connection, bytes, start, piece->end, &template, true, losses);
	free(joined);
}

static void take_event(struct connection *connection, const struct request_event *event,
		       struct connection_losses *losses)
{
	const struct piece piece = {
		.start = event->request_start,
		.end = event->request_start + event->request_bytes,
		.bytes = {(const char *)event->data, event->request_len},
		.from = {.arrival_ns = event->header.time_ns,
			 .socket = event->header.socket,
			 .netns = event->header.netns,
			 .cgroup = event->cgroup,
			 .tgid = event->tgid,
			 .local_port = event->local_port},
		.after_line = event->header.flags & EVENT_AFTER_LINE,
	};

	take_piece(connection, &piece, losses);
}

void arrivals_take_stream(struct connection *connection, const struct stream_event *event,
			  struct connection_losses *losses)
{
	const struct piece piece = {
		.start = event->position,
		.end = event->position + event->bytes,
		.bytes = {(const char *)event->data, event->len},
		.read_ns = event->read_ns ? event->read_ns : event->header.time_ns,
		.from = {.arrival_ns = event->arrival_ns,
			 .socket = event->header.socket,
			 .netns = event->header.netns,
			 .cgroup = event->cgroup,
			 .tgid = event->tgid,
			 .local_port = event->local_port},
		.after_line = connection->after_line,
	};

	take_piece(connection, &piece, losses);
	connection->after_line = event->bytes >= 4 && !memcmp(event->tail + 4, "\r\n\r\n", 4);
}

void arrivals_take_held(struct connection *connection, struct connection_losses *losses)
{
	while (connection->held) {
		take_event(connection, connection_held(connection), losses);
		connection_drop_held(connection);
	}
	if (connection->held_cut)
		connection_poison(connection, connection->held_cut);
}

void arrivals_take_piece(struct connection *connection, const struct request_event *event,
			 struct connection_losses *losses)
{
	/* Whether it is a request or part of a body shows when the one before is known. */
	if (event->header.flags & EVENT_BEHIND) {
		if (connection->held_cut || !connection_hold(connection, event))
			connection->held_cut = &losses->table_full;
		return;
	}
	arrivals_take_held(connection, losses); /* the one before was lost */
	take_event(connection, event, losses);
}

void arrivals_take_exchange(struct connection *connection, const struct exchange_event *event,
			    const struct answer *template, struct connection_losses *losses)
{
	struct slice bytes = {(const char *)event->data, event->request_len};

	/* The beginning of another one stands at the end of what is kept, and the pieces to come hold the
	 * rest. */
	bool goes_on = connection->streamed && !connection->held &&
		       event->request_end - event->request_start == event->request_len;
	take_requests(connection, bytes, event->request_start, event->request_end, template, goes_on, losses);
	connection->piece_end = goes_on ? event->request_end : connection->piece_end;
	/* The first piece follows without a gap where the request's end is known. */
	if (connection->held && !connection->in_chunks &&
	    connection_held(connection)->request_start > connection->next_request)
		connection_poison(connection, &losses->unmatched);
	arrivals_take_held(connection, losses);
}

void arrivals_end(struct connection *connection, struct connection_losses *losses)
{
	arrivals_take_held(connection, losses);
	if (!connection->poison && connection->partial &&
	    !is_empty_lines((struct slice){connection->partial, connection->partial_len}))
		losses->incomplete_request++;
	connection_drop_partial(connection);
}
