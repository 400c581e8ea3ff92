// SPDX-License-Identifier: Apache-2.0
// One connection that needs memory: its requests in the order of their arrival, each with what has come of
// its answer, and the bytes of pipelined requests that are not whole yet. Owned by connections.c;
// arrivals.c fills the queue, pairing.c empties it.
#ifndef RINGSIDE_CONNECTION_H
#define RINGSIDE_CONNECTION_H

#include <uthash.h>

#include "answer.h"
#include "memory_budget.h"

struct request_event;

/// An event that waits for the request before it.
struct held_piece {
	struct held_piece *next;
	_Alignas(8) unsigned char record[]; ///< struct request_event, whole
};

struct connection {
	uint64_t socket;
	struct memory_budget *budget; ///< borrowed
	struct answer *first;         ///< owns the answers' bytes that come next
	unsigned queued;
	uint32_t sequence; ///< of the last exchange event; 0 before
	uint64_t touched_ns;
	struct held_piece *held; ///< came behind a request that still waits in the kernel
	size_t held_bytes;
	uint64_t *held_cut; ///< NULL, or what those count as that were too many to hold
	char *partial;      ///< the beginning of a pipelined request
	size_t partial_len;
	uint64_t partial_start;      ///< its position
	uint64_t partial_arrival_ns; ///< of its first byte
	unsigned accounted;          ///< answers to come whose requests are counted as lost already
	uint64_t next_request;       ///< what comes in before this position belongs to a body
	uint64_t answers_end; ///< position behind the last stretch of answers that was told of; 0 before
	uint64_t piece_end;   ///< position behind the last piece; 0 before the first
	uint64_t *poison;  ///< requests and answers cannot be paired any more: what further answers count as
	bool answers_lost; ///< nor can they, but all requests are seen: each counts as lost when it comes
	struct http1_chunks chunks; ///< of the body that comes in, with in_chunks
	uint64_t chunks_at;         ///< position up to which they were walked; UINT64_MAX beyond a gap
	bool in_chunks;             ///< what comes in belongs to a chunked body
	bool streamed;              ///< the kernel sends everything: requests are pipelined, or in TLS
	bool tls;                   ///< … in TLS: positions count plaintext
	bool answers_unknown;       ///< position of the answers: this began in the middle
	bool after_line;            ///< in TLS: what came in last ended in an empty line
	UT_hash_handle hh;
};

/// NULL without memory, or beyond the budget. `budget` outlives the connection.
struct connection *connection_new(uint64_t socket, struct memory_budget *budget);
void connection_free(struct connection *connection);

/// A request is lost: its answer, when it comes, must not be counted again.
void connection_lose(struct connection *connection, uint64_t *loss);
/// Nothing that follows can be told apart: each further answer counts as lost, none as something that it is
/// not.
void connection_poison(struct connection *connection, uint64_t *loss);

/// Adds a copy to the queue's end. False if that would be too many, or too much.
bool connection_enqueue(struct connection *connection, const struct answer *answer);
/// Drops the first of the queue, which is not empty.
void connection_pop(struct connection *connection);

/// Keeps a copy behind what is held. False if it is too much.
bool connection_hold(struct connection *connection, const struct request_event *event);
/// The first that is held, or NULL.
const struct request_event *connection_held(const struct connection *connection);
/// Drops the first that is held; there is one.
void connection_drop_held(struct connection *connection);

/// Keeps a copy of the beginning of a request until the rest comes, in place of what was kept. False, and
/// nothing is kept, if it is too much.
bool connection_keep_partial(struct connection *connection, struct slice bytes, uint64_t start,
			     uint64_t arrival_ns);
void connection_drop_partial(struct connection *connection);

#endif
