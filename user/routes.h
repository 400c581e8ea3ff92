// SPDX-License-Identifier: Apache-2.0
// Route templates: turns the raw targets of one service into a bounded set of `path` labels.
// Configured templates come first, then the classes of segments.c, then the limit.
#ifndef RINGSIDE_ROUTES_H
#define RINGSIDE_ROUTES_H

#include "exchange.h"

/// Two routes that every service has, whatever its limit.
enum { ROUTE_UNMATCHED = 0, ROUTE_OTHER = 1 };

struct routes; ///< the routes of one service

/// `templates` (borrowed for the call, may be NULL) are the configured ones, tried in order: "/users/{id}",
/// "/users/:id", "/files/*". `limit` is the number of routes beside the two fixed ones. NULL on ENOMEM.
struct routes *routes_new(const char *const *templates, size_t templates_len, unsigned limit);
void routes_free(struct routes *routes);

/// The route of a request, by its raw target (origin form, absolute form, "*" or authority form; query and
/// all) and its status. A number below limit + 2, the same for the life of `routes`. 404 and 405 on a path
/// that was never seen with another status and is not configured are ROUTE_UNMATCHED; what does not fit is
/// ROUTE_OTHER.
unsigned routes_find(struct routes *routes, struct slice target, uint16_t status);

/// The route of a gRPC method, "/package.Service/Method", which is a template as it is. One that was only
/// ever answered as unimplemented is ROUTE_UNMATCHED; what is no such name goes the way of other paths.
unsigned routes_find_grpc(struct routes *routes, struct slice target, bool unimplemented);

/// The label of a route: "(unmatched)", "(other)", or its template. Owned by `routes`. Valid UTF-8, at most
/// 256 bytes.
const char *routes_name(const struct routes *routes, unsigned route);

/// How many requests went to ROUTE_OTHER because the limit was reached.
uint64_t routes_overflow(const struct routes *routes);

#endif
