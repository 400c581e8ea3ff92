// SPDX-License-Identifier: Apache-2.0
// Replies come in the order of the requests, but for what the server tells unasked. What each command does to
// that order is said here, as https://redis.io/docs/latest/develop/reference/protocol-spec/ and networking.c,
// pubsub.c and multi.c of Redis have it. Calls go to the sink of whoever feeds the connection.
#include "redis_calls.h"

#include <stddef.h>

/* After CLIENT REPLY OFF: for redis_connection.unanswered. */
#define UNANSWERED_ALL UINT8_MAX

enum { CHANNELS, PATTERNS, SHARDS, KINDS };

static enum redis_role role_of(const struct redis_asked *asked)
{
	return asked ? redis_command(asked->command)->role : REDIS_PLAIN;
}

static bool is_subscription(enum redis_role role)
{
	return role >= REDIS_SUBSCRIBE;
}

void redis_calls_lose(struct redis_connection *connection, struct redis_sink *sink)
{
	sink->losses.commands += redis_queue_clear(&connection->asked, connection->budget);
	connection->reply = (struct redis_reply_reader){0};
	connection->state = REDIS_LOST;
	connection->unended = connection->answering = false;
	connection->unanswered = 0;
	connection->multi = false;
}

/* Requests. */

/* False if the command is not answered. */
static bool is_answered(struct redis_connection *connection, const struct redis_request *request)
{
	if (request->reply_mode == REDIS_REPLY_ON || redis_command(request->command)->role == REDIS_RESET)
		connection->unanswered = 0;
	else if (request->reply_mode == REDIS_REPLY_OFF)
		connection->unanswered = UNANSWERED_ALL;
	else if (request->reply_mode == REDIS_REPLY_SKIP && !connection->unanswered)
		connection->unanswered = 2; /* this one and the next */
	if (!connection->unanswered)
		return true;
	connection->unanswered -= connection->unanswered != UNANSWERED_ALL;
	return false;
}

static void multi_note(struct redis_connection *connection, enum redis_role role)
{
	if (role == REDIS_MULTI)
		connection->multi = true;
	else if (role == REDIS_MULTI_END || role == REDIS_RESET)
		connection->multi = false;
}

/* SUBSCRIBE without a channel is an error: one answer. */
static uint32_t answers_of(const struct redis_request *request, enum redis_role role)
{
	return is_subscription(role) && request->words > 1 ? request->words - 1 : 1;
}

static uint8_t flags_of(struct redis_connection *connection, const struct redis_request *request,
			enum redis_role role)
{
	const struct redis_asked *before = redis_queue_last(&connection->asked);
	uint8_t flags = before && !connection->unended ? before->flags & REDIS_ASKED_BLOCKS : 0;

	if (request->blocks && !connection->multi) /* within MULTI none does */
		flags |= REDIS_ASKED_BLOCKS;
	if (role >= REDIS_UNSUBSCRIBE && request->words == 1)
		flags |= REDIS_ASKED_FOR_ALL;
	return flags;
}

void redis_calls_ask(struct redis_connection *connection, const struct redis_request *request,
		     struct redis_sink *sink)
{
	enum redis_role role = redis_command(request->command)->role;
	struct redis_asked asked = {
		.start_ns = connection->start_ns,
		.answers = answers_of(request, role),
		.command = request->command,
		.flags = flags_of(connection, request, role),
	};

	if (role == REDIS_SYNC) {
		redis_calls_lose(connection, sink);
		connection->state = REDIS_IGNORED;
		return;
	}
	if (connection->state != REDIS_FOLLOWED) {
		sink->losses.commands++;
		return;
	}
	/* Queued, it changes what is answered while EXEC is, which nobody sends. */
	if (connection->multi && request->reply_mode != REDIS_REPLY_AS_IS)
		connection->state = REDIS_ENDING;
	else if (!is_answered(connection, request)) {
		sink->losses.unanswered++;
		return;
	}
	multi_note(connection, role);
	if (redis_queue_push(&connection->asked, &asked, connection->budget))
		return;
	sink->losses.commands++;
	if (role >= REDIS_HELLO) /* it changes what comes behind its answer */
		connection->state = REDIS_ENDING;
}

/* Replies. */

/* Keeps the counts right that the server tells: of channels and patterns together, of shards' channels alone.
 */
