// SPDX-License-Identifier: Apache-2.0
// What a server of PostgreSQL answers, put to what was asked.
#ifndef RINGSIDE_POSTGRES_ANSWERS_H
#define RINGSIDE_POSTGRES_ANSWERS_H

#include <stdint.h>

struct postgres_connection;
struct postgres_sink;

/// The server's reader is at the end of a message, which left at this time.
void postgres_answers_read(struct postgres_connection *connection, uint64_t now_ns,
			   struct postgres_sink *sink);

#endif
