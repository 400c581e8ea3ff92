// SPDX-License-Identifier: Apache-2.0
// Finds the query that an answer ends. It is held until the next answer, as the commit that stands behind it
// may fail yet; postgres_group.c tells it then.
#include "postgres_answers.h"

#include <stddef.h>
#include <string.h>

#include "postgres_connection.h"
#include "postgres_group.h"

static void hold(struct postgres_connection *connection, struct postgres_query query)
{
	connection->held = query;
	connection->holding = true;
}

static bool is_row_operation(uint8_t operation)
{
	return operation == POSTGRES_SELECT || operation == POSTGRES_INSERT || operation == POSTGRES_UPDATE ||
	       operation == POSTGRES_DELETE || operation == POSTGRES_MERGE;
}

/* The tag is that of another query: something was lost unseen. */
static bool is_mismatch(const struct postgres_ask *ask, uint8_t tag)
{
	return ask->kind == POSTGRES_ASKED_EXECUTE && ask->operation != tag &&
	       is_row_operation(ask->operation) && is_row_operation(tag);
}

/* Whether it can be asked which query of the group it is. If some answers were lost, the last one tells of
 * all. */
static bool is_known(struct postgres_connection *connection, uint8_t type)
{
	if (!connection->answers_lost || postgres_queue_queries(&connection->queue) < 2)
		return true;
	connection->tail = type;
	return false;
}

/* Of a simple query; it may be the last one, which ends with the ReadyForQuery. */
static void statement_ends(struct postgres_connection *connection, const struct postgres_ask *ask,
			   struct postgres_query query)
{
	query.start_ns = connection->statement_ns ? connection->statement_ns : ask->start_ns;
	connection->statement_ns = query.end_ns;
	connection->statements++;
	hold(connection, query);
}

static void execute_ends(struct postgres_connection *connection, const struct postgres_ask *ask,
			 struct postgres_query query)
{
	query.start_ns = ask->start_ns;
	if (ask->operation)
		query.operation = ask->operation;
	postgres_queue_pop(&connection->queue);
	hold(connection, query);
}

static void query_done(struct postgres_connection *connection, uint8_t tag, uint64_t now_ns,
		       struct postgres_sink *sink)
{
	struct postgres_query query = {.end_ns = now_ns, .operation = tag, .timed = true};
	struct postgres_ask *ask = NULL;

	postgres_group_tell_held(connection, sink);
	if (!connection->doubtful && !connection->questions_lost) {
		if (!is_known(connection, POSTGRES_COMPLETE))
			return;
		ask = postgres_queue_query(&connection->queue);
	}
	if (ask && is_mismatch(ask, tag)) {
		postgres_group_doubt(connection, sink);
		ask = NULL;
	}
	if (!ask)
		postgres_group_tell_untimed(tag, NULL, now_ns, sink);
	else if (ask->kind == POSTGRES_ASKED_EXECUTE)
		execute_ends(connection, ask, query);
	else
		statement_ends(connection, ask, query);
}

/* What has failed may be a Parse or a Bind whose Execute has not come. */
static void ask_failed(struct postgres_connection *connection, const struct postgres_ask *ask,
		       struct postgres_query query, struct postgres_sink *sink)
{
	postgres_group_tell_held(connection, sink);
	if (ask->kind == POSTGRES_ASKED_QUERY || ask->kind == POSTGRES_ASKED_CALL) {
		if (!connection->statements && !ask->several)
			query.operation = ask->operation;
		statement_ends(connection, ask, query);
		return;
	}
	connection->aborted = true;
	query.operation = ask->operation;
	query.start_ns = ask->start_ns;
	postgres_queue_pop(&connection->queue);
	sink->on_query(sink->context, &query);
}

/* The commit that Sync stands for: a constraint that was deferred, a failed serialization. */
static void commit_failed(struct postgres_connection *connection, struct postgres_query query)
{
	if (!connection->holding || connection->held.error)
		return;
	query.start_ns = connection->held.start_ns;
	query.operation = connection->held.operation;
	hold(connection, query);
}

