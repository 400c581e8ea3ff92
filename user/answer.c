// SPDX-License-Identifier: Apache-2.0
// Decides when an answer is over (RFC 9112 section 6.3), from its head and the lengths and last bytes of its
// segments: the body itself is never seen. Then cuts its time into phases.
#include "answer.h"

#include <stddef.h>
#include <string.h>

void answer_init(struct answer *answer)
{
	/* All but the two buffers, which their lengths guard: this runs for every request. */
	memset(answer, 0, offsetof(struct answer, head_bytes));
	answer->expected_end = UINT64_MAX;
}

void answer_take_request(struct answer *answer, const struct http1_request *request, uint64_t start,
			 uint64_t arrived_end)
{
	uint64_t body = start + request->head_len;

	answer->exchange.method = request->method;
	answer->exchange.target = request->target;
	answer->exchange.request_bytes = arrived_end - start;
	answer->request_start = start;
	answer->request_end = body;
	if (!request->head_len)
		answer->request_end = arrived_end;
	else if (request->framing == FRAMING_LENGTH)
		answer->request_end = body + request->content_length;
	else if (request->framing != FRAMING_NONE)
		answer->request_end = UINT64_MAX;
}

/* Add what is captured to the head, if it continues it without a gap, and look at the head again. */
static enum decode head_feed(struct answer *answer, const struct stretch *stretch)
{
	size_t room = sizeof(answer->head_bytes) - answer->head_len;
	size_t len = stretch->bytes.len < room ? stretch->bytes.len : room;

	if (stretch->start != answer->start + answer->head_len)
		return DECODE_MORE;
	memcpy(answer->head_bytes + answer->head_len, stretch->bytes.data, len);
	answer->head_len += len;
	return http1_response_decode(answer->head_bytes, answer->head_len, answer->exchange.method,
				     &answer->head);
}

static void expect(struct answer *answer)
{
	uint64_t body = answer->start + answer->head.head_len;

	answer->chunks_at = body;
	switch (answer->head.framing) {
	case FRAMING_NONE:
	case FRAMING_UPGRADE:
		answer->expected_end = body;
		break;
	case FRAMING_LENGTH:
		answer->expected_end = body + answer->head.content_length < body
					       ? UINT64_MAX
					       : body + answer->head.content_length;
		break;
	default:
		answer->expected_end = UINT64_MAX;
	}
}

/* Walk the chunks as far as every byte was captured. DECODE_MALFORMED: this tells nothing. */
static enum decode chunks_walk(struct answer *answer, const struct stretch *stretch)
{
	uint64_t captured_end = stretch->start + stretch->bytes.len;
	enum decode outcome = DECODE_MALFORMED;
	struct slice bytes;
	size_t len;

	if (answer->chunks_at >= stretch->start && answer->chunks_at <= captured_end) {
		bytes = (struct slice){stretch->bytes.data + (answer->chunks_at - stretch->start),
				       captured_end - answer->chunks_at};
		outcome = http1_chunks_walk(&answer->chunks, bytes, &len);
	}
	if (outcome == DECODE_OK)
		answer->expected_end = answer->chunks_at + len;
	if (outcome == DECODE_MORE && captured_end < stretch->end)
		outcome = DECODE_MALFORMED;
	answer->chunks_at = outcome == DECODE_MALFORMED ? UINT64_MAX : captured_end;
	return outcome;
}

/* Whether a chunked body ends with this stretch, by its last bytes: the last chunk and an empty line, or just
 * an empty line where a Trailer header promised fields in between. */
static bool tail_ends_chunks(const struct answer *answer, const struct stretch *stretch)
{
	uint64_t body = answer->start + answer->head.head_len;

	if (stretch->end < body + 5)
		return false; /* the shortest body is a last chunk; the head ends in an empty line, too */
	if (answer->head.trailers)
		return !memcmp(answer->tail + 4, "\r\n\r\n", 4);
	if (stretch->end == body + 5)
		return !memcmp(answer->tail + 3, "0\r\n\r\n", 5);
	return !memcmp(answer->tail + 1, "\r\n0\r\n\r\n", 7);
}

