// SPDX-License-Identifier: Apache-2.0
// Makes exchanges of HTTP/2 out of the pieces that the kernel side tells, in plaintext and in TLS. They go on
// to services, as those of connections.c do.
#ifndef RINGSIDE_HTTP2_CONNECTIONS_H
#define RINGSIDE_HTTP2_CONNECTIONS_H

#include "exchange.h"

struct response_event;
struct stream_event;

/// Requests that never became an exchange, by reason; each is counted nowhere else.
struct http2_losses {
	uint64_t unmatched; ///< an answer without a request, or a request whose answer was in what was lost
	uint64_t state; ///< what was lost, or was before ringside, held what the answer's status refers to
	uint64_t table_full;  ///< no room in memory
	uint64_t connections; ///< that turned out to be something else
};

struct http2_connections;

/// `on_exchange` borrows the exchange for the call.
int http2_connections_new(void (*on_exchange)(void *context, const struct exchange *exchange), void *context,
			  struct http2_connections **ret_connections);
void http2_connections_free(struct http2_connections *connections);

/// The request of HTTP/1 that its connection was upgraded with: it is answered as stream 1.
void http2_connections_upgrade(struct http2_connections *connections, const struct exchange *exchange);
/// A piece of the server's end of a connection.
void http2_connections_on_stream(struct http2_connections *connections, const struct stream_event *event);
/// A connection, of whatever protocol, is over.
void http2_connections_on_close(struct http2_connections *connections, const struct response_event *event);
/// Forgets connections whose end was not told. Call about once a second.
void http2_connections_tick(struct http2_connections *connections, uint64_t now_ns);
/// Calls back for every request that is not answered to its last byte.
void http2_connections_unfinished(const struct http2_connections *connections,
				  void (*each)(void *context, const struct exchange *exchange),
				  void *context);
const struct http2_losses *http2_connections_losses(const struct http2_connections *connections);

#endif
