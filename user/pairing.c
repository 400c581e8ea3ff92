// SPDX-License-Identifier: Apache-2.0
// Gives what goes out on a connection to the requests that wait for it, in their order, and reports each that
// has its answer.
#include "pairing.h"

#include <string.h>

#include "arrivals.h"
#include "connection.h"

void pairing_report(struct pairing *pairing, struct answer *answer, uint16_t status, uint64_t closed_ns)
{
	answer->exchange.status = status;
	answer->exchange.websocket = answer->head.websocket;
	answer->exchange.h2c = answer->head.h2c;
	answer_finish(answer, closed_ns);
	pairing->on_exchange(pairing->context, &answer->exchange);
}

void pairing_report_begun(struct pairing *pairing, struct connection *connection)
{
	struct answer *answer = connection->first;

	if (answer->head.status)
		pairing_report(pairing, answer, answer->head.status, answer->last_ns);
	else
		pairing->losses.unmatched++;
	connection_pop(connection);
}

void pairing_end(struct pairing *pairing, struct connection *connection, uint16_t outcome, uint64_t now_ns)
{
	arrivals_end(connection, &pairing->losses);
	while (connection->first) {
		if (connection->first->first_ns) {
			pairing_report_begun(pairing, connection);
			continue;
		}
		pairing_report(pairing, connection->first, outcome, now_ns);
		connection_pop(connection);
	}
}

/* Where one answer or more was not seen, how many is not known; how many requests come is. */
static void answers_lose(struct pairing *pairing, struct connection *connection)
{
	while (connection->first) {
		pairing->losses.unmatched++;
		connection_pop(connection);
	}
	connection->answers_lost = true;
}

void pairing_check_gap(struct pairing *pairing, struct connection *connection, const struct stretch *stretch)
{
	struct answer *first = connection->first;
	bool within_body = first && first->first_ns && first->expected_end != UINT64_MAX &&
			   stretch->end <= first->expected_end;

	if (!connection->streamed || stretch->start <= connection->answers_end || within_body)
		return;
	if (first && first->first_ns && first->head.framing == FRAMING_CLOSE)
		return;
	if (first && first->first_ns)
		pairing_report_begun(pairing, connection);
	answers_lose(pairing, connection);
}

void pairing_check_next(struct pairing *pairing, struct connection *connection, const struct stretch *stretch)
{
	const struct answer *first = connection->first;

	if (first && first->next && first->first_ns && first->head.framing == FRAMING_UNKNOWN &&
	    first->head.status && first->head_len == sizeof(first->head_bytes) && stretch->bytes.len >= 7 &&
	    !memcmp(stretch->bytes.data, "HTTP/1.", 7))
		pairing_report_begun(pairing, connection);
}

/* The answer to a request that was not seen. */
static void count_stray(struct pairing *pairing, struct connection *connection)
{
	if (connection->accounted)
		connection->accounted--;
	else if (connection->poison)
		(*connection->poison)++;
	else if (!connection->answers_lost)
		pairing->losses.unmatched++;
}

static void stretch_advance(struct stretch *stretch, uint64_t len)
{
	size_t captured = len < stretch->bytes.len ? len : stretch->bytes.len;

	stretch->start += len;
	stretch->bytes = (struct slice){stretch->bytes.data + captured, stretch->bytes.len - captured};
}

/* Not all of the stretch was captured, and the answer's head ends in the rest: so may others. */
static bool is_head_cut(const struct answer *answer, const struct stretch *stretch)
{
	return answer->head.framing == FRAMING_UNKNOWN && answer->head_len < sizeof(answer->head_bytes) &&
	       stretch->bytes.len < stretch->end - stretch->start;
}

void pairing_feed(struct pairing *pairing, struct connection *connection, struct stretch stretch)
{
	while (stretch.start < stretch.end) {
		struct answer stray, *answer = connection->first;
		enum answer_progress progress;

		if (!answer) {
			/* Else it is more of something that was reported already. */
			if (stretch.bytes.len < 7 || memcmp(stretch.bytes.data, "HTTP/1.", 7) != 0)
				return;
			count_stray(pairing, connection);
			answer_init(&stray);
			stray.next = NULL;
			answer = &stray;
		}
		if (!answer->first_ns && !stretch.bytes.len) {
			answers_lose(pairing, connection);
			return;
		}
		progress = answer_feed(answer, &stretch);
		if (progress == ANSWER_WANTS_MORE) {
			if (answer->next && is_head_cut(answer, &stretch)) {
				pairing_report_begun(pairing, connection);
				answers_lose(pairing, connection);
			}
			return;
		}
		/* It may be over before the stretch. */
		stretch_advance(&stretch, answer->end > stretch.start ? answer->end - stretch.start : 0);
		if (answer != &stray) {
			if (progress == ANSWER_COMPLETE)
				pairing_report(pairing, answer, answer->head.status, 0);
			else
				pairing->losses.unmatched++;
			connection_pop(connection);
		}
		if (progress == ANSWER_MALFORMED)
			return;
	}
}
