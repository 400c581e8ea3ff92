// SPDX-License-Identifier: Apache-2.0
// A connection to Redis that is fed by hand: what each end says, what is missing of it, what is then told.
#ifndef RINGSIDE_TESTS_REDIS_STAGE_H
#define RINGSIDE_TESTS_REDIS_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "event.h"
#include "memory_budget.h"
#include "redis_connection.h"

enum { TOLD_MAX = 64 };

struct redis_stage {
	struct memory_budget budget;
	struct redis_connection *connection;
	struct redis_sink sink;
	uint64_t positions[2]; ///< in, out
	uint64_t now_ns;       ///< of the last piece; each comes 1000 later
	uint16_t flags;        ///< of the events
	uint32_t captured;     ///< of a piece, at most
	unsigned told;
	struct redis_call calls[TOLD_MAX];
};

static inline void stage_on_call(void *context, const struct redis_call *call)
{
	struct redis_stage *stage = context;

	if (stage->told < TOLD_MAX)
		stage->calls[stage->told] = *call;
	stage->told++;
}

static inline struct redis_stage *stage_new(uint16_t flags)
{
	struct redis_stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	stage->budget.limit = 1 << 20;
	stage->connection = redis_connection_new(&stage->budget);
	stage->sink = (struct redis_sink){.on_call = stage_on_call, .context = stage};
	stage->flags = flags;
	stage->captured = UINT32_MAX;
	assert_non_null(stage->connection);
	return stage;
}

static inline void stage_free(struct redis_stage *stage)
{
	redis_connection_free(stage->connection);
	assert_int_equal(stage->budget.used, 0);
	free(stage);
}

/// One piece of a direction. The event is of exactly its size, for the sanitizer.
static inline void stage_piece(struct redis_stage *stage, bool out, const char *bytes, size_t len)
{
	size_t captured = len < stage->captured ? len : stage->captured, tail = len < 8 ? len : 8;
	struct stream_event *event = calloc(1, sizeof(*event) + captured);

	assert_non_null(event);
	stage->now_ns += 1000;
	event->header.time_ns = event->arrival_ns = stage->now_ns;
	event->header.flags = stage->flags | (out ? EVENT_OUT : 0);
	event->position = stage->positions[out];
	event->bytes = (uint32_t)len;
	event->len = (uint32_t)captured;
	memcpy(event->data, bytes, captured);
	memcpy(event->tail + sizeof(event->tail) - tail, bytes + len - tail, tail);
	stage->positions[out] += len;
	redis_connection_feed(stage->connection, event, &stage->sink);
	free(event);
}

/// What is not seen of it at all.
static inline void stage_miss(struct redis_stage *stage, bool out, size_t len)
{
	stage->positions[out] += len;
}

static inline void client_says(struct redis_stage *stage, const char *bytes)
{
	stage_piece(stage, false, bytes, strlen(bytes));
}

static inline void server_says(struct redis_stage *stage, const char *bytes)
{
	stage_piece(stage, true, bytes, strlen(bytes));
}

/// The commands that were told since the last time, in their order: "get set".
static inline void assert_told(struct redis_stage *stage, const char *commands)
{
	char told[TOLD_MAX * 24] = "";

	assert_true(stage->told <= TOLD_MAX);
	for (unsigned i = 0; i < stage->told; i++) {
		strcat(told, i ? " " : "");
		strcat(told, stage->calls[i].command);
		strcat(told, stage->calls[i].error ? "!" : "");
		strcat(told, stage->calls[i].queued ? "?" : "");
		strcat(told, stage->calls[i].blocking ? "~" : "");
	}
	assert_string_equal(told, commands);
	stage->told = 0;
}

static inline void assert_lost(const struct redis_stage *stage, uint64_t commands, uint64_t stretches,
			       uint64_t unanswered)
{
	assert_int_equal(stage->sink.losses.commands, commands);
	assert_int_equal(stage->sink.losses.stretches, stretches);
	assert_int_equal(stage->sink.losses.unanswered, unanswered);
}

#endif
