// SPDX-License-Identifier: Apache-2.0
// Decodes what comes in on a connection into a queue of requests. The usual connection never gets here: it is
// for requests that are pipelined, or whose answer takes more than a segment.
#include "connection.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "connections.h"
#include "event.h"

/* A stranger can pipeline without end, or send a head without one. */
#define PIPELINE_MAX 1024
#define HELD_BYTES_MAX (256 * 1024)
#define PARTIAL_MAX (16 * 1024)

#define METHOD_MAX 32

struct piece {
	struct piece *next;
	_Alignas(struct request_event) unsigned char event[]; ///< the whole record
};

void connection_pop(struct connection *connection)
{
	struct answer *answer = connection->first;

	connection->first = answer->next;
	connection->queued--;
	free(answer);
}

void connection_free(struct connection *connection)
{
	struct piece *next;

	while (connection->first)
		connection_pop(connection);
	for (struct piece *piece = connection->held; piece; piece = next) {
		next = piece->next;
		free(piece);
	}
	free(connection->partial);
	free(connection);
}

void answer_take_request(struct answer *answer, const struct http1_request *request, uint64_t start,
			 uint64_t arrived_end)
{
	uint64_t body = start + request->head_len;

	answer->exchange.method = request->method;
	answer->exchange.target = request->target;
	answer->exchange.request_bytes = arrived_end - start;
	answer->request_start = start;
	answer->request_end = body;
	if (!request->head_len)
		answer->request_end = arrived_end;
	else if (request->framing == FRAMING_LENGTH)
		answer->request_end = body + request->content_length;
	else if (request->framing != FRAMING_NONE)
		answer->request_end = UINT64_MAX;
}

/* A request is lost: its answer, when it comes, must not be counted again. */
static void lose(struct connection *connection, uint64_t *loss)
{
	(*loss)++;
	connection->accounted++;
}

/* Nothing that follows can be told apart: each further answer counts as lost, none as something that it is
 * not. */
static void poison(struct connection *connection, uint64_t *loss)
{
	if (!connection->poison)
		connection->poison = loss;
}

/* A copy that outlives the event. */
static struct answer *answer_keep(const struct answer *answer)
{
	struct answer *kept = malloc(sizeof(*kept));
	size_t method = answer->exchange.method.len, target = answer->exchange.target.len;

	if (!kept)
		return NULL;
	if (method > METHOD_MAX)
		method = METHOD_MAX;
	if (target > sizeof(kept->text) - method)
		target = sizeof(kept->text) - method;
	memcpy(kept, answer, offsetof(struct answer, head_bytes));
	memcpy(kept->text, answer->exchange.method.data, method);
	memcpy(kept->text + method, answer->exchange.target.data, target);
	kept->exchange.method = (struct slice){kept->text, method};
	kept->exchange.target = (struct slice){kept->text + method, target};
	return kept;
}

static bool enqueue(struct connection *connection, const struct answer *answer,
		    struct connection_losses *losses)
{
	struct answer **last = &connection->first;
	struct answer *kept = connection->queued < PIPELINE_MAX ? answer_keep(answer) : NULL;

	if (!kept) {
		poison(connection, &losses->table_full);
		return false;
	}
	while (*last)
		last = &(*last)->next;
	kept->next = NULL;
	*last = kept;
	connection->queued++;
	return true;
}

static struct slice behind(struct slice bytes, uint64_t len)
{
	return len < bytes.len ? (struct slice){bytes.data + len, bytes.len - len}
			       : (struct slice){bytes.data, 0};
}

/* Where the next request begins, by this one's framing. Sets in_chunks where only an empty line will tell. */
static uint64_t find_end(struct connection *connection, const struct answer *answer,
			 const struct http1_request *request, struct slice bytes)
{
	size_t len;

	connection->in_chunks = false;
	if (answer->request_end != UINT64_MAX)
		return answer->request_end;
	bytes = behind(bytes, request->head_len);
	if (http1_chunked_decode(bytes.data, bytes.len, &len) == DECODE_OK)
		return answer->request_start + request->head_len + len;
	connection->in_chunks = true;
	return answer->request_start + request->head_len + bytes.len;
}

/* Where a request ends whose head is longer than what is kept: before what came behind it, unless that may be
 * its body. */
static uint64_t cut_end(const struct connection *connection, const struct http1_request *request,
			uint64_t arrived_end)
{
	if (!connection->held || request->method.data[0] == 'P') /* POST, PUT, PATCH, PROPFIND */
		return arrived_end;
	return ((const struct request_event *)connection->held->event)->request_start;
}

static void drop_partial(struct connection *connection)
{
	free(connection->partial);
	connection->partial = NULL;
	connection->partial_len = 0;
}

