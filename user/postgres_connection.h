// SPDX-License-Identifier: Apache-2.0
// One connection to PostgreSQL: what its two directions say, put together into queries with their ends. No
// text and no value of a query is kept.
#ifndef RINGSIDE_POSTGRES_CONNECTION_H
#define RINGSIDE_POSTGRES_CONNECTION_H

#include "postgres_names.h"
#include "postgres_queue.h"
#include "protocols/postgres.h"

struct stream_event;

/// A query that has ended. What a simple query of several statements says is one for each; so is each
/// Execute, of which all but the first on a portal are POSTGRES_FETCH.
struct postgres_query {
	uint64_t start_ns; ///< its first byte came: of its Query, or its Parse or Bind
	uint64_t end_ns;   ///< the last byte of its answer left
	uint8_t operation; ///< enum postgres_operation: of its text; of what is not known, that its server
			   ///< names
	bool error;
	bool timed; ///< the times hold; without, that it ended is all that is known
	char sqlstate[POSTGRES_SQLSTATE_LEN + 1]; ///< of an error, "" if it was not seen
};

struct postgres_losses {
	uint64_t unanswered; ///< queries whose end was not seen
	uint64_t stretches;  ///< in which queries may have been that are told without times, or not at all
	uint64_t table_full; ///< times that a connection asked more than is kept, as stretches
};

/// Where queries go, and what is counted of those that do not.
struct postgres_sink {
	void (*on_query)(void *context, const struct postgres_query *query);
	void *context;
	struct postgres_losses losses;
};

enum postgres_phase {
	POSTGRES_PHASE_UNKNOWN,   ///< nothing of it was understood yet
	POSTGRES_PHASE_STARTUP,   ///< not authenticated yet
	POSTGRES_PHASE_READY,     ///< authenticated
	POSTGRES_PHASE_ENCRYPTED, ///< from here on in TLS or GSSAPI: nothing more is read
	POSTGRES_PHASE_OVER, ///< the client has taken its leave, or only wanted to cancel a query of another
};

/// One direction.
struct postgres_side {
	struct postgres_reader reader;
	uint64_t position;   ///< behind what was read
	uint64_t told;       ///< behind what is known to have been sent
	uint64_t message_ns; ///< when the first byte of the message that goes on came
	bool begun;          ///< position holds
	bool aligned;        ///< … and a message begins there, or goes on
};

struct postgres_connection {
	struct memory_budget *budget; ///< borrowed
	struct postgres_side client;  ///< what it sends
	struct postgres_side server;
	struct postgres_queue queue;
	struct postgres_names names;
	struct postgres_query held; ///< ended, unless the next answer says otherwise; see holding
	uint64_t parsed;            ///< statement of the last Parse …
	uint64_t bound;             ///< … and portal of the last Bind, if queue's last entry is that
	uint64_t touched_ns;        ///< of the last piece
	uint64_t statement_ns;      ///< when the simple query's next statement began; 0: with the query
	uint32_t statements;        ///< of the simple query that have ended
	uint8_t phase;              ///< enum postgres_phase
	uint8_t transaction;        ///< 'I', 'T', 'E' as the last ReadyForQuery said; 0 before one was seen
	uint8_t tail;               ///< enum postgres_answer that was last seen behind lost ones; 0: none
	bool holding;
	bool copying_in;      ///< the server reads nothing but what it copies
	bool aborted;         ///< up to the next Sync, nothing is answered
	bool failed;          ///< with nothing asked
	bool answering;       ///< something of the first group's answer was seen
	bool asked;           ///< a query, since the last ReadyForQuery …
	bool group_asked;     ///< … with what ends its group, since questions were lost
	bool questions_lost;  ///< the queue does not say all that was asked …
	bool answers_lost;    ///< … or some of it has been answered
	bool doubtful;        ///< which answer is whose is not known before there was a silence
	uint8_t alternations; ///< groups in a row that were asked when all was answered
};

/// `budget` outlives the connection.
void postgres_connection_init(struct postgres_connection *connection, struct memory_budget *budget);
/// Gives its memory back.
void postgres_connection_drop(struct postgres_connection *connection);

/// A piece of either direction, each in its order; EVENT_OUT without EVENT_CLIENT, or the other way round, is
/// the server's. The middle of a long segment may be missing if its last bytes come as a piece of their own.
/// Times are of what came in: arrival_ns, of what left: header.time_ns.
void postgres_connection_feed(struct postgres_connection *connection, const struct stream_event *event,
			      struct postgres_sink *sink);
/// It is closed: what it has asked will not be answered.
void postgres_connection_end(struct postgres_connection *connection, struct postgres_sink *sink);

bool postgres_connection_is_authenticated(const struct postgres_connection *connection);
/// Something was asked that is not answered.
bool postgres_connection_is_active(const struct postgres_connection *connection);
/// A transaction is open; it may have failed.
bool postgres_connection_in_transaction(const struct postgres_connection *connection);

#endif
