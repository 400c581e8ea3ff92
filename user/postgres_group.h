// SPDX-License-Identifier: Apache-2.0
// What is asked of PostgreSQL up to a Sync, or by one simple query, and answered up to a ReadyForQuery: a
// group. After a loss, what is certain begins again with one.
#ifndef RINGSIDE_POSTGRES_GROUP_H
#define RINGSIDE_POSTGRES_GROUP_H

#include <stdbool.h>
#include <stdint.h>

struct postgres_connection;
struct postgres_sink;

/// Tells the query that was held until more was known of its end, if there is one.
void postgres_group_tell_held(struct postgres_connection *connection, struct postgres_sink *sink);
/// Tells a query of which nothing is known but how it ended; `sqlstate` of an error, or NULL.
void postgres_group_tell_untimed(uint8_t operation, const char *sqlstate, uint64_t now_ns,
				 struct postgres_sink *sink);

/// Something is about to be asked.
void postgres_group_expect(struct postgres_connection *connection, struct postgres_sink *sink);
/// Some of what the server has sent was not seen: there may have been any messages in it. `untold`: not even
/// that it was sent; else it was only not captured.
void postgres_group_lose_answers(struct postgres_connection *connection, bool untold,
				 struct postgres_sink *sink);
/// It is not known what was asked, or which answer is whose.
void postgres_group_doubt(struct postgres_connection *connection, struct postgres_sink *sink);
/// A ReadyForQuery has left.
void postgres_group_end(struct postgres_connection *connection, uint64_t now_ns, struct postgres_sink *sink);
/// There will be no more answers.
void postgres_group_close(struct postgres_connection *connection, struct postgres_sink *sink);

#endif
