// SPDX-License-Identifier: Apache-2.0
// Connections to PostgreSQL from their beginning to their end, with nothing lost: recorded ones, and what
// each part of the protocol makes of queries and their times.
#include "postgres_recordings.h"
#include "postgres_stage.h"

static size_t unhex(const char *hex, char *ret_bytes, size_t room)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= room);
	for (size_t i = 0; i < len; i++) {
		const char digits[] = {hex[2 * i], hex[2 * i + 1], 0};

		ret_bytes[i] = (char)strtoul(digits, NULL, 16);
	}
	return len;
}

/* In pieces as they came, or in shorter ones. */
static void replay(struct pg_stage *stage, const struct postgres_recorded *recorded, size_t piece)
{
	stage->flags = 0;
	stage->times = false;
	for (; recorded->who; recorded++) {
		int who = recorded->who == 's' ? SERVER : CLIENT;

		stage->len = unhex(recorded->bytes, stage->bytes, sizeof(stage->bytes));
		for (size_t at = 0; at < stage->len; at += piece) {
			size_t len = stage->len - at < piece ? stage->len - at : piece;

			pg_piece(stage, who, at, len, len);
		}
		pg_next(stage, who);
	}
	postgres_connection_end(&stage->connection, &stage->sink);
	pg_assert_losses(stage, 0, 0);
	assert_int_equal(stage->connection.phase, POSTGRES_PHASE_OVER);
}

static void recorded_connections(void **state)
{
	static const struct {
		const struct postgres_recorded *recorded;
		const char *said;
	} cases[] = {
		{psycopg_pipeline, "create, insert, insert error 23505, select"},
		{asyncpg,
		 "select, select, create, begin, commit, insert, insert, insert, delete error 42601, begin, "
		 "select, fetch, commit"},
		{psql_copy, "create, copy, copy error 22P02, copy, select, other error 22012"},
	};
	static const size_t pieces[] = {1, 2, 3, 5, 7, 64, PG_BYTES_MAX};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
			void *stage;

			assert_int_equal(pg_setup(&stage), 0);
			replay(stage, cases[i].recorded, pieces[j]);
			pg_assert(stage, cases[i].said);
			pg_teardown(&stage);
		}
	}
}

static void a_query_lasts_until_the_server_is_ready(void **state)
{
	struct pg_stage *stage = *state;

	pg_turn(stage, "begin", "BEGIN"); /* 0, 1 */
	pg_query(stage, "select * from t");
	pg_piece(stage, CLIENT, 0, 3, 3); /* 2 */
	stage->now_ns += PG_MS;
	pg_piece(stage, CLIENT, 3, stage->len - 3, stage->len - 3); /* 3 */
	pg_next(stage, CLIENT);
	assert_true(postgres_connection_is_active(&stage->connection));
	pg_rows(stage, 3, 10);
	pg_tell(stage, SERVER); /* 4 */
	pg_complete(stage, "SELECT 3");
	pg_tell(stage, SERVER); /* 5 */
	pg_assert(stage, "begin 0-1");
	pg_ready(stage, 'I');
	pg_piece(stage, SERVER, 0, 5, 5); /* 6 */
	stage->now_ns += PG_MS;
	pg_piece(stage, SERVER, 5, 1, 1); /* 7 */
	pg_assert(stage, "begin 0-1, select 2-7");
	assert_false(postgres_connection_is_active(&stage->connection));
	pg_assert_losses(stage, 0, 0);
}

static void each_statement_of_a_text(void **state)
{
	struct pg_stage *stage = *state;

	pg_query(stage, "select 1; update t set a = 1; insrt");
	pg_tell(stage, CLIENT); /* 0 */
	pg_complete(stage, "SELECT 1");
	pg_tell(stage, SERVER); /* 1 */
	pg_complete(stage, "UPDATE 7");
	pg_tell(stage, SERVER); /* 2 */
	pg_error(stage, "42601");
	pg_tell(stage, SERVER); /* 3 */
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 4 */
	pg_assert(stage, "select 0-1, update 1-2, other error 42601 2-4");
}

