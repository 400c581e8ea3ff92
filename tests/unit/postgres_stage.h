// SPDX-License-Identifier: Apache-2.0
// A connection to PostgreSQL as the kernel side tells it: messages are written, cut into pieces at will, and
// fed to a postgres_connection. What it says is logged as text: "select 3-5" for a query that came at 3 and
// ended at 5, in milliseconds; without times where there are none.
#ifndef RINGSIDE_TESTS_POSTGRES_STAGE_H
#define RINGSIDE_TESTS_POSTGRES_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event.h"
#include "postgres_connection.h"

enum { CLIENT, SERVER };

#define PG_BYTES_MAX (1 << 20)
#define PG_MS 1000000ULL

struct pg_stage {
	struct postgres_connection connection;
	struct memory_budget budget;
	struct postgres_sink sink;
	uint64_t now_ns;
	uint64_t position[2];
	uint16_t flags;
	bool lose;  /* pieces are made, and nobody hears of them */
	bool times; /* are logged */
	size_t len;
	unsigned count;
	char log[16384];
	char bytes[PG_BYTES_MAX]; /* messages that were not told yet */
};

static inline void pg_log(void *context, const struct postgres_query *query)
{
	struct pg_stage *stage = context;
	char text[96];
	int len = snprintf(text, sizeof(text), "%s%s", stage->count++ ? ", " : "",
			   postgres_operation_name(query->operation));

	assert_true(query->timed ? query->start_ns <= query->end_ns : !query->start_ns);
	if (query->error)
		len += snprintf(text + len, sizeof(text) - len, " error %s", query->sqlstate);
	if (query->timed && stage->times)
		snprintf(text + len, sizeof(text) - len, " %d-%d", (int)(query->start_ns / PG_MS),
			 (int)(query->end_ns / PG_MS));
	else if (!query->timed)
		snprintf(text + len, sizeof(text) - len, " untimed");
	if (strlen(stage->log) + strlen(text) < sizeof(stage->log))
		strcat(stage->log, text);
}

static inline int pg_setup(void **state)
{
	struct pg_stage *stage = calloc(1, sizeof(*stage));

	if (!stage)
		return -1;
	stage->budget.limit = 1 << 20;
	stage->sink = (struct postgres_sink){.on_query = pg_log, .context = stage};
	stage->flags = EVENT_MIDSTREAM;
	stage->times = true;
	postgres_connection_init(&stage->connection, &stage->budget);
	*state = stage;
	return 0;
}

static inline int pg_teardown(void **state)
{
	struct pg_stage *stage = *state;

	postgres_connection_drop(&stage->connection);
	assert_int_equal(stage->budget.used, 0);
	free(stage);
	return 0;
}

static inline void pg_raw(struct pg_stage *stage, const void *bytes, size_t len)
{
	assert_true(stage->len + len <= sizeof(stage->bytes));
	if (len)
		memcpy(stage->bytes + stage->len, bytes, len);
	stage->len += len;
}

static inline void pg_message(struct pg_stage *stage, char type, const void *payload, size_t len)
{
	const uint8_t header[] = {type, (len + 4) >> 24, (len + 4) >> 16, (len + 4) >> 8, len + 4};

	pg_raw(stage, header, sizeof(header));
	pg_raw(stage, payload, len);
}

/* `len` bytes from `from` on of what was written, as the beginning of a piece of `bytes`. */
static inline void pg_piece(struct pg_stage *stage, int who, size_t from, size_t len, size_t bytes)
{
	struct stream_event *event = calloc(1, sizeof(*event) + len);
	bool out = (who == SERVER) != !!(stage->flags & EVENT_CLIENT);

	assert_non_null(event);
	event->header.flags = stage->flags | (out ? EVENT_OUT : 0);
	event->header.time_ns = stage->now_ns;
	event->arrival_ns = stage->now_ns;
	event->position = stage->position[who] + from;
	event->bytes = bytes;
	event->len = len;
	memcpy(event->data, stage->bytes + from, len);
	if (!stage->lose)
		postgres_connection_feed(&stage->connection, event, &stage->sink);
	free(event);
}

/* What was written is over, whether it was told or not. A millisecond goes by. */
static inline void pg_next(struct pg_stage *stage, int who)
{
	stage->position[who] += stage->len;
	stage->len = 0;
	stage->now_ns += PG_MS;
}

/* All that was written, in one piece. */
static inline void pg_tell(struct pg_stage *stage, int who)
{
	pg_piece(stage, who, 0, stage->len, stage->len);
	pg_next(stage, who);
}

