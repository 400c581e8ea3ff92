// SPDX-License-Identifier: Apache-2.0
// The HTTP side: listens, routes requests to the endpoint table that run.c gives it, compresses, never blocks
// the loop. Built on libmicrohttpd without threads: its epoll descriptor is one of our loop's.
#ifndef RINGSIDE_SERVER_H
#define RINGSIDE_SERVER_H

#include "buffer.h"

struct server;

struct server_request {
	const char *path;
	const char *accept;  ///< NULL if absent
	const char *service; ///< value of ?service=, NULL if absent
	const char *host;    ///< Host header, NULL if absent
	const char *origin;  ///< Origin header, NULL if absent: no browser's page asks
};

struct server_response {
	struct buffer body;       ///< the endpoint fills it; the server owns it afterwards
	const char *content_type; ///< static; "text/plain; charset=utf-8" if NULL
	unsigned status;          ///< 200 unless set
};

/// One row of the endpoint table. `method` is "GET" (which also answers HEAD) or "POST".
struct endpoint {
	const char *method;
	const char *path; ///< exact, or a prefix if it ends in "/*"
	void (*handle)(void *context, const struct server_request *request, struct server_response *response);
};

/// Listen on every address ("host:port", "[v6]:port", ":port"). `endpoints` ends in a row with a NULL path
/// and, like `context`, must outlive the server. On failure logs one line that quotes the address and returns
/// -errno.
int server_new(const char *const *addresses, size_t addresses_len, const struct endpoint *endpoints,
	       void *context, struct server **ret_server);
void server_free(struct server *server);

int server_fd(const struct server *server); ///< readable (epoll) when server_run has work
int server_timeout_ms(
	const struct server *server); ///< when to call server_run even if not readable; -1 for never
void server_run(struct server *server);

#endif