/* What the text says is told, not the tag: a table that is made of a query is tagged as one. */
static void what_a_text_and_a_tag_say(void **state)
{
	struct pg_stage *stage = *state;

	pg_turn(stage, "create table t as select 1", "SELECT 1");
	pg_turn(stage, "execute p", "INSERT 0 1");
	pg_ask(stage, "create table t as select 1");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "12n");
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "create 0-1, insert 2-3, create 4-5");
}

static void an_empty_text(void **state)
{
	struct pg_stage *stage = *state;

	pg_query(stage, "");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "I");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "other 0-1");
}

static void a_pipeline_is_answered_in_its_order(void **state)
{
	struct pg_stage *stage = *state;

	pg_ask(stage, "select 1");
	pg_tell(stage, CLIENT); /* 0 */
	pg_ask(stage, "insert into t values (1)");
	pg_parse(stage, "s", "update t set a = 2"); /* alone */
	pg_tell(stage, CLIENT);                     /* 1 */
	pg_empty(stage, "12n");
	pg_complete(stage, "SELECT 1");
	pg_tell(stage, SERVER); /* 2 */
	pg_bind(stage, "", "s");
	pg_execute(stage, "");
	pg_bind(stage, "", "s");
	pg_execute(stage, "");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 3 */
	pg_empty(stage, "12n");
	pg_complete(stage, "INSERT 0 1");
	pg_empty(stage, "12");
	pg_complete(stage, "UPDATE 1");
	pg_empty(stage, "2");
	pg_tell(stage, SERVER); /* 4 */
	pg_complete(stage, "UPDATE 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 5 */
	pg_assert(stage, "select 0-2, insert 1-4, update 1-4, update 3-5");
	pg_assert_losses(stage, 0, 0);
}

/* Up to the Sync, what stands behind an error has not run. */
static void a_pipeline_with_an_error(void **state)
{
	struct pg_stage *stage = *state;

	pg_ask(stage, "select 1");
	pg_ask(stage, "selct 2");
	pg_ask(stage, "delete from t");
	pg_query(stage, "drop table t");
	pg_empty(stage, "S");
	pg_ask(stage, "update t set a = 1");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 0 */
	pg_empty(stage, "12n");
	pg_complete(stage, "SELECT 1");
	pg_error(stage, "42601");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 1 */
	pg_empty(stage, "12n");
	pg_complete(stage, "UPDATE 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 2 */
	pg_assert(stage, "select 0-1, other error 42601 0-1, update 0-2");
	pg_assert_losses(stage, 0, 0);
	assert_false(postgres_connection_is_active(&stage->connection));
}

static void a_statement_that_cannot_be_prepared(void **state)
{
	struct pg_stage *stage = *state;

	pg_parse(stage, "a", "delete frm t");
	pg_named(stage, POSTGRES_DESCRIBE, 'S', "a");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 0 */
	pg_error(stage, "42601");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 1 */
	pg_parse(stage, "a", "delete from t");
	pg_named(stage, POSTGRES_DESCRIBE, 'S', "a");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 2 */
	pg_empty(stage, "1n");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 3 */
	pg_assert(stage, "delete error 42601 0-1");
	pg_bind(stage, "", "a");
	pg_execute(stage, "");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 4 */
	pg_empty(stage, "2");
	pg_complete(stage, "DELETE 0");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 5 */
	pg_assert(stage, "delete error 42601 0-1, delete 4-5");
}

/* What was prepared by itself, for later, is no part of the query before which it happens to stand. */
static void a_parse_that_is_not_the_querys(void **state)
{
	struct pg_stage *stage = *state;

	pg_parse(stage, "a", "delete from t");
	pg_empty(stage, "H");
	pg_tell(stage, CLIENT); /* 0 */
	pg_empty(stage, "1");
	pg_tell(stage, SERVER); /* 1 */
	pg_parse(stage, "b", "select 1");
	pg_tell(stage, CLIENT); /* 2 */
	pg_bind(stage, "", "a");
	pg_execute(stage, "");
	pg_empty(stage, "H");
	pg_tell(stage, CLIENT); /* 3 */
	pg_empty(stage, "12");
	pg_complete(stage, "DELETE 0");
	pg_tell(stage, SERVER); /* 4 */
	pg_bind(stage, "", "a");
	pg_empty(stage, "H");
	pg_tell(stage, CLIENT); /* 5 */
	pg_empty(stage, "2");
	pg_tell(stage, SERVER); /* 6 */
	pg_parse(stage, "c", "update t set a = 1");
	pg_empty(stage, "H");
	pg_tell(stage, CLIENT); /* 7 */
	pg_empty(stage, "1");
	pg_tell(stage, SERVER); /* 8 */
	pg_bind(stage, "", "c");
	pg_execute(stage, "");
	pg_parse(stage, "d", "selct");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 9 */
	pg_empty(stage, "2");
	pg_complete(stage, "UPDATE 0");
	pg_error(stage, "42601");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 10 */
	pg_assert(stage, "delete 3-4, update 9-10, other error 42601 9-10");
	pg_assert_losses(stage, 0, 0);
}

static void a_bind_that_is_not_executed(void **state)
{
	struct pg_stage *stage = *state;

	pg_parse(stage, "", "delete from t");
	pg_bind(stage, "", "");
	pg_empty(stage, "H");
	pg_tell(stage, CLIENT); /* 0 */
	pg_empty(stage, "12");
	pg_tell(stage, SERVER); /* 1 */
	pg_parse(stage, "", "selct");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 2 */
	pg_error(stage, "42601");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 3 */
	pg_assert(stage, "other error 42601 2-3");
}

static void a_portal_that_is_fetched_from(void **state)
{
	struct pg_stage *stage = *state;

	pg_parse(stage, "", "select 1");
	pg_bind(stage, "p", "");
	pg_execute(stage, "p");
	pg_empty(stage, "H");
	pg_tell(stage, CLIENT); /* 0 */
	pg_empty(stage, "12s");
	pg_tell(stage, SERVER); /* 1 */
	pg_execute(stage, "p");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 2 */
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'T');
	pg_tell(stage, SERVER); /* 3 */
	pg_assert(stage, "select 0-1, fetch 2-3");
	assert_true(postgres_connection_in_transaction(&stage->connection));
}

/* A Sync commits what was begun by no BEGIN: a constraint that was deferred is looked at then. */
static void a_commit_that_fails_at_the_sync(void **state)
{
	struct pg_stage *stage = *state;

	pg_ask(stage, "insert into t values (1)");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "12n");
	pg_complete(stage, "INSERT 0 1");
	pg_tell(stage, SERVER);
	pg_error(stage, "23505");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "insert error 23505 0-2");
}

