// SPDX-License-Identifier: Apache-2.0
// Queues what will be answered, for postgres_answers.c.
#include "postgres_questions.h"

#include "postgres_group.h"
#include "postgres_connection.h"

static void ask(struct postgres_connection *connection, struct postgres_ask ask, struct postgres_sink *sink)
{
	if (ask.kind != POSTGRES_ASKED_COPY_END)
		postgres_group_expect(connection, sink);
	connection->asked |= postgres_ask_is_query(&ask);
	connection->group_asked |= postgres_ask_ends_group(&ask);
	if (connection->doubtful || connection->questions_lost ||
	    postgres_queue_push(&connection->queue, ask, connection->budget))
		return;
	connection->questions_lost = true;
	sink->losses.table_full++;
}

static const struct postgres_ask *last_of(const struct postgres_connection *connection,
					  enum postgres_asked kind)
{
	const struct postgres_ask *last = postgres_queue_last(&connection->queue);

	return last && last->kind == kind ? last : NULL;
}

static void read_query(struct postgres_connection *connection, struct postgres_sink *sink)
{
	const struct postgres_side *client = &connection->client;

	ask(connection,
	    (struct postgres_ask){.start_ns = client->message_ns,
				  .kind = POSTGRES_ASKED_QUERY,
				  .operation = client->reader.sql.operation,
				  .several = client->reader.sql.several},
	    sink);
}

static void read_parse(struct postgres_connection *connection, struct postgres_sink *sink)
{
	const struct postgres_side *client = &connection->client;
	uint8_t operation = client->reader.sql.operation;
	uint64_t statement;

	ask(connection,
	    (struct postgres_ask){
		    .start_ns = client->message_ns, .kind = POSTGRES_ASKED_PARSE, .operation = operation},
	    sink);
	connection->parsed = 0;
	if (!postgres_name(&client->reader, 0, &statement))
		return;
	connection->parsed = statement;
	postgres_names_prepare(&connection->names, statement, operation, connection->budget);
}

/* With the Parse of its statement, if that came directly before. */
static void read_bind(struct postgres_connection *connection, struct postgres_sink *sink)
{
	const struct postgres_side *client = &connection->client;
	struct postgres_ask bind = {.start_ns = client->message_ns, .kind = POSTGRES_ASKED_BIND};
	const struct postgres_ask *parse = last_of(connection, POSTGRES_ASKED_PARSE);
	uint64_t portal, statement;

	if (postgres_name(&client->reader, 1, &statement)) {
		bind.operation = postgres_names_operation(&connection->names, statement);
		if (parse && connection->parsed == statement) {
			bind.start_ns = parse->start_ns;
			postgres_queue_pop_last(&connection->queue);
		}
	}
	ask(connection, bind, sink);
	connection->bound = 0;
	if (!postgres_name(&client->reader, 0, &portal))
		return;
	connection->bound = portal;
	postgres_names_bind(&connection->names, portal, bind.operation, bind.start_ns);
}

static void read_execute(struct postgres_connection *connection, struct postgres_sink *sink)
{
	const struct postgres_side *client = &connection->client;
	struct postgres_ask execute = {.start_ns = client->message_ns, .kind = POSTGRES_ASKED_EXECUTE};
	struct postgres_portal *portal = NULL;
	uint64_t name;

	if (postgres_name(&client->reader, 0, &name)) {
		portal = postgres_names_portal(&connection->names, name);
		if (last_of(connection, POSTGRES_ASKED_BIND) && connection->bound == name)
			postgres_queue_pop_last(&connection->queue);
	}
	if (portal) {
		execute.operation = portal->executed ? POSTGRES_FETCH : portal->operation;
		execute.start_ns = portal->executed ? execute.start_ns : portal->start_ns;
		portal->executed = true;
	}
	ask(connection, execute, sink);
}

static void read_close(struct postgres_connection *connection)
{
	const struct postgres_reader *reader = &connection->client.reader;
	struct postgres_portal *portal;
	uint64_t name;

	if (!postgres_name(reader, 0, &name))
		return;
	portal = postgres_names_portal(&connection->names, name);
	if (reader->first[0] == 'S')
		postgres_names_close(&connection->names, name);
	else if (portal)
		portal->open = false;
}

static void read_startup(struct postgres_connection *connection)
{
	uint32_t code = 0;

	if (!postgres_code(&connection->client.reader, &code))
		return;
	if (code == POSTGRES_CODE_TLS || code == POSTGRES_CODE_GSS)
		connection->server.reader.negotiating = true;
	else if (code == POSTGRES_CODE_CANCEL)
		connection->phase = POSTGRES_PHASE_OVER;
}

static void read_marker(struct postgres_connection *connection, enum postgres_asked kind,
			struct postgres_sink *sink)
{
	ask(connection,
	    (struct postgres_ask){.start_ns = connection->client.message_ns,
				  .kind = kind,
				  .operation = kind == POSTGRES_ASKED_CALL ? POSTGRES_CALL : POSTGRES_OTHER},
	    sink);
}

void postgres_questions_read(struct postgres_connection *connection, struct postgres_sink *sink)
{
	switch (connection->client.reader.message.type) {
	case POSTGRES_STARTUP:
		read_startup(connection);
		break;
	case POSTGRES_QUERY:
		read_query(connection, sink);
		break;
	case POSTGRES_PARSE:
		read_parse(connection, sink);
		break;
	case POSTGRES_BIND:
		read_bind(connection, sink);
		break;
	case POSTGRES_EXECUTE:
		read_execute(connection, sink);
		break;
	case POSTGRES_CLOSE:
		read_close(connection);
		break;
	case POSTGRES_FUNCTION_CALL:
		read_marker(connection, POSTGRES_ASKED_CALL, sink);
		break;
	case POSTGRES_SYNC:
		if (!connection->copying_in)
			read_marker(connection, POSTGRES_ASKED_SYNC, sink);
		break;
	case POSTGRES_COPY_DONE:
	case POSTGRES_COPY_FAIL:
		if (!connection->copying_in)
			read_marker(connection, POSTGRES_ASKED_COPY_END, sink);
		connection->copying_in = false;
		break;
	case POSTGRES_TERMINATE:
		connection->phase = POSTGRES_PHASE_OVER;
		break;
	}
}

void postgres_questions_lose(struct postgres_connection *connection, struct postgres_sink *sink)
{
	/* It was copied; what may stand behind that is told by its own answers. */
	if (!connection->copying_in)
		postgres_group_doubt(connection, sink);
}
