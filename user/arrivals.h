// SPDX-License-Identifier: Apache-2.0
// What comes in on a connection, made into a queue of requests that pairing.c gives their answers.
#ifndef RINGSIDE_ARRIVALS_H
#define RINGSIDE_ARRIVALS_H

#include "answer.h"

struct connection;
struct connection_losses;

struct stream_event;

/// The request that waited in the kernel, and what was held behind it.
void arrivals_take_exchange(struct connection *connection, const struct exchange_event *event,
			    const struct answer *template, struct connection_losses *losses);
/// A piece of what comes in.
void arrivals_take_piece(struct connection *connection, const struct request_event *event,
			 struct connection_losses *losses);
/// A piece of what comes in on a connection in TLS, as its library gave it out.
void arrivals_take_stream(struct connection *connection, const struct stream_event *event,
			  struct connection_losses *losses);
/// What was held behind a request whose exchange was lost.
void arrivals_take_held(struct connection *connection, struct connection_losses *losses);
/// The connection is over: what is held is queued, what is not whole is counted.
void arrivals_end(struct connection *connection, struct connection_losses *losses);

#endif