static void subscriptions_note(struct redis_connection *connection, const struct redis_reply *reply)
{
	uint32_t *counts = connection->subscriptions;
	unsigned kind = (reply->word - REDIS_WORD_SUBSCRIBE) % KINDS;
	uint64_t others = kind == CHANNELS ? counts[PATTERNS] : kind == PATTERNS ? counts[CHANNELS] : 0;
	uint64_t count = reply->number > others ? reply->number - others : 0;

	counts[kind] = count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

static bool is_of_subscription(const struct redis_reply *reply)
{
	return reply->word >= REDIS_WORD_SUBSCRIBE && (reply->type == '>' || reply->type == '*');
}

/* Told to whom subscribed or monitors, whatever he asks meanwhile. */
static bool is_unasked(const struct redis_connection *connection, const struct redis_asked *first,
		       const struct redis_reply *reply)
{
	if (reply->type == '>')
		return true;
	if (reply->word == REDIS_WORD_LINE)
		return connection->monitoring;
	return reply->word == REDIS_WORD_MESSAGE && !connection->resp3 &&
	       (!first || redis_connection_is_subscribed(connection));
}

static void session_note(struct redis_connection *connection, enum redis_role role,
			 const struct redis_reply *reply)
{
	if (reply->error || reply->word == REDIS_WORD_QUEUED)
		return;
	switch (role) {
	case REDIS_HELLO:
		connection->resp3 = reply->type == '%';
		return;
	case REDIS_MONITOR:
		connection->monitoring = true;
		return;
	case REDIS_RESET:
		connection->resp3 = connection->monitoring = false;
		for (unsigned i = 0; i < KINDS; i++)
			connection->subscriptions[i] = 0;
		return;
	default:
		return;
	}
}

void redis_calls_tell(struct redis_connection *connection, const struct redis_reply *reply, uint64_t end_ns,
		      struct redis_sink *sink)
{
	const struct redis_asked *first = redis_queue_first(&connection->asked);
	struct redis_call call = {
		.command = redis_command(first->command)->name,
		.start_ns = first->start_ns,
		.end_ns = end_ns,
		.error = reply->error,
		.queued = reply->word == REDIS_WORD_QUEUED,
		.blocking = first->flags & REDIS_ASKED_BLOCKS,
	};

	if (!(first->flags & REDIS_ASKED_NO_ROOM)) {
		session_note(connection, role_of(first), reply);
		/* EXEC will answer it otherwise than alone. */
		if (call.queued && is_subscription(role_of(first)))
			connection->state = REDIS_ENDING;
		sink->on_call(sink->context, &call);
	}
	redis_queue_pop(&connection->asked, connection->budget);
	if (redis_queue_first(&connection->asked))
		return;
	connection->answering = false;
	if (connection->state == REDIS_ENDING)
		redis_calls_lose(connection, sink);
}

/* True if the first open command has had all its answers. */
static bool is_last_answer(struct redis_connection *connection, struct redis_asked *first,
			   const struct redis_reply *reply, bool own)
{
	if (own && first->flags & REDIS_ASKED_FOR_ALL)
		return !connection->subscriptions[(reply->word - REDIS_WORD_SUBSCRIBE) % KINDS];
	if (!own && !(first->flags & REDIS_ASKED_NO_ROOM)) /* an error is the answer for all channels */
		return true;
	first->answers--;
	return !first->answers;
}

void redis_calls_answer(struct redis_connection *connection, const struct redis_reply *reply, uint64_t end_ns,
			struct redis_sink *sink)
{
	struct redis_asked *first = redis_queue_first(&connection->asked);
	enum redis_role role = role_of(first);
	bool own = is_subscription(role) && is_of_subscription(reply) &&
		   (int)role - (int)REDIS_SUBSCRIBE == (int)reply->word - (int)REDIS_WORD_SUBSCRIBE;

	if (own || (reply->type == '>' && is_of_subscription(reply)))
		subscriptions_note(connection, reply);
	if (!own && is_unasked(connection, first, reply)) {
		connection->pushed = true;
		return;
	}
	/* Nobody asked, or not for that: something was missed. */
	if (!first || (is_subscription(role) && !own && !reply->error && reply->type != '+')) {
		sink->losses.stretches++;
		redis_calls_lose(connection, sink);
		return;
	}
	if (is_last_answer(connection, first, reply, own))
		redis_calls_tell(connection, reply, end_ns, sink);
}
