// SPDX-License-Identifier: Apache-2.0
// Pairs requests with answers. Each connection that needs it has a queue of requests in the order of their
// arrival; the first of them owns the answer's bytes that come next. Finished exchanges go to the aggregate.
#include "connections.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "arrivals.h"
#include "connection.h"
#include "event.h"
#include "pairing.h"
#include "protocols/http1.h"

/* A stranger can open connections and leave answers unfinished: some 60 000 of them. */
#define MEMORY_MAX ((size_t)128 * 1024 * 1024)

/* An answer whose end cannot be told is reported after this silence. */
#define QUIET_NS 1000000000ULL
/* The kernel tells when a connection closes. Where it could not (the ring was full), the entry goes after
 * this time. */
#define FORGOTTEN_NS 3600000000000ULL

struct connections {
	struct connection *table;
	struct memory_budget budget;
	struct pairing pairing;
};

int connections_new(void (*on_exchange)(void *context, const struct exchange *exchange), void *context,
		    struct connections **ret_connections)
{
	struct connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return -ENOMEM;
	connections->budget.limit = MEMORY_MAX;
	connections->pairing.on_exchange = on_exchange;
	connections->pairing.context = context;
	*ret_connections = connections;
	return 0;
}

static struct connection *connection_find(struct connections *connections, uint64_t socket)
{
	struct connection *connection = NULL;

	if (connections->table)
		HASH_FIND(hh, connections->table, &socket, sizeof(socket), connection);
	return connection;
}

static void connection_remove(struct connections *connections, struct connection *connection)
{
	HASH_DELETE(hh, connections->table, connection);
	connection_free(connection);
}

void connections_free(struct connections *connections)
{
	struct connection *connection, *next;

	if (!connections)
		return;
	HASH_ITER (hh, connections->table, connection, next)
		connection_remove(connections, connection);
	free(connections);
}

static struct connection *connection_get(struct connections *connections, const struct event_header *header)
{
	struct connection *connection = connection_find(connections, header->socket);

	if (!connection) {
		connection = connection_new(header->socket, &connections->budget);
		if (!connection) {
			connections->pairing.losses.table_full++;
			return NULL;
		}
		HASH_ADD(hh, connections->table, socket, sizeof(connection->socket), connection);
	}
	connection->touched_ns = header->time_ns;
	return connection;
}

/* What the event says of the request, but for its text. */
static void answer_take_event(struct answer *answer, const struct exchange_event *event)
{
	answer->exchange.arrival_ns = event->arrival_ns;
	answer->exchange.socket = event->header.socket;
	answer->exchange.cgroup = event->cgroup;
	answer->exchange.tgid = event->tgid;
	answer->exchange.netns = event->header.netns;
	answer->exchange.local_port = event->local_port;
	answer->read_ns = event->read_ns;
	answer->on_cpu_ns = event->on_cpu_ns;
	answer->run_queue_ns = event->run_queue_ns;
	answer->same_thread = event->header.flags & EVENT_SAME_THREAD;
}

static uint16_t outcome_of(uint16_t flags)
{
	return flags & EVENT_CLIENT_LEFT ? EXCHANGE_ABORTED : EXCHANGE_NONE;
}

/* Forget the connection once there is nothing to remember. */
static void settle(struct connections *connections, struct connection *connection, uint16_t flags,
		   uint64_t now_ns)
{
	if (flags & EVENT_FIN)
		pairing_end(&connections->pairing, connection, outcome_of(flags), now_ns);
	if ((flags & EVENT_FIN) ||
	    (!connection->first && !connection->streamed && !connection->poison && !connection->answers_lost))
		connection_remove(connections, connection);
}

static struct stretch stretch_of(const struct exchange_event *event)
{
	return (struct stretch){
		.start = event->response_end - event->response_bytes,
		.end = event->response_end,
		.time_ns = event->header.time_ns,
		.bytes = {(const char *)event->data + event->request_room, event->response_len},
		.tail = event->tail,
	};
}

/* Whether the request is alone: nothing of a second one stands behind it. */
static bool is_alone(const struct http1_request *request, enum decode decoded,
		     const struct exchange_event *event)
{
	uint64_t arrived = event->request_end - event->request_start;

	if (decoded == DECODE_MORE)
		return event->request_len ==
		       REQUEST_CAPTURE_MAX; /* cut by us: the answer says that it was whole */
	return request->framing == FRAMING_CHUNKED || request->head_len + request->content_length >= arrived;
}

