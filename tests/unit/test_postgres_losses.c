// SPDX-License-Identifier: Apache-2.0
// Connections to PostgreSQL of which something was not seen: what came before ringside, what was not
// captured, what was lost. What is told of them holds; the rest is counted.
#include "postgres_stage.h"

/* Before ringside. */

static void a_connection_that_was_there_before(void **state)
{
	struct pg_stage *stage = *state;

	pg_complete(stage, "SELECT 9"); /* of a query that was not seen */
	pg_ready(stage, 'T');
	pg_tell(stage, SERVER);
	assert_true(postgres_connection_is_authenticated(&stage->connection));
	assert_true(postgres_connection_in_transaction(&stage->connection));
	pg_bind(stage, "", "prepared before");
	pg_execute(stage, "");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 1 */
	pg_empty(stage, "2");
	pg_complete(stage, "UPDATE 1");
	pg_ready(stage, 'T');
	pg_tell(stage, SERVER); /* 2 */
	pg_bind(stage, "", "prepared before");
	pg_execute(stage, "");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT); /* 3 */
	pg_empty(stage, "2");
	pg_error(stage, "23505");
	pg_ready(stage, 'E');
	pg_tell(stage, SERVER); /* 4 */
	pg_assert(stage, "select untimed, update 1-2, other error 23505 3-4");
	pg_assert_losses(stage, 0, 0);
}

static void in_the_middle_of_something(void **state)
{
	struct pg_stage *stage = *state;

	pg_raw(stage, "1\tone\n2\ttwo\n", 12); /* that is copied in */
	pg_tell(stage, CLIENT);
	pg_raw(stage, "3\tthree", 7);
	pg_tell(stage, CLIENT);
	pg_complete(stage, "COPY 3");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "copy untimed");
	pg_assert_losses(stage, 0, 1);
	/* What else there was is not known before a silence. */
	pg_turn(stage, "select 1", "SELECT 1");
	stage->now_ns += 2000 * PG_MS;
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "copy untimed, select untimed, select 2005-2006");
}

/* The answers to a pipeline, of which only the end of what was asked was seen. */
static void in_the_middle_of_a_pipeline(void **state)
{
	struct pg_stage *stage = *state;

	pg_ask(stage, "select 1");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "12n");
	pg_complete(stage, "INSERT 0 1");
	pg_empty(stage, "12n");
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "insert untimed, select untimed");
	pg_assert_losses(stage, 0, 1);
}

/* What is told may be another protocol's, or begin in the middle of anything. */
static void what_only_looks_like_a_beginning(void **state)
{
	struct pg_stage *stage = *state;

	stage->flags = 0;
	pg_raw(stage, "\0\0\0\x0c\0\2\0\0\0\0\0\0", 12);
	pg_tell(stage, CLIENT);
	pg_raw(stage, "\0\0", 2);
	pg_tell(stage, SERVER);
	pg_assert(stage, "");
	assert_int_equal(stage->connection.phase, POSTGRES_PHASE_UNKNOWN);
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "select untimed");
}

/* What was not captured. */

static void a_text_longer_than_what_is_captured(void **state)
{
	struct pg_stage *stage = *state;
	char text[3000] = "insert into t values ('";

	pg_take_turns(stage);
	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	pg_query(stage, text);
	pg_piece(stage, CLIENT, 0, 512, stage->len);
	pg_next(stage, CLIENT); /* 16 */
	assert_true(postgres_connection_is_active(&stage->connection));
	pg_complete(stage, "INSERT 0 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "insert 16-17, select 18-19");
	pg_assert_losses(stage, 0, 0);
}

/* The end of the segment shows what stood behind the text. */
static void a_long_text_to_be_prepared(void **state)
{
	struct pg_stage *stage = *state;
	char text[1000] = "delete from t where a = 'x";

	memset(text + strlen(text), 'x', sizeof(text) - strlen(text) - 1);
	pg_ask(stage, text);
	pg_empty(stage, "S");
	pg_tell_ends(stage, CLIENT, 100, 512);
	pg_empty(stage, "12n");
	pg_complete(stage, "DELETE 0");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "delete 0-1");
	pg_assert_losses(stage, 0, 0);
}

static void a_large_result(void **state)
{
	struct pg_stage *stage = *state;

	pg_query(stage, "select * from t");
	pg_tell(stage, CLIENT);
	pg_rows(stage, 100, 300);
	pg_tell_ends(stage, SERVER, 500, 100);
	stage->lose = true; /* not worth telling */
	pg_rows(stage, 100, 300);
	pg_tell(stage, SERVER);
	stage->lose = false;
	pg_rows(stage, 100, 300);
	pg_complete(stage, "SELECT 300");
	pg_ready(stage, 'I');
	pg_tell_ends(stage, SERVER, 500, 100); /* 3 */
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "select 0-3, select 4-5");
	pg_assert_losses(stage, 0, 0);
}

