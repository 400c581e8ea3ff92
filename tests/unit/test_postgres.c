// SPDX-License-Identifier: Apache-2.0
// PostgreSQL's messages, whole and in pieces; verbs of queries; messages found behind what was not seen.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "protocols/postgres.h"
#include "protocols/postgres_alignment.h"

struct said {
	char types[64]; ///< of messages that ended; '#' for those without a type
	unsigned begun, ended;
	bool malformed;
};

static void feed(struct postgres_reader *reader, const char *bytes, size_t len, struct said *said)
{
	struct slice left = {guarded(bytes, len), len};

	while (!said->malformed) {
		switch (postgres_read(reader, &left)) {
		case POSTGRES_MORE:
			assert_int_equal(left.len, 0);
			return;
		case POSTGRES_BEGIN:
			said->begun++;
			break;
		case POSTGRES_END:
			assert_true(said->ended < sizeof(said->types) - 1);
			said->types[said->ended++] = reader->message.type ? reader->message.type : '#';
			break;
		case POSTGRES_MALFORMED:
			said->malformed = true;
			break;
		}
	}
}

/* Read as a whole and byte by byte: what the last message said is in the reader. */
static void read_all(struct postgres_reader *reader, const char *bytes, size_t len, const char *types)
{
	struct postgres_reader cut = *reader;
	struct said once = {0}, twice = {0};

	feed(reader, bytes, len, &once);
	for (size_t i = 0; i < len; i++)
		feed(&cut, bytes + i, 1, &twice);
	assert_string_equal(once.types, types);
	assert_string_equal(twice.types, types);
	assert_memory_equal(reader->names, cut.names, sizeof(cut.names));
	assert_string_equal(reader->sqlstate, cut.sqlstate);
	assert_int_equal(reader->sql.operation, cut.sql.operation);
}

#define READ(reader, bytes, types) read_all(reader, bytes, sizeof(bytes) - 1, types)

/* psql asks for encryption twice before it begins. */
static void the_startup(void **state)
{
	struct postgres_reader client, server;
	uint32_t code = 0;

	(void)state;
	postgres_reader_init(&client, false, true);
	READ(&client, "\0\0\0\x08\x04\xd2\x16\x30", "#");
	assert_true(postgres_code(&client, &code));
	assert_int_equal(code, POSTGRES_CODE_GSS);
	READ(&client, "\0\0\0\x08\x04\xd2\x16\x2f", "#");
	assert_true(postgres_code(&client, &code));
	assert_int_equal(code, POSTGRES_CODE_TLS);
	READ(&client, "\0\0\0\x13\0\3\0\0user\0root\0\0Q\0\0\0\x0dselect 1\0", "#Q");
	assert_int_equal(client.sql.operation, POSTGRES_SELECT);

	postgres_reader_init(&server, true, false);
	server.negotiating = true;
	READ(&server,
	     "NR\0\0\0\x08\0\0\0\0S\0\0\0\x09"
	     "a\0b\0\0Z\0\0\0\5I",
	     "#RSZ");
	assert_int_equal(server.first[0], 'I');
	postgres_reader_init(&server, true, false);
	server.negotiating = true;
	READ(&server,
	     "E\0\0\0\x06"
	     "S\0",
	     "E");
}

static void a_cancel_request(void **state)
{
	struct postgres_reader client;
	uint32_t code = 0;

	(void)state;
	postgres_reader_init(&client, false, true);
	READ(&client, "\0\0\0\x10\x04\xd2\x16\x2e\0\0\1\2\3\4\5\6", "#");
	assert_true(postgres_code(&client, &code));
	assert_int_equal(code, POSTGRES_CODE_CANCEL);
}