/* Keep the beginning of a request until the rest comes. */
static void keep_partial(struct connection *connection, struct slice bytes, uint64_t start,
			 uint64_t arrival_ns, struct connection_losses *losses)
{
	char *partial = bytes.len <= PARTIAL_MAX ? malloc(bytes.len) : NULL;

	drop_partial(connection);
	if (!partial) {
		poison(connection, &losses->table_full);
		return;
	}
	memcpy(partial, bytes.data, bytes.len);
	connection->partial = partial;
	connection->partial_len = bytes.len;
	connection->partial_start = start;
	connection->partial_arrival_ns = arrival_ns;
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

/* Decode and queue the requests that stand in `bytes`, from position `start` on. The first takes its times
 * from `template`, the others arrived with it. With `goes_on`, what is not whole waits for the next piece. */
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
			lose(connection, &losses->malformed);
			connection->next_request =
				UINT64_MAX; /* nothing that follows can be told apart any more */
			return;
		}
		if (decoded == DECODE_MORE && goes_on) {
			keep_partial(connection, bytes, start, template->exchange.arrival_ns, losses);
			return;
		}
		/* The request line goes on in what was not captured of a later one, or it has not ended. */
		if (!request.target.len || (request.target_cut && !first) ||
		    (decoded == DECODE_MORE && arrived_end - start <= bytes.len && !has_line(bytes))) {
			if (first)
				lose(connection, &losses->incomplete_request);
			else if (!is_empty_lines(bytes))
				lose(connection, &losses->unmatched);
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
		if (!enqueue(connection, &answer, losses) || decoded == DECODE_MORE)
			return;
		bytes = behind(bytes, end - start);
		start = end;
	}
}

static void take_piece(struct connection *connection, const struct request_event *event,
		       struct connection_losses *losses)
{
	struct slice bytes = {(const char *)event->data, event->request_len};
	uint64_t start = event->request_start, end = start + event->request_bytes;
	struct answer template;
	char *joined = NULL;

	answer_init(&template);
	template.exchange.arrival_ns = event->header.time_ns;
	template.exchange.netns = event->header.netns;
	template.exchange.cgroup = event->cgroup;
	template.exchange.tgid = event->tgid;
	template.exchange.local_port = event->local_port;

	if (connection->piece_end && start != connection->piece_end)
		poison(connection, &losses->unmatched);
	connection->piece_end = end;
	if (connection->poison) {
		drop_partial(connection);
		return;
	}
	/* A chunked body is over behind an empty line, but a chunk may end in one, too: then no request
	 * follows. */
	if (connection->in_chunks) {
		struct http1_request request;

		if (!(event->header.flags & EVENT_AFTER_LINE) ||
		    http1_request_decode(bytes.data, bytes.len, &request) == DECODE_MALFORMED)
			return;
		connection->in_chunks = false;
	}
	if (connection->partial && connection->partial_start + connection->partial_len == start)
		joined = realloc(connection->partial, connection->partial_len + bytes.len);
	if (joined) {
		memcpy(joined + connection->partial_len, bytes.data, bytes.len);
		bytes = (struct slice){joined, connection->partial_len + bytes.len};
		start = connection->partial_start;
		template.exchange.arrival_ns = connection->partial_arrival_ns;
		connection->partial = NULL;
		connection->partial_len = 0;
	} else if (connection->partial) {
		drop_partial(connection);
	}
	if (start < connection->next_request) {
		bytes = behind(bytes, connection->next_request - start);
		start = connection->next_request;
	}
	take_requests(connection, bytes, start, end, &template, true, losses);
	free(joined);
}

static void hold(struct connection *connection, const struct request_event *event,
		 struct connection_losses *losses)
{
	struct piece **last = &connection->held;
	size_t size = sizeof(*event) + event->request_len;
	struct piece *piece = NULL;

	if (connection->held_bytes + size <= HELD_BYTES_MAX)
		piece = malloc(sizeof(*piece) + size);
	if (!piece) {
		poison(connection, &losses->table_full);
		return;
	}
	piece->next = NULL;
	memcpy(piece->event, event, size);
	connection->held_bytes += size;
	while (*last)
		last = &(*last)->next;
	*last = piece;
}

void connection_take_held(struct connection *connection, struct connection_losses *losses)
{
	while (connection->held) {
		struct piece *piece = connection->held;

		connection->held = piece->next;
		take_piece(connection, (const struct request_event *)piece->event, losses);
		free(piece);
	}
	connection->held_bytes = 0;
}

void connection_take_piece(struct connection *connection, const struct request_event *event,
			   struct connection_losses *losses)
{
	/* Whether it is a request or part of a body shows when the one before is known. */
	if (event->header.flags & EVENT_BEHIND) {
		hold(connection, event, losses);
		return;
	}
	connection_take_held(connection, losses); /* the one before was lost */
	take_piece(connection, event, losses);
}

void connection_take_exchange(struct connection *connection, const struct exchange_event *event,
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
	    ((const struct request_event *)connection->held->event)->request_start > connection->next_request)
		poison(connection, &losses->unmatched);
	connection_take_held(connection, losses);
}

void connection_take_rest(struct connection *connection, struct connection_losses *losses)
{
	connection_take_held(connection, losses);
	if (!connection->poison && connection->partial &&
	    !is_empty_lines((struct slice){connection->partial, connection->partial_len}))
		losses->incomplete_request++;
	drop_partial(connection);
}
