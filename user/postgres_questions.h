// SPDX-License-Identifier: Apache-2.0
// What a client of PostgreSQL asks, as its messages tell.
#ifndef RINGSIDE_POSTGRES_QUESTIONS_H
#define RINGSIDE_POSTGRES_QUESTIONS_H

struct postgres_connection;
struct postgres_sink;

/// The client's reader is at the end of a message.
void postgres_questions_read(struct postgres_connection *connection, struct postgres_sink *sink);
/// Some of what the client has sent was not seen: there may have been any messages in it.
void postgres_questions_lose(struct postgres_connection *connection, struct postgres_sink *sink);

#endif