static void names_and_verbs_of_the_extended_protocol(void **state)
{
	struct postgres_reader client;
	uint64_t parsed = 0, portal = 0, bound = 0, name = 0;

	(void)state;
	postgres_reader_init(&client, false, false);
	READ(&client,
	     "P\0\0\0\x17s1\0"
	     "insert into t\0\0\0",
	     "P");
	assert_int_equal(client.sql.operation, POSTGRES_INSERT);
	assert_true(postgres_name(&client, 0, &parsed));
	READ(&client,
	     "B\0\0\0\x0f"
	     "c\0s1\0\0\0\0\0\0\0",
	     "B");
	assert_true(postgres_name(&client, 0, &portal));
	assert_true(postgres_name(&client, 1, &bound));
	assert_int_equal(bound, parsed);
	assert_int_not_equal(portal, parsed);
	READ(&client,
	     "E\0\0\0\x0a"
	     "c\0\0\0\0\0",
	     "E");
	assert_true(postgres_name(&client, 0, &name));
	assert_int_equal(name, portal);
	READ(&client, "C\0\0\0\x08Ss1\0", "C");
	assert_true(postgres_name(&client, 0, &name));
	assert_int_equal(name, parsed);
	READ(&client, "D\0\0\0\x06P\0H\0\0\0\4S\0\0\0\4X\0\0\0\4", "DHSX");
	READ(&client, "E\0\0\0\x09\0\0\0\0\0", "E");
	assert_true(postgres_name(&client, 0, &name));
	assert_int_equal(name, POSTGRES_UNNAMED);
}

static void tags_and_codes_of_answers(void **state)
{
	struct postgres_reader server;

	(void)state;
	postgres_reader_init(&server, true, false);
	READ(&server, "C\0\0\0\x0fINSERT 0 1\0", "C");
	assert_int_equal(server.sql.operation, POSTGRES_INSERT);
	READ(&server,
	     "C\0\0\0\x10"
	     "COPY 100000\0",
	     "C");
	assert_int_equal(server.sql.operation, POSTGRES_COPY);
	READ(&server, "E\0\0\0\x22SERROR\0VERROR\0C42601\0Msyntax\0\0", "E");
	assert_string_equal(server.sqlstate, "42601");
	READ(&server, "1\0\0\0\0042\0\0\0\4n\0\0\0\4s\0\0\0\4I\0\0\0\4", "12nsI");
	assert_string_equal(server.sqlstate, "");
}

static void what_was_not_seen_of_a_payload(void **state)
{
	struct postgres_reader client, server;
	struct said said = {0};
	uint64_t name;

	(void)state;
	postgres_reader_init(&client, false, false);
	assert_false(postgres_skip(&client, 1));
	feed(&client, "Q\0\0\1\0update t set sel", 21, &said);
	assert_false(postgres_may_skip(&client, 256 - 4 - 16 + 1));
	assert_true(postgres_skip(&client, 256 - 4 - 16));
	feed(&client, "S\0\0\0\4", 5, &said);
	assert_string_equal(said.types, "QS");

	/* A word that was cut is none, a name neither. */
	feed(&client, "Q\0\0\1\0drop", 9, &said);
	assert_true(postgres_skip(&client, 200));
	feed(&client, " table                                         \0", 48, &said);
	assert_string_equal(said.types, "QSQ");
	assert_int_equal(client.sql.operation, POSTGRES_OTHER);
	feed(&client, "P\0\0\1\0stat", 9, &said);
	assert_true(postgres_skip(&client, 248));
	feed(&client, "", 0, &said);
	assert_false(postgres_name(&client, 0, &name));

	memset(&said, 0, sizeof(said));
	postgres_reader_init(&server, true, false);
	feed(&server, "D\1\0\0\0\0\1", 7, &said);
	assert_true(postgres_skip(&server, 0x01000000 - 4 - 2));
	feed(&server, "Z\0\0\0\5T", 6, &said);
	assert_string_equal(said.types, "DZ");
	assert_int_equal(server.first[0], 'T');
}

static void what_is_no_message(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool server, untyped;
	} cases[] = {
		{"GET / HTTP/1.1\r\n", 16, false, false}, {"\x16\3\1\2\0\1\0\1", 8, false, true},
		{"\0\0\0\7\0\3\0", 7, false, true},       {"\0\0\0\x08\0\2\0\0", 8, false, true},
		{"S\0\0\0\5", 5, false, false},           {"Q\0\0\0\3", 5, false, false},
		{"Z\0\0\0\x05X", 6, true, false},         {"Z\0\0\0\x06I", 6, true, false},
		{"C\1\0\0\0S", 6, true, false},           {"Q\0\0\0\x0dselect 1\0", 14, true, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct postgres_reader reader;
		struct said said = {0};

		postgres_reader_init(&reader, cases[i].server, cases[i].untyped);
		feed(&reader, cases[i].bytes, cases[i].len, &said);
		assert_true(said.malformed);
	}
}

