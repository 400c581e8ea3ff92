// SPDX-License-Identifier: Apache-2.0
// Every CommandComplete is a query that has run: that holds whatever was lost. Which one it was, and so its
// times, is told where that is certain. Most clients ask when all is answered; of those that do, a
// ReadyForQuery ends all that was asked. Of others it cannot be known how many were lost, and only a silence
// says that none is to come.
#include "postgres_group.h"

#include <stddef.h>
#include <stdio.h>

#include "postgres_connection.h"

#define SILENCE_NS 1000000000ULL
#define ALTERNATIONS_ENOUGH 8

void postgres_group_tell_held(struct postgres_connection *connection, struct postgres_sink *sink)
{
	if (connection->holding)
		sink->on_query(sink->context, &connection->held);
	connection->holding = false;
}

void postgres_group_tell_untimed(uint8_t operation, const char *sqlstate, uint64_t now_ns,
				 struct postgres_sink *sink)
{
	struct postgres_query query = {.end_ns = now_ns, .operation = operation, .error = sqlstate};

	if (sqlstate)
		snprintf(query.sqlstate, sizeof(query.sqlstate), "%s", sqlstate);
	sink->on_query(sink->context, &query);
}

static bool asks_when_answered(const struct postgres_connection *connection)
{
	return connection->alternations >= ALTERNATIONS_ENOUGH;
}

static void group_begin(struct postgres_connection *connection)
{
	connection->aborted = connection->failed = connection->copying_in = false;
	connection->answering = connection->asked = connection->group_asked = false;
	connection->answers_lost = connection->questions_lost = false;
	connection->tail = 0;
	connection->statements = 0;
	connection->statement_ns = 0;
}

/* The first one is over: its queries that are still there have no end, but for the simple one that has. */
static void group_drop(struct postgres_connection *connection, struct postgres_sink *sink)
{
	const struct postgres_ask *first = postgres_queue_first(&connection->queue);
	bool several = first && first->several;
	uint64_t queries = postgres_queue_pop_group(&connection->queue, connection->aborted);

	if (several && connection->answers_lost) /* how many statements have ended unseen? */
		sink->losses.stretches++;
	if (!connection->aborted)
		sink->losses.unanswered += queries - (connection->statements > 0);
	group_begin(connection);
}

static void groups_drop(struct postgres_connection *connection, unsigned keep, struct postgres_sink *sink)
{
	postgres_group_tell_held(connection, sink);
	while (postgres_queue_groups(&connection->queue) > keep)
		group_drop(connection, sink);
}

static void queue_clear(struct postgres_connection *connection)
{
	while (connection->queue.len)
		postgres_queue_pop_group(&connection->queue, false);
}

static void doubt_until_silence(struct postgres_connection *connection)
{
	queue_clear(connection);
	group_begin(connection);
	connection->doubtful = true;
}

void postgres_group_doubt(struct postgres_connection *connection, struct postgres_sink *sink)
{
	const struct postgres_ask *last = postgres_queue_last(&connection->queue);

	if (connection->doubtful || connection->questions_lost)
		return;
	sink->losses.stretches++;
	postgres_group_tell_held(connection, sink);
	connection->questions_lost = true;
	connection->group_asked = last && postgres_ask_ends_group(last);
	if (!asks_when_answered(connection))
		doubt_until_silence(connection);
}

void postgres_group_expect(struct postgres_connection *connection, struct postgres_sink *sink)
{
	const struct postgres_ask *last = postgres_queue_last(&connection->queue);
	bool silent = connection->client.message_ns > connection->touched_ns + SILENCE_NS;

	if (silent && connection->server.aligned && !connection->server.reader.within)
		connection->doubtful = false;
	/* It asks on before it is answered. */
	if (connection->questions_lost && connection->group_asked)
		doubt_until_silence(connection);
	if (!connection->answers_lost || !last || !postgres_ask_ends_group(last))
		return;
	if (asks_when_answered(connection))
		groups_drop(connection, 0, sink);
	else
		postgres_group_doubt(connection, sink);
}

void postgres_group_lose_answers(struct postgres_connection *connection, bool untold,
				 struct postgres_sink *sink)
{
	postgres_group_tell_held(connection, sink);
	if (connection->doubtful || !connection->queue.len)
		return;
	if (postgres_queue_groups(&connection->queue) > 1) {
		if (!asks_when_answered(connection)) {
			postgres_group_doubt(connection, sink);
			return;
		}
		groups_drop(connection, 1, sink);
	}
	/* Nothing of its answer was seen before, which came whole, or not at all: then the next question may
	 * be lost, too. */
	if (untold && !connection->answering)
		postgres_group_doubt(connection, sink);
	connection->answers_lost = connection->queue.len > 0;
	connection->tail = 0;
}

/* Some answers of the first group were not seen, and it had several queries. The last one before the
 * ReadyForQuery was seen: if that is no error, none was one, as nothing is answered behind an error. */
static void lost_answers_resolve(struct postgres_connection *connection, uint64_t now_ns,
				 struct postgres_sink *sink)
{
	struct postgres_queue *queue = &connection->queue;
	struct postgres_ask *ask;

	if (connection->tail == POSTGRES_ERROR) {
		postgres_group_tell_untimed(postgres_queue_operation(queue), "", now_ns, sink);
		sink->losses.unanswered += postgres_queue_queries(queue) - 1;
		connection->aborted = true;
	}
	while (connection->tail == POSTGRES_COMPLETE && (ask = postgres_queue_query(queue)) &&
	       ask->kind == POSTGRES_ASKED_EXECUTE) {
		postgres_group_tell_untimed(ask->operation, NULL, now_ns, sink);
		postgres_queue_pop(queue);
	}
}

/* The last statement of a simple query ends here. */
static void held_is_ready(struct postgres_connection *connection, uint64_t now_ns, struct postgres_sink *sink)
{
	const struct postgres_ask *ask = postgres_queue_first(&connection->queue);

	if (connection->holding && connection->statements && ask) {
		connection->held.end_ns = now_ns;
		if (connection->statements == 1 && !ask->several && ask->operation)
			connection->held.operation = ask->operation;
	}
	postgres_group_tell_held(connection, sink);
}

void postgres_group_end(struct postgres_connection *connection, uint64_t now_ns, struct postgres_sink *sink)
{
	unsigned groups = postgres_queue_groups(&connection->queue);

	held_is_ready(connection, now_ns, sink);
	if (connection->failed)
		postgres_group_tell_untimed(POSTGRES_OTHER, "", now_ns, sink);
	connection->asked = false;
	if (connection->doubtful)
		return;
	if (connection->questions_lost) {
		queue_clear(connection);
		group_begin(connection);
		return;
	}
	if (connection->answers_lost)
		lost_answers_resolve(connection, now_ns, sink);
	else if (groups > 1)
		connection->alternations = 0;
	else if (groups && connection->alternations < ALTERNATIONS_ENOUGH)
		connection->alternations++;
	group_drop(connection, sink);
}

void postgres_group_close(struct postgres_connection *connection, struct postgres_sink *sink)
{
	postgres_group_tell_held(connection, sink);
	if (!connection->questions_lost)
		groups_drop(connection, 0, sink);
}