/* The server reads no Sync while it copies in. */
static void copying_in_with_the_extended_protocol(void **state)
{
	struct pg_stage *stage = *state;

	for (unsigned early = 0; early < 2; early++) {
		pg_ask(stage, "copy t from stdin");
		pg_empty(stage, "S");
		if (!early)
			pg_tell(stage, CLIENT);
		else
			pg_empty(stage, "dcS");
		if (early)
			pg_tell(stage, CLIENT);
		pg_empty(stage, "12n");
		pg_message(stage, POSTGRES_COPY_IN, "\0\0\0", 3);
		pg_tell(stage, SERVER);
		if (!early) {
			pg_message(stage, POSTGRES_COPY_DATA, "1\n", 2);
			pg_empty(stage, "ScS");
			pg_tell(stage, CLIENT);
		}
		pg_complete(stage, "COPY 1");
		pg_ready(stage, 'I');
		pg_tell(stage, SERVER);
		assert_false(postgres_connection_is_active(&stage->connection));
	}
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "copy 0-3, copy 4-6, select 7-8");
	pg_assert_losses(stage, 0, 0);
}

/* All was sent before the server said a word: the Sync behind the end of what is copied is read. */
static void copying_in_within_a_pipeline(void **state)
{
	struct pg_stage *stage = *state;

	pg_ask(stage, "copy t from stdin");
	pg_empty(stage, "Sdc");
	pg_tell(stage, CLIENT); /* 0 */
	pg_empty(stage, "12n");
	pg_message(stage, POSTGRES_COPY_IN, "\0\0\0", 3);
	pg_tell(stage, SERVER); /* 1 */
	pg_empty(stage, "S");
	pg_ask(stage, "select 1");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 2 */
	pg_complete(stage, "COPY 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 3 */
	assert_true(postgres_connection_is_active(&stage->connection));
	pg_empty(stage, "12n");
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 4 */
	pg_assert(stage, "copy 0-3, select 2-4");
	pg_assert_losses(stage, 0, 0);
}

static void copying_in_that_fails(void **state)
{
	struct pg_stage *stage = *state;

	pg_query(stage, "copy t from stdin");
	pg_tell(stage, CLIENT);
	pg_message(stage, POSTGRES_COPY_IN, "\0\0\0", 3);
	pg_tell(stage, SERVER);
	pg_error(stage, "22P02");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_message(stage, POSTGRES_COPY_DATA, "1\n", 2);
	pg_empty(stage, "c");
	pg_tell(stage, CLIENT);
	assert_false(postgres_connection_is_active(&stage->connection));
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "copy error 22P02 0-2, select 4-5");
	pg_assert_losses(stage, 0, 0);
}

