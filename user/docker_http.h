// SPDX-License-Identifier: Apache-2.0
// GET requests over the daemon's Unix socket, by libcurl, without blocking and with bounded answers. They are
// watched by an epoll descriptor that the caller owns; docker.c is the only caller.
#ifndef RINGSIDE_DOCKER_HTTP_H
#define RINGSIDE_DOCKER_HTTP_H

#include "buffer.h"

#include <stdint.h>

struct docker_http;

struct docker_request {
	void *owner;        ///< the caller's
	struct buffer body; ///< of the answer so far; a caller that takes from it makes room for more
	// The rest is docker_http.c's.
	void *curl;
	size_t body_max;
	int result; ///< a CURLcode once it has ended
	bool too_large;
	char error[256];
};

/// Both are borrowed.
int docker_http_new(const char *socket, int epoll_fd, struct docker_http **ret_http);
void docker_http_free(struct docker_http *http); ///< its requests must be freed before

/// For each event of the epoll descriptor that is not the caller's own. Calls nobody back.
void docker_http_ready(struct docker_http *http, int fd, uint32_t events);

/// Starts a request that ends when its answer would hold more than `body_max` bytes at once, or after
/// `timeout_ms` unless that is 0. NULL on ENOMEM.
struct docker_request *docker_http_get(struct docker_http *http, const char *path, size_t body_max,
				       long timeout_ms, void *owner);
/// Accepts NULL; a request that has not ended is given up.
void docker_request_free(struct docker_http *http, struct docker_request *request);

/// A request that has ended since the last call, NULL if none has. It is still the caller's to free.
struct docker_request *docker_http_ended(struct docker_http *http);

long docker_request_status(const struct docker_request *request); ///< 0 until the daemon has answered
/// Whether the whole answer came, with status 200; if not, *ret_trouble says why in one line.
bool docker_request_ok(const struct docker_http *http, struct docker_request *request, char *ret_trouble,
		       size_t size);

#endif
