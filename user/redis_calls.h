// SPDX-License-Identifier: Apache-2.0
// What the requests and the replies of a connection mean: which are answered, and how often. Where they are
// is redis_connection.c's.
#ifndef RINGSIDE_REDIS_CALLS_H
#define RINGSIDE_REDIS_CALLS_H

#include "redis_connection.h"

/// A whole request, or as much of it as is known: then nothing more is asked.
void redis_calls_ask(struct redis_connection *connection, const struct redis_request *request,
		     struct redis_sink *sink);
void redis_calls_answer(struct redis_connection *connection, const struct redis_reply *reply, uint64_t end_ns,
			struct redis_sink *sink);
/// The first open command is answered, if it was one that there was room for.
void redis_calls_tell(struct redis_connection *connection, const struct redis_reply *reply, uint64_t end_ns,
		      struct redis_sink *sink);
/// No reply can be told from others: all that are open are lost, and the state is REDIS_LOST.
void redis_calls_lose(struct redis_connection *connection, struct redis_sink *sink);

#endif