/* The last eight bytes so far: a segment may have fewer. */
static void tail_add(struct answer *answer, const struct stretch *stretch)
{
	uint64_t len = stretch->end - stretch->start;

	if (len > sizeof(answer->tail))
		len = sizeof(answer->tail);
	memmove(answer->tail, answer->tail + len, sizeof(answer->tail) - len);
	memcpy(answer->tail + sizeof(answer->tail) - len, stretch->tail + sizeof(answer->tail) - len, len);
}

static bool is_complete(struct answer *answer, const struct stretch *stretch)
{
	if (answer->head.framing == FRAMING_CHUNKED && chunks_walk(answer, stretch) == DECODE_MALFORMED &&
	    tail_ends_chunks(answer, stretch))
		answer->expected_end = stretch->end;
	return answer->expected_end <= stretch->end;
}

enum answer_progress answer_feed(struct answer *answer, const struct stretch *stretch)
{
	if (!answer->first_ns) {
		answer->first_ns = stretch->time_ns;
		answer->start = stretch->start;
	}
	answer->last_ns = stretch->time_ns;
	answer->end = stretch->end;
	tail_add(answer, stretch);
	if (answer->head.framing == FRAMING_UNKNOWN && answer->head_len < sizeof(answer->head_bytes)) {
		enum decode decoded = head_feed(answer, stretch);

		/* The kernel passes over most interim answers; one that came in pieces ends up here. */
		while (decoded == DECODE_OK && answer->head.interim) {
			answer->start += answer->head.head_len;
			answer->head_len -= answer->head.head_len;
			memmove(answer->head_bytes, answer->head_bytes + answer->head.head_len,
				answer->head_len);
			answer->head = (struct http1_response){0};
			answer->first_ns = answer->head_len ? stretch->time_ns : 0;
			if (!answer->head_len)
				return ANSWER_WANTS_MORE;
			decoded = http1_response_decode(answer->head_bytes, answer->head_len,
							answer->exchange.method, &answer->head);
		}
		if (decoded == DECODE_MALFORMED)
			return ANSWER_MALFORMED;
		if (decoded == DECODE_OK)
			expect(answer);
	}
	if (!is_complete(answer, stretch))
		return ANSWER_WANTS_MORE;
	answer->end = answer->expected_end;
	return ANSWER_COMPLETE;
}

static uint64_t at_most(uint64_t value, uint64_t limit)
{
	return value < limit ? value : limit;
}

void answer_finish(struct answer *answer, uint64_t closed_ns)
{
	struct exchange *exchange = &answer->exchange;
	uint64_t first_ns = answer->first_ns ? answer->first_ns : closed_ns;
	uint64_t last_ns = answer->first_ns ? answer->last_ns : closed_ns;
	uint64_t *phase = exchange->phase_ns, rest;

	/* The clocks are one clock, but a pipelined request may arrive while its predecessor's answer leaves.
	 */
	if (first_ns < exchange->arrival_ns)
		first_ns = exchange->arrival_ns;
	if (last_ns < first_ns)
		last_ns = first_ns;
	exchange->duration_ns = last_ns - exchange->arrival_ns;
	exchange->first_byte_ns = answer->first_ns ? first_ns - exchange->arrival_ns : 0;
	exchange->response_bytes = answer->end - answer->start;

	memset(phase, 0, sizeof(exchange->phase_ns));
	rest = first_ns - exchange->arrival_ns;
	if (answer->read_ns >= exchange->arrival_ns && answer->read_ns)
		phase[PHASE_SOCKET_WAIT] = at_most(answer->read_ns - exchange->arrival_ns, rest);
	else if (!answer->first_ns)
		phase[PHASE_SOCKET_WAIT] = rest; /* nobody ever read it */
	rest -= phase[PHASE_SOCKET_WAIT];
	if (answer->same_thread) {
		/* The scheduler's clock and ours drift apart by nanoseconds; a sum beyond the whole is such a
		 * drift, or negative by one. */
		phase[PHASE_ON_CPU] = (int64_t)answer->on_cpu_ns < 0 ? 0 : at_most(answer->on_cpu_ns, rest);
		rest -= phase[PHASE_ON_CPU];
		phase[PHASE_RUN_QUEUE] = at_most(answer->run_queue_ns, rest);
		rest -= phase[PHASE_RUN_QUEUE];
		phase[PHASE_BLOCKED] = rest;
	} else {
		phase[PHASE_APP] = rest;
	}
	phase[PHASE_SEND] = last_ns - first_ns;
}