/* The usual case, without a look at the table: one request, all of its answer in one segment. */
static bool pass_through(struct connections *connections, const struct exchange_event *event,
			 struct answer *answer)
{
	struct stretch stretch = stretch_of(event);
	struct http1_request request;
	enum decode decoded;

	decoded = http1_request_decode((const char *)event->data, event->request_len, &request);
	if (event->header.flags & EVENT_STREAMED || decoded == DECODE_MALFORMED || !request.target.len ||
	    !is_alone(&request, decoded, event))
		return false;
	answer_take_request(answer, &request, event->request_start, event->request_end);
	if (answer_feed(answer, &stretch) != ANSWER_COMPLETE || answer->end != stretch.end)
		return false;
	pairing_report(&connections->pairing, answer, answer->head.status, 0);
	return true;
}

void connections_on_exchange(struct connections *connections, const struct exchange_event *event)
{
	struct connection *connection = connection_find(connections, event->header.socket);
	struct answer answer;
	bool gap;

	answer_init(&answer);
	answer_take_event(&answer, event);
	if (!connection && pass_through(connections, event, &answer))
		return;
	answer_init(&answer);
	answer_take_event(&answer, event);

	connection = connection_get(connections, &event->header);
	if (!connection)
		return;
	connection->streamed |= !!(event->header.flags & EVENT_STREAMED);
	gap = connection->sequence && event->sequence != connection->sequence + 1;
	connection->sequence = event->sequence;
	/* The answer before this one is over, whether or not we could tell; its end is known unless another
	 * was between. */
	if (connection->first && connection->first->first_ns) {
		if (!gap) {
			connection->first->last_ns = event->previous_last_ns;
			connection->first->end = event->response_end - event->response_bytes;
		}
		pairing_report_begun(&connections->pairing, connection);
	}
	/* What still waits cannot be told from what was lost. */
	while (gap && connection->first) {
		connections->pairing.losses.unmatched++;
		connection_pop(connection);
	}
	/* The scheduler's sums end with this segment, which then answers an older request. */
	if (connection->first)
		answer.same_thread = false;
	/* After a request that was not seen the kernel takes its answer for this one's. */
	if (!connection->poison)
		arrivals_take_exchange(connection, event, &answer, &connections->pairing.losses);
	connection->answers_end = event->response_end;
	pairing_feed(&connections->pairing, connection, stretch_of(event));
	settle(connections, connection, event->header.flags, event->header.time_ns);
}

void connections_on_request(struct connections *connections, const struct request_event *event)
{
	struct connection *connection = connection_get(connections, &event->header);

	if (!connection)
		return;
	if (!connection->streamed && !connection->answers_end)
		connection->answers_end = event->response_end;
	connection->streamed = true;
	arrivals_take_piece(connection, event, &connections->pairing.losses);
}

void connections_on_response(struct connections *connections, const struct response_event *event)
{
	struct connection *connection = connection_find(connections, event->header.socket);
	struct stretch stretch = {
		.start = event->response_end - event->response_bytes,
		.end = event->response_end,
		.time_ns = event->last_ns,
		.bytes = {(const char *)event->data, event->response_len},
		.tail = event->tail,
	};

	/* Behind an answer that was complete: its connection's end, most often. */
	if (!connection && event->response_len >= 7 && !memcmp(event->data, "HTTP/1.", 7))
		connection = connection_get(connections, &event->header);
	if (!connection)
		return;
	connection->touched_ns = event->header.time_ns;
	/* The request before what is held was answered by an exchange event that was lost. */
	arrivals_take_held(connection, &connections->pairing.losses);
	pairing_check_gap(&connections->pairing, connection, &stretch);
	pairing_check_next(&connections->pairing, connection, &stretch);
	connection->answers_end = stretch.end;
	pairing_feed(&connections->pairing, connection, stretch);
	if (event->header.flags & EVENT_FIN && connection->first && connection->first->first_ns) {
		connection->first->last_ns = event->last_ns;
		connection->first->end = event->response_end;
	}
	settle(connections, connection, event->header.flags, event->header.time_ns);
}

/* The scheduler's sums of an answer's first piece; when its request was read is known from that. */
static void answer_take_phases(struct answer *answer, const struct stream_event *event)
{
	answer->on_cpu_ns = event->on_cpu_ns;
	answer->run_queue_ns = event->run_queue_ns;
	answer->same_thread = event->header.flags & EVENT_SAME_THREAD;
	if (!answer->exchange.tgid)
		answer->exchange.tgid = event->tgid;
}