static void operations_of_texts(void **state)
{
	static const struct {
		const char *text, *operation;
	} cases[] = {
		{"select 1", "select"},
		{"SELECT", "select"},
		{" \t\r\n\f;;Insert into t values (1)", "insert"},
		{"-- select\nupdate t set a = 1", "update"},
		{"--\rdelete from t", "delete"},
		{"/* select /* nested */ still */ merge into t", "merge"},
		{"/**/copy t from stdin", "copy"},
		{"/***/ begin", "begin"},
		{"/*/**/*/start transaction", "begin"},
		{"end", "commit"},
		{"ABORT", "rollback"},
		{"((select 1) union (select 2))", "select"},
		{"(values (1))", "select"},
		{"table t", "select"},
		{"with x as (select 1) select * from x", "select"},
		{"with recursive x(n) as (select ')' || $$)$$ || $a$ $b$ ) $a$ union all select 1) insert "
		 "into t",
		 "insert"},
		{"with x as (insert into t returning *), y as not materialized (select 1) update t set a = 1",
		 "update"},
		{"with \"a)(\" as (select E'\\')' || E'''\\'') delete from t", "delete"},
		{"with insert as (select 1), delete (update) as (select 2) merge into t", "merge"},
		{"with x as (select 1) (select * from x)", "select"},
		{"(with x as (select 1) select * from x) union select 2", "select"},
		{"with x as (select 1 /* ) */ -- )\n) values (1)", "select"},
		{"with x as (select 1) search depth first by a set insert insert into t select 1", "other"},
		{"with x as (select 1", "other"},
		{"with x as (select 1)", "other"},
		{"with x as (select $1, a-1, a/2) select", "select"},
		{"explain analyze insert into t", "explain"},
		{"analyse t", "analyze"},
		{"DECLARE c cursor for select 1", "declare"},
		{"close c", "close"},
		{"selec", "other"},
		{"selects", "other"},
		{"select$", "other"},
		{"'select'", "other"},
		{"\"select\"", "other"},
		{"1 select", "other"},
		{"- select", "other"},
		{"/ select", "other"},
		{"execute p", "other"},
		{"", "other"},
		{"-- select 1", "other"},
		{"/* select 1", "other"},
		{"deallocate all", "deallocate"},
		{"deallocatexy", "other"},
		{"unlisten *", "unlisten"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size_t len = strlen(cases[i].text);
		struct slice text = {guarded(cases[i].text, len), len};
		const char *name = postgres_operation_name(postgres_operation(text));

		if (strcmp(name, cases[i].operation) != 0)
			fail_msg("\"%s\" is %s, not %s", cases[i].text, name, cases[i].operation);
	}
}

static void several_statements_in_one_text(void **state)
{
	static const struct {
		const char *text;
		bool several;
	} cases[] = {
		{"select 1", false},
		{"select 1;", false},
		{"; select 1 ; -- no more\n /* none */ ;", false},
		{"select 1; select 2", true},
		{"select ';'; 2", true},
		{"select ';', \"; a\", $$ ; $$, $a$ ; $$ ; $a$, E'\\'; '", false},
		{"create rule r as on insert to t do (select 1; select 2)", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct postgres_sql sql = {0};

		for (const char *at = cases[i].text; *at; at++)
			postgres_sql_read(&sql, *at);
		postgres_sql_end(&sql);
		if (sql.several != cases[i].several)
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void every_operation_is_its_own_verb(void **state)
{
	(void)state;
	for (unsigned i = POSTGRES_OTHER + 1; i < POSTGRES_OPERATIONS; i++) {
		const char *name = postgres_operation_name(i);

		assert_int_equal(postgres_operation((struct slice){name, strlen(name)}), i);
		assert_true(strlen(name) <= POSTGRES_WORD_MAX);
	}
}

/* No text of a query stays where it was read. */
static void words_are_forgotten(void **state)
{
	struct postgres_reader client;
	struct said said = {0};

	(void)state;
	postgres_reader_init(&client, false, false);
	feed(&client, "Q\0\0\0\x1cselect 'secret', secret\0", 29, &said);
	assert_string_equal(said.types, "Q");
	assert_null(memmem(&client, sizeof(client), "secret", 6));
}

#define TAIL(bytes) postgres_tail((struct slice){guarded(bytes, sizeof(bytes) - 1), sizeof(bytes) - 1})
#define COMPLETE "C\0\0\0\x0dSELECT 9\0"
#define READY "Z\0\0\0\5I"

static void the_end_of_what_was_not_seen(void **state)
{
	char row[600] = {0};

	(void)state;
	assert_int_equal(TAIL("xxxx" READY), 4);
	assert_int_equal(TAIL("xxxx" COMPLETE READY), 4);
	assert_int_equal(TAIL("xxxx" COMPLETE), 4);
	assert_int_equal(TAIL("\1x" COMPLETE "3\0\0\0\4S\0\0\0\x08"
			      "a\0b\0" READY),
			 2);
	assert_int_equal(TAIL("xxE\0\0\0\x0eSERROR\0\0\0" READY), 2 + 14);
	assert_int_equal(TAIL("xxE\0\0\0\x0cSERROR\0\0" READY), 2);
	assert_int_equal(TAIL("xxxx" READY "y"), 11);
	assert_int_equal(TAIL("xxxx" COMPLETE "1\0\0\0\4"), 23);
	assert_int_equal(TAIL("xxxxZ\0\0\0\5X"), 10);
	assert_int_equal(TAIL("Z\0\0\0\5"), 5);
	assert_int_equal(TAIL(""), 0);
	/* A message that only looks like one is not taken for the first. */
	assert_int_equal(TAIL("C\0\0\0\x0bselect\0" READY), 12);
	assert_int_equal(TAIL("C\0\0\0\x0b"
			      "ABCDE\0\0" READY),
			 12);
	memcpy(row + sizeof(row) - 6, READY, 6);
	memcpy(row + sizeof(row) - 20, COMPLETE, 14);
	assert_int_equal(postgres_tail((struct slice){guarded(row, sizeof(row)), sizeof(row)}),
			 sizeof(row) - 20);
}

#define BEGINS(bytes, server) \
	postgres_begins((struct slice){guarded(bytes, sizeof(bytes) - 1), sizeof(bytes) - 1}, server)

static void where_messages_begin(void **state)
{
	(void)state;
	assert_true(BEGINS("Q\0\0\0\x0dselect 1\0", false));
	assert_true(BEGINS("Q\0\0\1\x0dselect 1", false));
	assert_true(BEGINS("S\0\0\0\4", false));
	assert_true(BEGINS("D\0\0\0\6S\0S\0\0\0\4", false));
	assert_false(BEGINS("D\0\0\0\6S\0S\0\0\0\5", false));
	assert_false(BEGINS("D\0\0\0\6T\0S\0\0\0\4", false));
	assert_false(BEGINS("Q\0\0\1\x0dselect\0 1", false));
	assert_false(BEGINS("elect 1\0", false));
	assert_false(BEGINS("Q\0\0\0", false));
	assert_true(BEGINS("D\0\0\0\x0b\0\1\0\0\0\1xD\0\0\0\x0b\0\1\0\0", true));
	assert_false(BEGINS("D\0\0\0\x0c\0\1\0\0\0\1xxD\0\0\0\x0b\0\1\0\0", true));
	assert_true(BEGINS("D\0\0\0\x0a\0\1\xff\xff\xff\xff" COMPLETE READY, true));
	assert_false(BEGINS("", true));
	assert_false(BEGINS("T 0 1\0Z\0\0\0\5I", true)); /* the end of "INSERT 0 1" */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_startup),
		cmocka_unit_test(a_cancel_request),
		cmocka_unit_test(names_and_verbs_of_the_extended_protocol),
		cmocka_unit_test(tags_and_codes_of_answers),
		cmocka_unit_test(what_was_not_seen_of_a_payload),
		cmocka_unit_test(what_is_no_message),
		cmocka_unit_test(operations_of_texts),
		cmocka_unit_test(several_statements_in_one_text),
		cmocka_unit_test(every_operation_is_its_own_verb),
		cmocka_unit_test(words_are_forgotten),
		cmocka_unit_test(the_end_of_what_was_not_seen),
		cmocka_unit_test(where_messages_begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
