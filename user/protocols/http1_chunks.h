// SPDX-License-Identifier: Apache-2.0
// Chunked bodies (RFC 9112 section 7.1), in as many pieces as they come. Pure, like http1.h.
#ifndef RINGSIDE_PROTOCOLS_HTTP1_CHUNKS_H
#define RINGSIDE_PROTOCOLS_HTTP1_CHUNKS_H

#include "http1.h"

/// Between two pieces of a body. All zero before the first.
struct http1_chunks {
	uint64_t left; ///< bytes of the chunk to come
	enum http1_chunks_state {
		CHUNKS_SIZE_BEGIN,
		CHUNKS_SIZE,
		CHUNKS_EXTENSION,
		CHUNKS_DATA,
		CHUNKS_DATA_END,
		CHUNKS_DATA_LF,
		CHUNKS_TRAILER_BEGIN,
		CHUNKS_TRAILER,
		CHUNKS_LAST_LF,
	} state;
};

/// Walk the next bytes of a body. DECODE_OK sets *ret_len to how many of them belong to it, last chunk and
/// trailers included; DECODE_MORE: all of them do. Bare LF line ends are accepted.
enum decode http1_chunks_walk(struct http1_chunks *chunks, struct slice bytes, size_t *ret_len);

#endif
