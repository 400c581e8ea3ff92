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

void pairing_check_gap(struct pairing *pairing, struct connection *connection, const struct stretch *stretch)
{
	struct answer *first = connection->first;
	bool within_body = first && first->first_ns && first->expected_end != UINT64_MAX &&
			   stretch->end <= first->expected_end;

	if (!connection->streamed || !connection->answers_end || stretch->start <= connection->answers_end ||
	    within_body)
		return;
	if (first && first->first_ns && first->head.framing == FRAMING_CLOSE)
		return;
	if (first && first->first_ns)
		pairing_report_begun(pairing, connection);
	while (connection->first) {
		pairing->losses.unmatched++;
		connection->accounted++;
		connection_pop(connection);
	}
	connection->poison = &pairing->losses.unmatched;
}

void pairing_check_next(struct pairing *pairing, struct connection *connection, const struct stretch *stretch)
{
	const struct answer *first = connection->first;

	if (first && first->next && first->first_ns && first->head.framing == FRAMING_UNKNOWN &&
	    first->head.status && first->head_len == sizeof(first->head_bytes) && stretch->bytes.len >= 7 &&
	    !memcmp(stretch->bytes.data, "HTTP/1.", 7))
		pairing_report_begun(pairing, connection);
}

void pairing_feed(struct pairing *pairing, struct connection *connection, struct stretch stretch)
{
	while (stretch.start < stretch.end) {
		struct answer *answer = connection->first;
		uint64_t used;

		if (!answer) {
			/* More of something that was reported already, or the answer to a request that was
			 * not seen. */
			if (stretch.bytes.len < 7 || memcmp(stretch.bytes.data, "HTTP/1.", 7) != 0)
				return;
			if (connection->accounted)
				connection->accounted--;
			else
				(*(connection->poison ? connection->poison : &pairing->losses.unmatched))++;
			return;
		}
		switch (answer_feed(answer, &stretch)) {
		case ANSWER_WANTS_MORE:
			return;
		case ANSWER_MALFORMED:
			pairing->losses.unmatched++;
			connection_pop(connection);
			return;
		case ANSWER_COMPLETE:
			break;
		}
		used = answer->end > stretch.start ? answer->end - stretch.start : 0; /* or over before it */
		pairing_report(pairing, answer, answer->head.status, 0);
		connection_pop(connection);
		stretch.start += used;
		if (used >= stretch.bytes.len)
			stretch.bytes = (struct slice){stretch.bytes.data, 0};
		else
			stretch.bytes = (struct slice){stretch.bytes.data + used, stretch.bytes.len - used};
	}
}
