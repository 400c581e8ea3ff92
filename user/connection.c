// SPDX-License-Identifier: Apache-2.0
// Owns what one connection remembers, and keeps the sum of all of them within a budget: strangers decide how
// many there are, and how much each leaves unfinished.
#include "connection.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

/* A stranger can pipeline without end, or send a head without one. */
#define PIPELINE_MAX 1024
#define HELD_BYTES_MAX (256 * 1024)
#define PARTIAL_MAX (16 * 1024)

#define METHOD_MAX 32

struct connection *connection_new(uint64_t socket, struct memory_budget *budget)
{
	struct connection *connection = budget_alloc(budget, sizeof(*connection));

	if (!connection)
		return NULL;
	memset(connection, 0, sizeof(*connection));
	connection->socket = socket;
	connection->budget = budget;
	return connection;
}

void connection_free(struct connection *connection)
{
	while (connection->first)
		connection_pop(connection);
	while (connection->held)
		connection_drop_held(connection);
	connection_drop_partial(connection);
	budget_free(connection->budget, connection, sizeof(*connection));
}

void connection_lose(struct connection *connection, uint64_t *loss)
{
	(*loss)++;
	connection->accounted++;
}

void connection_poison(struct connection *connection, uint64_t *loss)
{
	if (!connection->poison)
		connection->poison = loss;
}

/* A copy that outlives the event. */
static struct answer *answer_keep(const struct answer *answer, struct memory_budget *budget)
{
	struct answer *kept = budget_alloc(budget, sizeof(*kept));
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

bool connection_enqueue(struct connection *connection, const struct answer *answer)
{
	struct answer **last = &connection->first;
	struct answer *kept =
		connection->queued < PIPELINE_MAX ? answer_keep(answer, connection->budget) : NULL;

	if (!kept)
		return false;
	while (*last)
		last = &(*last)->next;
	kept->next = NULL;
	*last = kept;
	connection->queued++;
	return true;
}

void connection_pop(struct connection *connection)
{
	struct answer *answer = connection->first;

	connection->first = answer->next;
	connection->queued--;
	budget_free(connection->budget, answer, sizeof(*answer));
}

static size_t event_size(const struct request_event *event)
{
	return sizeof(*event) + event->request_len;
}

bool connection_hold(struct connection *connection, const struct request_event *event)
{
	struct held_piece **last = &connection->held;
	size_t size = event_size(event);
	struct held_piece *piece = NULL;

	if (connection->held_bytes + size <= HELD_BYTES_MAX)
		piece = budget_alloc(connection->budget, sizeof(*piece) + size);
	if (!piece)
		return false;
	piece->next = NULL;
	memcpy(piece->record, event, size);
	connection->held_bytes += size;
	while (*last)
		last = &(*last)->next;
	*last = piece;
	return true;
}

const struct request_event *connection_held(const struct connection *connection)
{
	return connection->held ? (const struct request_event *)connection->held->record : NULL;
}

void connection_drop_held(struct connection *connection)
{
	struct held_piece *piece = connection->held;
	size_t size = event_size(connection_held(connection));

	connection->held = piece->next;
	connection->held_bytes -= size;
	budget_free(connection->budget, piece, sizeof(*piece) + size);
}

bool connection_keep_partial(struct connection *connection, struct slice bytes, uint64_t start,
			     uint64_t arrival_ns)
{
	char *partial = bytes.len <= PARTIAL_MAX ? budget_alloc(connection->budget, bytes.len) : NULL;

	connection_drop_partial(connection);
	if (!partial)
		return false;
	memcpy(partial, bytes.data, bytes.len);
	connection->partial = partial;
	connection->partial_len = bytes.len;
	connection->partial_start = start;
	connection->partial_arrival_ns = arrival_ns;
	return true;
}

void connection_drop_partial(struct connection *connection)
{
	budget_free(connection->budget, connection->partial, connection->partial_len);
	connection->partial = NULL;
	connection->partial_len = 0;
}