static void much_that_is_copied_in(void **state)
{
	struct pg_stage *stage = *state;
	char line[1000];

	memset(line, 'x', sizeof(line));
	pg_query(stage, "copy t from stdin");
	pg_tell(stage, CLIENT); /* 0 */
	pg_message(stage, POSTGRES_COPY_IN, "\0\0\0", 3);
	pg_tell(stage, SERVER); /* 1 */
	for (unsigned i = 0; i < 9; i++) {
		for (unsigned j = 0; j < 5; j++)
			pg_message(stage, POSTGRES_COPY_DATA, line, sizeof(line));
		if (i == 8)
			pg_empty(stage, "c");
		stage->lose = i % 3 == 1;
		if (i & 1)
			pg_tell(stage, CLIENT);
		else
			pg_tell_ends(stage, CLIENT, 300, 0);
	}
	stage->lose = false;
	pg_complete(stage, "COPY 45");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER); /* 11 */
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "copy 0-11, select 12-13");
	pg_assert_losses(stage, 0, 0);
}

static void a_large_result_that_fails(void **state)
{
	struct pg_stage *stage = *state;

	pg_ask(stage, "select * from t");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "12n");
	pg_rows(stage, 100, 300);
	pg_error(stage, "22012");
	pg_ready(stage, 'E');
	pg_tell_ends(stage, SERVER, 500, 100);
	pg_assert(stage, "select error 22012 0-1");
	assert_true(postgres_connection_in_transaction(&stage->connection));
	pg_assert_losses(stage, 0, 0);
}

static void ask_batch(struct pg_stage *stage, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		pg_ask(stage, "insert into t values (1)");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
}

static void answer_batch(struct pg_stage *stage, unsigned count, const char *sqlstate)
{
	for (unsigned i = 0; i < count; i++) {
		pg_empty(stage, "12n");
		pg_complete(stage, "INSERT 0 1");
	}
	if (sqlstate)
		pg_error(stage, sqlstate);
	pg_ready(stage, 'I');
	pg_tell_ends(stage, SERVER, 100, 100);
}

/* That no error stands before the ReadyForQuery says that there was none; when each ended is not known. */
static void answers_of_a_batch(void **state)
{
	struct pg_stage *stage = *state;

	ask_batch(stage, 20);
	answer_batch(stage, 20, NULL);
	assert_int_equal(stage->count, 20);
	pg_assert_losses(stage, 0, 0);
	pg_turn(stage, "select 1", "SELECT 1");
	assert_non_null(strstr(stage->log, "insert untimed, insert untimed, select 2-3"));
}

/* … an error, that one has failed: which one is not known. */
static void answers_of_a_batch_that_fails(void **state)
{
	struct pg_stage *stage = *state;

	ask_batch(stage, 20);
	answer_batch(stage, 10, "23505");
	pg_turn(stage, "select 1", "SELECT 1");
	assert_non_null(strstr(stage->log, ", insert error  untimed, select 2-3"));
	assert_int_equal(stage->count + stage->sink.losses.unanswered, 21);
}

/* What was lost. */

static void an_answer_that_was_lost(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	pg_query(stage, "select 1");
	pg_tell(stage, CLIENT); /* 16 */
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	stage->lose = true;
	pg_tell(stage, SERVER); /* 17 */
	stage->lose = false;
	/* It could be the first one's. */
	pg_turn(stage, "insert into t values (1)", "INSERT 0 1");
	pg_turn(stage, "delete from t", "DELETE 0");
	pg_assert(stage, "insert untimed, delete 20-21");
	pg_assert_losses(stage, 1, 1);
}

static void an_answers_end_that_was_lost(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	pg_query(stage, "select 1");
	pg_tell(stage, CLIENT); /* 16 */
	pg_rows(stage, 10, 100);
	pg_tell_ends(stage, SERVER, 200, 0);
	pg_turn(stage, "insert into t values (1)", "INSERT 0 1"); /* 18 */
	pg_assert(stage, "insert 18-19");
	pg_assert_losses(stage, 1, 0);
}

/* What of it was seen is in the middle of it. */
static void an_answer_that_was_hardly_seen(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	pg_query(stage, "select 1");
	pg_tell(stage, CLIENT); /* 16 */
	pg_rows(stage, 10, 100);
	pg_tell_ends(stage, SERVER, 200, 0);
	pg_raw(stage, "xxxxxxxxxx", 10);
	pg_rows(stage, 10, 100);
	pg_tell_ends(stage, SERVER, 200, 0);
	pg_turn(stage, "insert into t values (1)", "INSERT 0 1"); /* 19 */
	pg_assert(stage, "insert 19-20");
	pg_assert_losses(stage, 1, 0);
}

