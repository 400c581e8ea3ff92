// SPDX-License-Identifier: Apache-2.0
// One request of HTTP/2 and what has come of its answer. Owned by http2_connection.c.
#ifndef RINGSIDE_HTTP2_STREAM_H
#define RINGSIDE_HTTP2_STREAM_H

#include <uthash.h>

#include "exchange.h"
#include "memory_budget.h"

struct http2_fields;

struct http2_stream {
	uint32_t id;
	uint16_t status;          ///< of the answer; 0 before it
	uint8_t grpc_status;      ///< or GRPC_NO_STATUS
	bool doubtful;            ///< what was lost may have been the end of it
	bool unread;              ///< in the connection's list of those that nobody was seen to read
	struct exchange exchange; ///< method and target point into text
	uint64_t read_ns;         ///< 0: not seen
	uint64_t first_ns;        ///< the answer's head left; 0 before
	uint64_t last_ns;         ///< what left last
	struct http2_stream *prev, *next;
	UT_hash_handle hh;
	char text[];
};

/// A stream for the request that the fields tell of; what they do not tell is "*" or "_OTHER". NULL without
/// memory, or beyond the budget.
struct http2_stream *http2_stream_new(uint32_t id, const struct http2_fields *fields,
				      struct memory_budget *budget);
void http2_stream_free(struct http2_stream *stream, struct memory_budget *budget);

/// Makes the exchange whole: with this status, over at `end_ns`, in phases that add up.
void http2_stream_finish(struct http2_stream *stream, uint16_t status, uint64_t end_ns);

#endif
