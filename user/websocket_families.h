// SPDX-License-Identifier: Apache-2.0
// The families of WebSocket sessions.
#ifndef RINGSIDE_WEBSOCKET_FAMILIES_H
#define RINGSIDE_WEBSOCKET_FAMILIES_H

struct exposition;
struct observation;

/// Nothing where no service has had a session.
void websocket_families_write(struct exposition *exposition, const struct observation *observation);

#endif
