// SPDX-License-Identifier: Apache-2.0
// One connection that needs memory: its requests in the order of their arrival, each with what has come of
// its answer, and the bytes of pipelined requests that are not whole yet. Owned by connections.c.
#ifndef RINGSIDE_CONNECTION_H
#define RINGSIDE_CONNECTION_H

#include <uthash.h>

#include "answer.h"

struct connection_losses;
struct exchange_event;
struct request_event;
struct piece;

struct connection {
	uint64_t socket;
	struct answer *first; ///< owns the answers' bytes that come next
	unsigned queued;
	uint32_t sequence; ///< of the last exchange event; 0 before
	uint64_t touched_ns;
	struct piece *held; ///< came behind a request that still waits in the kernel
	size_t held_bytes;
	char *partial; ///< the beginning of a pipelined request
	size_t partial_len;
	uint64_t partial_start;      ///< its position
	uint64_t partial_arrival_ns; ///< of its first byte
	unsigned accounted;          ///< answers to come whose requests are counted as lost already
	uint64_t next_request;       ///< what comes in before this position belongs to a body
	uint64_t answers_end; ///< position behind the last stretch of answers that was told of; 0 before
	uint64_t piece_end;   ///< position behind the last piece; 0 before the first
	uint64_t *poison; ///< requests and answers cannot be paired any more: what further answers count as
	bool in_chunks;   ///< what comes in belongs to a body whose end is told by an empty line
	bool streamed;    ///< the kernel sends everything: requests are pipelined
	UT_hash_handle hh;
};

void connection_free(struct connection *connection);

/// The request that waited in the kernel, and what was held behind it.
void connection_take_exchange(struct connection *connection, const struct exchange_event *event,
			      const struct answer *template, struct connection_losses *losses);
/// A piece of what comes in.
void connection_take_piece(struct connection *connection, const struct request_event *event,
			   struct connection_losses *losses);
/// The connection is over: what is held is queued, what is not whole is counted.
void connection_take_rest(struct connection *connection, struct connection_losses *losses);
/// What was held behind a request whose exchange was lost.
void connection_take_held(struct connection *connection, struct connection_losses *losses);
/// Drop the first request of the queue.
void connection_pop(struct connection *connection);

/// What the request says, but for method and target, which stay borrowed. `arrived_end`: position behind what
/// had come.
void answer_take_request(struct answer *answer, const struct http1_request *request, uint64_t start,
			 uint64_t arrived_end);

#endif
