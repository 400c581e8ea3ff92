// SPDX-License-Identifier: Apache-2.0
// The JSON answers: /api/v1/… and Prometheus's HTTP service discovery.
#ifndef RINGSIDE_API_H
#define RINGSIDE_API_H

#include <stdbool.h>

struct buffer;
struct observation;

/// Each appends a JSON document to `out`.
void api_status(const struct observation *observation, struct buffer *out);
void api_services(const struct observation *observation, struct buffer *out);
/// False if there is no service of this name.
bool api_service(const struct observation *observation, const char *name, struct buffer *out);
/// One target for each service: `host` (as the client calls us) with its name in __param_service.
void api_targets(const struct observation *observation, const char *host, struct buffer *out);

#endif
