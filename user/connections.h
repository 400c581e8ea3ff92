// SPDX-License-Identifier: Apache-2.0
// Makes exchanges of events. The usual request and its answer come in one event and pass straight through;
// what is pipelined, cut, streamed or unfinished waits here for the rest.
#ifndef RINGSIDE_CONNECTIONS_H
#define RINGSIDE_CONNECTIONS_H

#include "exchange.h"

struct exchange_event;
struct request_event;
struct response_event;
struct stream_event;

/// Requests that never became an exchange, by reason; each is counted nowhere else.
struct connection_losses {
	uint64_t
		unmatched; ///< an answer without a request, or a request whose answer could not be told apart
	uint64_t table_full;         ///< no room in memory for what their connections must remember
	uint64_t incomplete_request; ///< closed before the request line was whole: not a request
	uint64_t malformed;          ///< the bytes are not HTTP/1
};

struct connections;

/// `on_exchange` borrows the exchange for the call.
int connections_new(void (*on_exchange)(void *context, const struct exchange *exchange), void *context,
		    struct connections **ret_connections);
void connections_free(struct connections *connections);

void connections_on_exchange(struct connections *connections, const struct exchange_event *event);
void connections_on_request(struct connections *connections, const struct request_event *event);
void connections_on_response(struct connections *connections, const struct response_event *event);
/// HTTP/1 in TLS; of the server's end.
void connections_on_stream(struct connections *connections, const struct stream_event *event);
void connections_on_unanswered(struct connections *connections, const struct exchange_event *event);
void connections_on_close(struct connections *connections, const struct response_event *event);

/// Report answers whose end cannot be told and that have been quiet for a while. Call about once a second.
void connections_tick(struct connections *connections, uint64_t now_ns);
/// Calls back for every answer in progress, and every request that waits for one and is not counted by the
/// kernel.
void connections_unfinished(const struct connections *connections,
			    void (*each)(void *context, const struct exchange *exchange), void *context);

const struct connection_losses *connections_losses(const struct connections *connections);

#endif