/* The same, of which only the beginning and the end are captured. */
static inline void pg_tell_ends(struct pg_stage *stage, int who, size_t head, size_t tail)
{
	assert_true(head + tail < stage->len);
	pg_piece(stage, who, 0, head, stage->len);
	if (tail)
		pg_piece(stage, who, stage->len - tail, tail, tail);
	pg_next(stage, who);
}

/* Questions. */

static inline void pg_query(struct pg_stage *stage, const char *text)
{
	pg_message(stage, POSTGRES_QUERY, text, strlen(text) + 1);
}

static inline void pg_parse(struct pg_stage *stage, const char *name, const char *text)
{
	char payload[1024] = {0};
	size_t len = strlen(name) + 1 + strlen(text) + 1 + 2;

	assert_true(len <= sizeof(payload));
	snprintf(payload, sizeof(payload), "%s", name);
	snprintf(payload + strlen(name) + 1, sizeof(payload) - strlen(name) - 1, "%s", text);
	pg_message(stage, POSTGRES_PARSE, payload, len);
}

static inline void pg_bind(struct pg_stage *stage, const char *portal, const char *statement)
{
	char payload[256] = {0};

	snprintf(payload, 100, "%s", portal);
	snprintf(payload + strlen(portal) + 1, 100, "%s", statement);
	pg_message(stage, POSTGRES_BIND, payload, strlen(portal) + strlen(statement) + 2 + 6);
}

static inline void pg_execute(struct pg_stage *stage, const char *portal)
{
	char payload[128] = {0};

	snprintf(payload, 100, "%s", portal);
	pg_message(stage, POSTGRES_EXECUTE, payload, strlen(portal) + 1 + 4);
}

/* Describe and Close; `kind` is 'S' or 'P'. */
static inline void pg_named(struct pg_stage *stage, char type, char kind, const char *name)
{
	char payload[128] = {kind};

	snprintf(payload + 1, 100, "%s", name);
	pg_message(stage, type, payload, strlen(name) + 2);
}

static inline void pg_empty(struct pg_stage *stage, const char *types)
{
	for (; *types; types++)
		pg_message(stage, *types, NULL, 0);
}

/* An unnamed statement from Parse to Execute. */
static inline void pg_ask(struct pg_stage *stage, const char *text)
{
	pg_parse(stage, "", text);
	pg_bind(stage, "", "");
	pg_named(stage, POSTGRES_DESCRIBE, 'P', "");
	pg_execute(stage, "");
}

/* Answers. */

static inline void pg_complete(struct pg_stage *stage, const char *tag)
{
	pg_message(stage, POSTGRES_COMPLETE, tag, strlen(tag) + 1);
}

static inline void pg_error(struct pg_stage *stage, const char *sqlstate)
{
	char payload[64];
	int len = snprintf(payload, sizeof(payload), "SERROR%cVERROR%cC%s%cMno%c", 0, 0, sqlstate, 0, 0);

	pg_message(stage, POSTGRES_ERROR, payload, len + 1);
}

static inline void pg_ready(struct pg_stage *stage, char status)
{
	pg_message(stage, POSTGRES_READY, &status, 1);
}

static inline void pg_rows(struct pg_stage *stage, unsigned count, unsigned len)
{
	uint8_t row[4096] = {0, 1, 0, 0, len >> 8, len};

	assert_true(6 + len <= sizeof(row));
	memset(row + 6, 'x', len);
	while (count--)
		pg_message(stage, POSTGRES_ROW, row, 6 + len);
}

/* A query and its whole answer. */
static inline void pg_turn(struct pg_stage *stage, const char *text, const char *tag)
{
	pg_query(stage, text);
	pg_tell(stage, CLIENT);
	pg_complete(stage, tag);
	pg_ready(stage, 'I');
	pg_tell(stage, SERVER);
}

/* After a few turns it is known to be a client that asks when all is answered. */
static inline void pg_take_turns(struct pg_stage *stage)
{
	for (unsigned i = 0; i < 8; i++)
		pg_turn(stage, "show x", "SHOW");
	stage->log[0] = 0;
	stage->count = 0;
}

static inline void pg_assert(const struct pg_stage *stage, const char *expected)
{
	if (strcmp(stage->log, expected) != 0)
		fail_msg("said \"%s\", not \"%s\"", stage->log, expected);
}

static inline void pg_assert_losses(const struct pg_stage *stage, unsigned unanswered, unsigned stretches)
{
	if (stage->sink.losses.unanswered != unanswered || stage->sink.losses.stretches != stretches)
		fail_msg("lost %d, %d; not %u, %u", (int)stage->sink.losses.unanswered,
			 (int)stage->sink.losses.stretches, unanswered, stretches);
}

#define PG_TEST(test) cmocka_unit_test_setup_teardown(test, pg_setup, pg_teardown)

#endif