static void stream_goes_out(struct connections *connections, struct connection *connection,
			    const struct stream_event *event)
{
	struct stretch stretch = {
		.start = event->position,
		.end = event->position + event->bytes,
		.time_ns = event->header.time_ns,
		.bytes = {(const char *)event->data, event->len},
		.tail = event->tail,
	};

	if (connection->answers_unknown)
		connection->answers_end = stretch.start;
	connection->answers_unknown = false;
	pairing_check_gap(&connections->pairing, connection, &stretch);
	pairing_check_next(&connections->pairing, connection, &stretch);
	if (connection->first && !connection->first->first_ns)
		answer_take_phases(connection->first, event);
	connection->answers_end = stretch.end;
	pairing_feed(&connections->pairing, connection, stretch);
}

/* Nobody pipelines in TLS: when a request comes, what was asked before has been answered, whether or not that
 * was seen. So a loss costs the requests that it hit, and not all that follow on their connection. */
static void resynchronize(struct connection *connection, const struct stream_event *event)
{
	bool gap = connection->piece_end && connection->piece_end != event->position;
	struct http1_request request;

	if (connection->first || !(connection->answers_lost || connection->poison || gap) ||
	    http1_request_decode((const char *)event->data, event->len, &request) == DECODE_MALFORMED ||
	    !request.target.len)
		return;
	connection_drop_partial(connection);
	connection->answers_lost = false;
	connection->answers_unknown = true;
	connection->poison = NULL;
	connection->in_chunks = false;
	connection->accounted = 0;
	connection->piece_end = event->position;
	connection->next_request = event->position;
}

void connections_on_stream(struct connections *connections, const struct stream_event *event)
{
	struct connection *connection = connection_get(connections, &event->header);

	if (!connection)
		return;
	if (!connection->tls)
		connection->answers_unknown = event->position || event->header.flags & EVENT_MIDSTREAM;
	connection->tls = connection->streamed = true;
	if (event->header.flags & EVENT_OUT) {
		stream_goes_out(connections, connection, event);
		return;
	}
	resynchronize(connection, event);
	arrivals_take_stream(connection, event, &connections->pairing.losses);
}

void connections_on_unanswered(struct connections *connections, const struct exchange_event *event)
{
	struct connection *connection = connection_get(connections, &event->header);
	struct answer answer;

	if (!connection)
		return;
	if (connection->first && connection->first->first_ns) {
		connection->first->last_ns = event->previous_last_ns;
		connection->first->end = event->response_end;
		pairing_report_begun(&connections->pairing, connection);
	}
	answer_init(&answer);
	answer_take_event(&answer, event);
	arrivals_take_exchange(connection, event, &answer, &connections->pairing.losses);
	pairing_end(&connections->pairing, connection, outcome_of(event->header.flags),
		    event->header.time_ns);
	connection_remove(connections, connection);
}

void connections_on_close(struct connections *connections, const struct response_event *event)
{
	struct connection *connection = connection_find(connections, event->header.socket);

	if (!connection)
		return;
	/* What went last on the wire is no position in the plaintext. */
	if (connection->first && connection->first->first_ns && !connection->tls) {
		connection->first->last_ns = event->last_ns;
		connection->first->end = event->response_end;
	}
	pairing_end(&connections->pairing, connection, outcome_of(event->header.flags),
		    event->header.time_ns);
	connection_remove(connections, connection);
}

void connections_tick(struct connections *connections, uint64_t now_ns)
{
	struct connection *connection, *next;

	HASH_ITER (hh, connections->table, connection, next) {
		const struct answer *first = connection->first;
		uint64_t quiet = now_ns > connection->touched_ns ? now_ns - connection->touched_ns : 0;

		if (quiet < QUIET_NS)
			continue;
		if (first && first->first_ns && first->head.framing == FRAMING_UNKNOWN && !first->next) {
			pairing_report_begun(&connections->pairing, connection);
			connection_remove(connections, connection);
		} else if (quiet > FORGOTTEN_NS) {
			pairing_end(&connections->pairing, connection, EXCHANGE_NONE, connection->touched_ns);
			connection_remove(connections, connection);
		}
	}
}

void connections_unfinished(const struct connections *connections,
			    void (*each)(void *context, const struct exchange *exchange), void *context)
{
	struct connection *connection, *next;

	HASH_ITER (hh, connections->table, connection, next)
		for (const struct answer *answer = connection->first; answer; answer = answer->next)
			if (answer->first_ns || connection->tls)
				each(context, &answer->exchange);
}

const struct connection_losses *connections_losses(const struct connections *connections)
{
	return &connections->pairing.losses;
}
