// SPDX-License-Identifier: Apache-2.0
// One request and the answer to it as far as they have been seen: knows when the answer is over.
// Owned by connections.c, which decides what belongs to which.
#ifndef RINGSIDE_ANSWER_H
#define RINGSIDE_ANSWER_H

#include "exchange.h"
#include "protocols/http1.h"
#include "protocols/http1_chunks.h"

#include "event.h"

/// Of a request, what outlives its event: method and target, up to this length.
#define REQUEST_TEXT_MAX REQUEST_CAPTURE_MAX

/// A stretch of the answers' side of a connection, as one event tells it. Positions as in event.h.
struct stretch {
	uint64_t start;
	uint64_t end;
	uint64_t time_ns;    ///< when its last byte left
	struct slice bytes;  ///< what was captured of its beginning
	const uint8_t *tail; ///< its last eight bytes, right-aligned
};

struct answer {
	struct answer *next;
	struct exchange exchange; ///< method and target point into text
	uint64_t request_start;
	uint64_t request_end;  ///< by framing; UINT64_MAX if that does not tell (chunked)
	uint64_t first_ns;     ///< first byte of the answer; 0 before
	uint64_t last_ns;      ///< last byte so far
	uint64_t start;        ///< position of the first byte
	uint64_t end;          ///< position after the last byte so far
	uint64_t expected_end; ///< by framing; UINT64_MAX while not known
	uint64_t read_ns, on_cpu_ns, run_queue_ns;
	bool same_thread;
	uint8_t tail[8];            ///< its last bytes so far, right-aligned
	struct http1_response head; ///< framing is FRAMING_UNKNOWN until the head is whole
	struct http1_chunks chunks;
	uint64_t chunks_at; ///< position up to which they were walked; beyond a gap, and for ever, UINT64_MAX
	uint16_t head_len;  ///< bytes in head_bytes
	char head_bytes[RESPONSE_CAPTURE_MAX];
	char text[REQUEST_TEXT_MAX];
};

/// Empty it; the buffers are left as they are.
void answer_init(struct answer *answer);

/// What the request says; method and target stay borrowed. `start`: its position; `arrived_end`: position
/// behind what had come.
void answer_take_request(struct answer *answer, const struct http1_request *request, uint64_t start,
			 uint64_t arrived_end);

/// What an answer takes of a stretch.
enum answer_progress {
	ANSWER_WANTS_MORE, ///< all of it, and there is more to come
	ANSWER_COMPLETE,   ///< up to answer->end, which may be before the stretch's end
	ANSWER_MALFORMED,  ///< it is no answer
};

/// Feed the next stretch. The first one begins the answer.
enum answer_progress answer_feed(struct answer *answer, const struct stretch *stretch);
/// Sets duration and phases. The answer has begun, or `closed_ns` says when it became clear that none would
/// come.
void answer_finish(struct answer *answer, uint64_t closed_ns);

#endif