static void query_failed(struct postgres_connection *connection, uint64_t now_ns, struct postgres_sink *sink)
{
	struct postgres_query query = {.end_ns = now_ns, .error = true, .timed = true};
	const char *sqlstate = connection->server.reader.sqlstate;
	struct postgres_queue *queue = &connection->queue;

	memcpy(query.sqlstate, sqlstate, sizeof(query.sqlstate));
	connection->copying_in = false;
	if (connection->doubtful || connection->questions_lost) {
		postgres_group_tell_held(connection, sink);
		postgres_group_tell_untimed(POSTGRES_OTHER, sqlstate, now_ns, sink);
		return;
	}
	if (!is_known(connection, POSTGRES_ERROR))
		return;
	while (queue->len && postgres_queue_first(queue)->kind == POSTGRES_ASKED_COPY_END)
		postgres_queue_pop(queue);
	/* With nothing asked, servers say why they hang up. */
	if (!queue->len)
		connection->failed = true;
	else if (postgres_queue_first(queue)->kind == POSTGRES_ASKED_SYNC)
		commit_failed(connection, query);
	else
		ask_failed(connection, postgres_queue_first(queue), query, sink);
}

static void answer_pop(struct postgres_connection *connection, enum postgres_asked kind)
{
	const struct postgres_ask *first = postgres_queue_first(&connection->queue);

	if (first && first->kind == kind)
		postgres_queue_pop(&connection->queue);
}

/* From now on the server ignores Syncs. The client may have sent all that is to be copied already. */
static void read_copy_in(struct postgres_connection *connection)
{
	struct postgres_queue *queue = &connection->queue;
	const struct postgres_ask *ask = postgres_queue_query(queue);

	if (ask && ask->kind == POSTGRES_ASKED_EXECUTE)
		postgres_queue_forget_syncs(queue);
	connection->copying_in = queue->len < 2 || ask[1].kind != POSTGRES_ASKED_COPY_END;
}

static void read_ready(struct postgres_connection *connection, uint64_t now_ns, struct postgres_sink *sink)
{
	const struct postgres_reader *reader = &connection->server.reader;

	connection->transaction = reader->first_len ? reader->first[0] : 0;
	if (connection->phase != POSTGRES_PHASE_OVER)
		connection->phase = POSTGRES_PHASE_READY;
	postgres_group_end(connection, now_ns, sink);
}

static void read_before_ready(struct postgres_connection *connection)
{
	const struct postgres_reader *reader = &connection->server.reader;
	uint32_t code;

	if (reader->message.type == POSTGRES_NEGOTIATED && reader->first[0] != 'N')
		connection->phase = POSTGRES_PHASE_ENCRYPTED;
	if (reader->message.type == POSTGRES_AUTHENTICATION && postgres_code(reader, &code) && !code)
		connection->phase = POSTGRES_PHASE_READY;
}

void postgres_answers_read(struct postgres_connection *connection, uint64_t now_ns,
			   struct postgres_sink *sink)
{
	const struct postgres_reader *reader = &connection->server.reader;

	if (connection->phase == POSTGRES_PHASE_STARTUP) {
		read_before_ready(connection);
		return;
	}
	connection->answering = connection->queue.len > 0;
	switch (reader->message.type) {
	case POSTGRES_PARSED:
		answer_pop(connection, POSTGRES_ASKED_PARSE);
		break;
	case POSTGRES_BOUND:
		answer_pop(connection, POSTGRES_ASKED_BIND);
		break;
	case POSTGRES_COPY_IN:
		read_copy_in(connection);
		break;
	case POSTGRES_COMPLETE:
		query_done(connection, reader->sql.operation, now_ns, sink);
		break;
	case POSTGRES_EMPTY:
	case POSTGRES_SUSPENDED:
		query_done(connection, POSTGRES_OTHER, now_ns, sink);
		break;
	case POSTGRES_FUNCTION_RESULT:
		query_done(connection, POSTGRES_CALL, now_ns, sink);
		break;
	case POSTGRES_ERROR:
		query_failed(connection, now_ns, sink);
		break;
	case POSTGRES_READY:
		read_ready(connection, now_ns, sink);
		break;
	}
}