static void a_question_that_was_lost(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	pg_query(stage, "select 1");
	stage->lose = true;
	pg_tell(stage, CLIENT);
	stage->lose = false;
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "select untimed");
	pg_turn(stage, "delete from t", "DELETE 0");
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "select untimed, delete untimed, select 20-21");
	pg_assert_losses(stage, 0, 1);
}

/* A question, and the answer to the one before: what comes then is not taken for that. */
static void an_answer_and_the_next_question_that_were_lost(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	pg_query(stage, "commit");
	pg_tell(stage, CLIENT);
	stage->lose = true;
	pg_complete(stage, "COMMIT");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_query(stage, "select 1");
	pg_tell(stage, CLIENT);
	stage->lose = false;
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	pg_assert(stage, "select untimed");
}

static void ask_syncs(struct pg_stage *stage, unsigned count, unsigned lost)
{
	for (unsigned i = 0; i < count; i++) {
		pg_ask(stage, "select 1");
		pg_empty(stage, "S");
	}
	pg_tell(stage, CLIENT);
	for (unsigned i = 0; i < count; i++) {
		stage->lose = i == lost;
		pg_empty(stage, "12n");
		pg_complete(stage, "SELECT 1");
		pg_ready(stage, 'I');
		pg_tell(stage, SERVER);
	}
	stage->lose = false;
}

/* Of a client that asks on before it is answered, how many answers were lost cannot be known; nor of one that
 * once did, whatever it did before. */
static void a_loss_in_a_pipeline_of_many_syncs(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	ask_syncs(stage, 2, 2);                      /* 16 */
	ask_syncs(stage, 4, 1);                      /* 19 */
	pg_turn(stage, "delete from t", "DELETE 0"); /* 24 */
	stage->now_ns += 2000 * PG_MS;
	pg_turn(stage, "delete from t", "DELETE 0"); /* 2026 */
	pg_assert(stage, "select 16-17, select 16-18, select 19-20, select untimed, select untimed, "
			 "delete untimed, delete 2026-2027");
	pg_assert_losses(stage, 0, 1);
}

static void what_is_no_message(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	pg_raw(stage, "nonsense", 8);
	pg_tell(stage, CLIENT);
	pg_raw(stage, "nonsense", 8);
	pg_tell(stage, SERVER);
	pg_turn(stage, "select 1", "SELECT 1");
	pg_turn(stage, "select 1", "SELECT 1");
	pg_assert(stage, "select untimed, select 20-21");
	pg_assert_losses(stage, 0, 1);
}

static void twice_and_overlapping(void **state)
{
	struct pg_stage *stage = *state;

	pg_query(stage, "select 1");
	pg_piece(stage, CLIENT, 0, 8, 8);
	pg_piece(stage, CLIENT, 0, 8, 8);
	pg_piece(stage, CLIENT, 4, stage->len - 4, stage->len - 4);
	pg_tell(stage, CLIENT); /* 0 */
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	pg_piece(stage, SERVER, 0, 10, 10);
	pg_piece(stage, SERVER, 0, stage->len, stage->len);
	pg_tell(stage, SERVER); /* 1 */
	pg_assert(stage, "select 0-1");
	pg_assert_losses(stage, 0, 0);
}

/* Limits. */

static void what_is_kept_is_bounded(void **state)
{
	struct pg_stage *stage = *state;

	for (unsigned i = 0; i < 10000; i++) {
		pg_parse(stage, "", i & 1 ? "select 1" : "delete from t");
		pg_bind(stage, "", "");
		pg_execute(stage, "");
		pg_tell(stage, CLIENT);
	}
	assert_in_range(stage->budget.used, 1, 128 * 1024);
	assert_true(stage->sink.losses.table_full > 0);
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	for (unsigned i = 0; i < 10000; i++) {
		pg_empty(stage, "12");
		pg_complete(stage, i & 1 ? "SELECT 1" : "DELETE 0");
		pg_tell(stage, SERVER);
	}
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	assert_int_equal(stage->count, 10000);
	stage->log[0] = 0;
	stage->count = 0;
	pg_turn(stage, "begin", "BEGIN");
	pg_assert(stage, "begin 20002-20003");
}

