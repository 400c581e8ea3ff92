// SPDX-License-Identifier: Apache-2.0
// What a client of PostgreSQL has asked and was not answered yet, in its order. Owned by
// postgres_connection.c.
#ifndef RINGSIDE_POSTGRES_QUEUE_H
#define RINGSIDE_POSTGRES_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "memory_budget.h"

/// A Parse, Bind and Execute of the same query is one: the Execute.
enum postgres_asked {
	POSTGRES_ASKED_PARSE,
	POSTGRES_ASKED_BIND,
	POSTGRES_ASKED_EXECUTE,
	POSTGRES_ASKED_COPY_END, ///< the client has sent what is to be copied
	POSTGRES_ASKED_QUERY,    ///< from here on, what ends a group: it is answered by a ReadyForQuery
	POSTGRES_ASKED_CALL,
	POSTGRES_ASKED_SYNC,
};

struct postgres_ask {
	uint64_t start_ns;
	uint32_t count; ///< as many that are the same came in one piece
	uint8_t kind;   ///< enum postgres_asked
	uint8_t operation;
	bool several; ///< POSTGRES_ASKED_QUERY: more than one statement
};

/// Zeroed: empty.
struct postgres_queue {
	struct postgres_ask *asks;
	uint32_t first;
	uint32_t len;
	uint32_t room;
};

bool postgres_ask_is_query(const struct postgres_ask *ask);
bool postgres_ask_ends_group(const struct postgres_ask *ask);

/// False if there is no room for it: too many, or beyond the budget.
bool postgres_queue_push(struct postgres_queue *queue, struct postgres_ask ask, struct memory_budget *budget);
/// NULL if there is none. Valid until the next call that changes the queue.
struct postgres_ask *postgres_queue_first(const struct postgres_queue *queue);
struct postgres_ask *postgres_queue_last(const struct postgres_queue *queue);
/// The query that is answered next, and first then: takes off what stands before it. NULL if there is none up
/// to a Sync.
struct postgres_ask *postgres_queue_query(struct postgres_queue *queue);
/// Takes one off; there is one.
void postgres_queue_pop(struct postgres_queue *queue);
void postgres_queue_pop_last(struct postgres_queue *queue);
void postgres_queue_drop(struct postgres_queue *queue, struct memory_budget *budget);

/// What is answered by one ReadyForQuery each; the last may not be whole.
unsigned postgres_queue_groups(const struct postgres_queue *queue);
/// Queries in the first group; the operation of its Executes, if it is the same.
uint64_t postgres_queue_queries(const struct postgres_queue *queue);
uint8_t postgres_queue_operation(const struct postgres_queue *queue);
/// Takes off the first group, and says how many queries were in it. `aborted`: behind an error of an extended
/// query, only a Sync ends it.
uint64_t postgres_queue_pop_group(struct postgres_queue *queue, bool aborted);
/// The Syncs that stand directly behind the first: in copy-in mode they are ignored.
void postgres_queue_forget_syncs(struct postgres_queue *queue);

#endif
