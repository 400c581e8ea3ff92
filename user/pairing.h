// SPDX-License-Identifier: Apache-2.0
// Which request an answer belongs to: the first of its connection's queue owns the bytes that go out next.
// Called by connections.c; what is finished goes to its on_exchange.
#ifndef RINGSIDE_PAIRING_H
#define RINGSIDE_PAIRING_H

#include "connections.h"

struct answer;
struct connection;
struct stretch;

struct pairing {
	void (*on_exchange)(void *context, const struct exchange *exchange);
	void *context;
	struct connection_losses losses;
};

/// Reports a request with its answer, or with the outcome that it has none (`closed_ns`: since when).
void pairing_report(struct pairing *pairing, struct answer *answer, uint16_t status, uint64_t closed_ns);
/// Reports and drops the first of the queue: an answer that has begun counts by its status, whether or not
/// its end was seen.
void pairing_report_begun(struct pairing *pairing, struct connection *connection);
/// Hands a stretch of the answers' side to the requests that own it, behind the two checks that follow.
void pairing_feed(struct pairing *pairing, struct connection *connection, struct stretch stretch);
/// A piece was lost, and with it the end of an answer, or whole ones: those behind it cannot be told apart.
void pairing_check_gap(struct pairing *pairing, struct connection *connection, const struct stretch *stretch);
/// Where the end of an answer cannot be told, the next one's beginning is it.
void pairing_check_next(struct pairing *pairing, struct connection *connection,
			const struct stretch *stretch);
/// The connection is over: what waits will not be answered.
void pairing_end(struct pairing *pairing, struct connection *connection, uint16_t outcome, uint64_t now_ns);

#endif