static void a_function_call(void **state)
{
	struct pg_stage *stage = *state;

	pg_message(stage, POSTGRES_FUNCTION_CALL, "\0\0\0\1\0\0\0\0\0\0", 10);
	pg_tell(stage, CLIENT);
	pg_message(stage, POSTGRES_FUNCTION_RESULT, "\xff\xff\xff\xff", 4);
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "call 0-1");
}

static void what_servers_say_unasked(void **state)
{
	struct pg_stage *stage = *state;

	pg_turn(stage, "listen a", "LISTEN");
	pg_message(stage, POSTGRES_NOTIFICATION, "\0\0\0\1a\0\0", 7);
	pg_message(stage, POSTGRES_PARAMETER, "a\0b\0", 4);
	pg_message(stage, POSTGRES_NOTICE, "SNOTICE\0\0", 9);
	pg_tell(stage, SERVER);
	pg_error(stage, "57P01");
	pg_tell(stage, SERVER);
	postgres_connection_end(&stage->connection, &stage->sink);
	pg_assert(stage, "listen 0-1");
}

static void what_is_not_answered_at_the_end(void **state)
{
	struct pg_stage *stage = *state;

	pg_ask(stage, "select 1");
	pg_ask(stage, "select 2");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "12");
	pg_complete(stage, "SELECT 1");
	pg_tell(stage, SERVER);
	postgres_connection_end(&stage->connection, &stage->sink);
	pg_assert(stage, "select 0-1");
	pg_assert_losses(stage, 1, 0);
}

static void the_states_of_a_connection(void **state)
{
	struct pg_stage *stage = *state;
	struct postgres_connection *connection = &stage->connection;

	stage->flags = 0;
	pg_raw(stage, "\0\0\0\x08\x04\xd2\x16\x2f", 8);
	pg_tell(stage, CLIENT);
	pg_raw(stage, "N", 1);
	pg_tell(stage, SERVER);
	pg_raw(stage, "\0\0\0\x10\0\3\0\0user\0a\0\0", 16);
	pg_tell(stage, CLIENT);
	pg_message(stage, POSTGRES_AUTHENTICATION, "\0\0\0\5salt", 8);
	pg_tell(stage, SERVER);
	pg_message(stage, POSTGRES_PASSWORD, "md5\0", 4);
	pg_tell(stage, CLIENT);
	assert_false(postgres_connection_is_authenticated(connection));
	pg_message(stage, POSTGRES_AUTHENTICATION, "\0\0\0\0", 4);
	pg_tell(stage, SERVER);
	assert_true(postgres_connection_is_authenticated(connection));
	pg_message(stage, POSTGRES_KEY, "\0\0\0\0\0\0\0\0", 8);
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	assert_false(postgres_connection_is_active(connection));
	assert_false(postgres_connection_in_transaction(connection));
	pg_query(stage, "begin");
	pg_tell(stage, CLIENT);
	assert_true(postgres_connection_is_active(connection));
	pg_complete(stage, "BEGIN");
	pg_ready(stage, 'T');
	pg_tell(stage, SERVER);
	assert_false(postgres_connection_is_active(connection));
	assert_true(postgres_connection_in_transaction(connection));
	pg_empty(stage, "X");
	pg_tell(stage, CLIENT);
	assert_int_equal(connection->phase, POSTGRES_PHASE_OVER);
	pg_assert(stage, "begin 7-8");
}

