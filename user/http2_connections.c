// SPDX-License-Identifier: Apache-2.0
// The table of HTTP/2 connections, by socket. http2_connection.c reads each.
#include "http2_connections.h"

#include <errno.h>
#include <stdlib.h>

#include "event.h"
#include "http2_connection.h"
#include "http2_requests.h"

/* A stranger can open connections and leave requests unfinished: some 5 000 connections, or 300 000 requests.
 */
#define MEMORY_MAX ((size_t)128 * 1024 * 1024)

/* The kernel tells when a connection closes. Where it could not (the ring was full), the entry goes after
 * this time. */
#define FORGOTTEN_NS 3600000000000ULL

struct http2_connections {
	struct http2_connection *table;
	struct memory_budget budget;
	struct http2_sink sink;
};

int http2_connections_new(void (*on_exchange)(void *context, const struct exchange *exchange), void *context,
			  struct http2_connections **ret_connections)
{
	struct http2_connections *connections = calloc(1, sizeof(*connections));

	if (!connections)
		return -ENOMEM;
	connections->budget.limit = MEMORY_MAX;
	connections->sink.on_exchange = on_exchange;
	connections->sink.context = context;
	*ret_connections = connections;
	return 0;
}

static struct http2_connection *connection_find(struct http2_connections *connections, uint64_t socket)
{
	struct http2_connection *connection = NULL;

	if (connections->table)
		HASH_FIND(hh, connections->table, &socket, sizeof(socket), connection);
	return connection;
}

static void connection_remove(struct http2_connections *connections, struct http2_connection *connection)
{
	HASH_DELETE(hh, connections->table, connection);
	http2_connection_free(connection);
}

void http2_connections_free(struct http2_connections *connections)
{
	struct http2_connection *connection, *next;

	if (!connections)
		return;
	HASH_ITER (hh, connections->table, connection, next)
		connection_remove(connections, connection);
	free(connections);
}

static struct http2_connection *connection_get(struct http2_connections *connections, uint64_t socket,
					       uint64_t now_ns)
{
	struct http2_connection *connection = connection_find(connections, socket);

	if (!connection) {
		connection = http2_connection_new(socket, &connections->budget);
		if (!connection) {
			connections->sink.losses.table_full++;
			return NULL;
		}
		HASH_ADD(hh, connections->table, socket, sizeof(connection->socket), connection);
	}
	connection->touched_ns = now_ns;
	return connection;
}

void http2_connections_upgrade(struct http2_connections *connections, const struct exchange *exchange)
{
	struct http2_connection *connection =
		connection_get(connections, exchange->socket, exchange->arrival_ns + exchange->duration_ns);

	if (connection)
		http2_requests_upgrade(connection, exchange, &connections->sink);
}

void http2_connections_on_stream(struct http2_connections *connections, const struct stream_event *event)
{
	struct http2_connection *connection =
		connection_get(connections, event->header.socket, event->header.time_ns);

	if (connection)
		http2_connection_feed(connection, event, &connections->sink);
}

void http2_connections_on_close(struct http2_connections *connections, const struct response_event *event)
{
	struct http2_connection *connection = connection_find(connections, event->header.socket);

	if (!connection)
		return;
	http2_connection_end(connection,
			     event->header.flags & EVENT_CLIENT_LEFT ? EXCHANGE_ABORTED : EXCHANGE_NONE,
			     event->header.time_ns, &connections->sink);
	connection_remove(connections, connection);
}

void http2_connections_tick(struct http2_connections *connections, uint64_t now_ns)
{
	struct http2_connection *connection, *next;

	HASH_ITER (hh, connections->table, connection, next) {
		if (now_ns < connection->touched_ns || now_ns - connection->touched_ns < FORGOTTEN_NS)
			continue;
		http2_connection_end(connection, EXCHANGE_NONE, connection->touched_ns, &connections->sink);
		connection_remove(connections, connection);
	}
}

void http2_connections_unfinished(const struct http2_connections *connections,
				  void (*each)(void *context, const struct exchange *exchange), void *context)
{
	struct http2_connection *connection, *next;
	struct http2_stream *stream, *next_stream;

	HASH_ITER (hh, connections->table, connection, next)
		HASH_ITER (hh, connection->streams, stream, next_stream) {
			stream->exchange.tgid = connection->tgid;
			each(context, &stream->exchange);
		}
}

const struct http2_losses *http2_connections_losses(const struct http2_connections *connections)
{
	return &connections->sink.losses;
}