/* What does not fit may be of many groups. */
static void more_syncs_than_are_kept(void **state)
{
	struct pg_stage *stage = *state;

	pg_take_turns(stage);
	for (unsigned i = 0; i < 3000; i++) {
		pg_ask(stage, i & 1 ? "select 1" : "delete from t");
		pg_empty(stage, "S");
	}
	pg_tell(stage, CLIENT);
	assert_int_equal(stage->sink.losses.table_full, 1);
	for (unsigned i = 0; i < 2999; i++) {
		pg_empty(stage, "12n");
		pg_complete(stage, i & 1 ? "SELECT 1" : "DELETE 0");
		pg_ready(stage, 'I');
	}
	pg_tell(stage, SERVER);
	assert_int_equal(stage->count, 2999);
	assert_null(strstr(stage->log, "-"));
	stage->log[0] = 0;
	stage->count = 0;
	pg_query(stage, "begin");
	pg_tell(stage, CLIENT);
	assert_true(postgres_connection_is_active(&stage->connection));
	pg_empty(stage, "12n");
	pg_complete(stage, "SELECT 1");
	pg_ready(stage, 'I');
	pg_complete(stage, "BEGIN");
	pg_ready(stage, 'T');
	pg_tell(stage, SERVER);
	pg_assert(stage, "select untimed, begin untimed");
	assert_false(postgres_connection_is_active(&stage->connection));
}

/* The same over and over is one entry. */
static void a_long_batch(void **state)
{
	struct pg_stage *stage = *state;

	stage->times = false;
	pg_parse(stage, "s", "insert into t values ($1)");
	for (unsigned i = 0; i < 20000; i++) {
		pg_bind(stage, "", "s");
		pg_execute(stage, "");
	}
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	assert_in_range(stage->budget.used, 1, 1024);
	pg_empty(stage, "1");
	for (unsigned i = 0; i < 20000; i++) {
		pg_empty(stage, "2");
		pg_complete(stage, "INSERT 0 1");
	}
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	assert_int_equal(stage->count, 20000);
	pg_assert_losses(stage, 0, 0);
	assert_null(strstr(stage->log, "untimed"));
}

static void ask_named(struct pg_stage *stage, const char *name)
{
	pg_bind(stage, "", name);
	pg_execute(stage, "");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "2");
	pg_error(stage, "22012");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
}

/* The oldest are forgotten; what was closed is, too. */
static void statements_beyond_the_limit(void **state)
{
	struct pg_stage *stage = *state;
	char name[16];

	stage->times = false;
	for (unsigned i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		pg_parse(stage, name, i % 2 ? "delete from t" : "select 1");
		pg_empty(stage, "S");
		pg_tell(stage, CLIENT);
		pg_empty(stage, "1");
		pg_ready(stage, 'I');
		pg_tell(stage, SERVER);
	}
	assert_in_range(stage->budget.used, 1, 8192);
	ask_named(stage, "s599");
	ask_named(stage, "s598");
	ask_named(stage, "s0");
	ask_named(stage, "s100");
	pg_named(stage, POSTGRES_CLOSE, 'S', "s599");
	pg_parse(stage, "s598", "update t set a = 1");
	pg_empty(stage, "S");
	pg_tell(stage, CLIENT);
	pg_empty(stage, "31");
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
	ask_named(stage, "s599");
	ask_named(stage, "s598");
	pg_assert(stage, "delete error 22012, select error 22012, other error 22012, select error 22012, "
			 "other error 22012, update error 22012");
}

static void nothing_is_kept_without_memory(void **state)
{
	struct pg_stage *stage = *state;

	stage->budget.limit = 0;
	pg_turn(stage, "select 1", "SELECT 1");
	pg_parse(stage, "a", "select 1");
	pg_tell(stage, CLIENT);
	pg_assert(stage, "select untimed");
	assert_true(stage->sink.losses.table_full > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PG_TEST(a_connection_that_was_there_before),
		PG_TEST(in_the_middle_of_something),
		PG_TEST(in_the_middle_of_a_pipeline),
		PG_TEST(what_only_looks_like_a_beginning),
		PG_TEST(a_text_longer_than_what_is_captured),
		PG_TEST(a_long_text_to_be_prepared),
		PG_TEST(a_large_result),
		PG_TEST(a_large_result_that_fails),
		PG_TEST(much_that_is_copied_in),
		PG_TEST(answers_of_a_batch),
		PG_TEST(answers_of_a_batch_that_fails),
		PG_TEST(an_answer_that_was_lost),
		PG_TEST(an_answers_end_that_was_lost),
		PG_TEST(an_answer_that_was_hardly_seen),
		PG_TEST(a_question_that_was_lost),
		PG_TEST(an_answer_and_the_next_question_that_were_lost),
		PG_TEST(a_loss_in_a_pipeline_of_many_syncs),
		PG_TEST(what_is_no_message),
		PG_TEST(twice_and_overlapping),
		PG_TEST(what_is_kept_is_bounded),
		PG_TEST(more_syncs_than_are_kept),
		PG_TEST(a_long_batch),
		PG_TEST(statements_beyond_the_limit),
		PG_TEST(nothing_is_kept_without_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