static void a_login_that_fails_is_no_query(void **state)
{
	struct pg_stage *stage = *state;

	stage->flags = 0;
	pg_raw(stage, "\0\0\0\x10\0\3\0\0user\0a\0\0", 16);
	pg_tell(stage, CLIENT);
	pg_error(stage, "28P01");
	pg_tell(stage, SERVER);
	postgres_connection_end(&stage->connection, &stage->sink);
	pg_assert(stage, "");
	assert_false(postgres_connection_is_authenticated(&stage->connection));
}

static void nothing_is_read_behind_encryption(void **state)
{
	struct pg_stage *stage = *state;

	stage->flags = 0;
	pg_raw(stage, "\0\0\0\x08\x04\xd2\x16\x2f", 8);
	pg_tell(stage, CLIENT);
	pg_raw(stage, "S", 1);
	pg_tell(stage, SERVER);
	assert_int_equal(stage->connection.phase, POSTGRES_PHASE_ENCRYPTED);
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "");
	pg_assert_losses(stage, 0, 0);
}

static void encryption_without_asking(void **state)
{
	struct pg_stage *stage = *state;

	stage->flags = 0;
	pg_raw(stage, "\x16\3\1\2\0\1\0\1\xfc\3\3", 11);
	pg_tell(stage, CLIENT);
	assert_int_equal(stage->connection.phase, POSTGRES_PHASE_ENCRYPTED);
}

static void a_connection_that_cancels(void **state)
{
	struct pg_stage *stage = *state;

	stage->flags = 0;
	pg_raw(stage, "\0\0\0\x10\x04\xd2\x16\x2e\0\0\1\2\3\4\5\6", 16);
	pg_tell(stage, CLIENT);
	postgres_connection_end(&stage->connection, &stage->sink);
	assert_int_equal(stage->connection.phase, POSTGRES_PHASE_OVER);
	pg_assert(stage, "");
	pg_assert_losses(stage, 0, 0);
}

/* Seen from the client's host, what leaves is the question. */
static void the_clients_end(void **state)
{
	struct pg_stage *stage = *state;

	stage->flags |= EVENT_CLIENT;
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "select 0-1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recorded_connections),
		PG_TEST(a_query_lasts_until_the_server_is_ready),
		PG_TEST(each_statement_of_a_text),
		PG_TEST(what_a_text_and_a_tag_say),
		PG_TEST(an_empty_text),
		PG_TEST(a_pipeline_is_answered_in_its_order),
		PG_TEST(a_pipeline_with_an_error),
		PG_TEST(a_statement_that_cannot_be_prepared),
		PG_TEST(a_parse_that_is_not_the_querys),
		PG_TEST(a_bind_that_is_not_executed),
		PG_TEST(a_portal_that_is_fetched_from),
		PG_TEST(a_commit_that_fails_at_the_sync),
		PG_TEST(copying_in_with_the_extended_protocol),
		PG_TEST(copying_in_within_a_pipeline),
		PG_TEST(copying_in_that_fails),
		PG_TEST(a_function_call),
		PG_TEST(what_servers_say_unasked),
		PG_TEST(what_is_not_answered_at_the_end),
		PG_TEST(the_states_of_a_connection),
		PG_TEST(a_login_that_fails_is_no_query),
		PG_TEST(nothing_is_read_behind_encryption),
		PG_TEST(encryption_without_asking),
		PG_TEST(a_connection_that_cancels),
		PG_TEST(the_clients_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
