// SPDX-License-Identifier: Apache-2.0
// One connection to a Redis server: which command was answered when, and whether by an error. A wrong time is
// worse than none: where a reply could be another command's, all that are open are counted as lost, and it
// goes on with a request that comes when nothing else can be under way.
#ifndef RINGSIDE_REDIS_CONNECTION_H
#define RINGSIDE_REDIS_CONNECTION_H

#include "protocols/redis_reply.h"
#include "protocols/redis_request.h"
#include "redis_queue.h"

struct stream_event;

/// A command that was answered.
struct redis_call {
	const char *command; ///< a label: lower case, from a table, or "other"
	uint64_t start_ns;   ///< arrival of the segment with its first byte
	uint64_t end_ns;     ///< departure of the one with the last byte of the reply
	bool error;
	bool blocking; ///< it, or one before it, may have waited for others' doing: its time says nothing
	bool queued;   ///< within MULTI: the answer is QUEUED, and what came of it is in EXEC's
};

/// Commands that are not told, and why.
struct redis_losses {
	uint64_t commands;   ///< whose reply could not be told from others, or that there was no room for
	uint64_t stretches;  ///< of bytes that may have had commands in them, or replies to such
	uint64_t unanswered; ///< as CLIENT REPLY asked for, or since the connection ended
};

struct redis_sink {
	void (*on_call)(void *context, const struct redis_call *call);
	void *context;
	struct redis_losses losses;
};

enum redis_state {
	REDIS_LOST,     ///< until a request comes at rest
	REDIS_FOLLOWED, ///< each reply is the first open command's
	REDIS_ENDING,   ///< … but behind the last of these, there may be others
	REDIS_IGNORED,  ///< another protocol
};

struct redis_connection {
	struct memory_budget *budget; ///< borrowed
	struct redis_request_reader request;
	struct redis_reply_reader reply;
	struct redis_queue asked;
	uint64_t positions[2];     ///< in, out: behind what was seen
	uint64_t start_ns;         ///< of the request that goes on
	uint64_t last_ns;          ///< of the last piece
	uint64_t out_ns;           ///< … that went out
	uint32_t subscriptions[3]; ///< to channels, patterns, channels of shards
	uint8_t state;             ///< enum redis_state
	uint8_t unanswered;        ///< so many of the next commands are not answered
	bool begun[2];             ///< positions hold
	bool aligned;              ///< what comes in goes on with `request`, or begins one
	bool out_last;             ///< the last piece went out …
	bool out_ended;            ///< … and may be the end of a reply
	bool answering;            ///< something came out since the first open command was asked
	bool overlaps;             ///< the client has sent more before it had all answers, at some time
	bool presumed;             ///< it was taken for one that does not, by nothing else than its requests
	bool pushed;               ///< the server has told what nobody asked for
	bool unended;       ///< of the only open command, the reply has begun, and its end was not seen …
	bool unended_error; ///< … and it is an error
	bool multi;         ///< between MULTI and EXEC, as requests go
	bool resp3;         ///< as replies go
	bool monitoring;
};

/// NULL without memory, or beyond the budget, which outlives the connection.
struct redis_connection *redis_connection_new(struct memory_budget *budget);
void redis_connection_free(struct redis_connection *connection);

/// The next piece in the order of time, EVENT_OUT from the server. What is missing is seen by the positions.
void redis_connection_feed(struct redis_connection *connection, const struct stream_event *event,
			   struct redis_sink *sink);
/// It is over: what is open will not be answered.
void redis_connection_end(struct redis_connection *connection, struct redis_sink *sink);
/// Messages may come to it that nobody asks for.
bool redis_connection_is_subscribed(const struct redis_connection *connection);

#endif
