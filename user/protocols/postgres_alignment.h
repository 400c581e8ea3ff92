// SPDX-License-Identifier: Apache-2.0
// Finds messages of PostgreSQL in bytes of which it is not known where one begins: on connections that are
// older than ringside, and behind what was not captured.
#ifndef RINGSIDE_PROTOCOLS_POSTGRES_ALIGNMENT_H
#define RINGSIDE_PROTOCOLS_POSTGRES_ALIGNMENT_H

#include "../exchange.h"

/// As far as postgres_tail looks back.
#define POSTGRES_TAIL_MAX 512

/// Whether a message begins with the first byte, and others behind it; the last one may go on behind the
/// bytes.
bool postgres_begins(struct slice bytes, bool server);
/// What a server sent, the middle of which is missing: the offset of the first CommandComplete, ErrorResponse
/// or ReadyForQuery from which messages reach exactly to the end, where another of them stands last.
/// `bytes.len` if there is none.
size_t postgres_tail(struct slice bytes);

#endif
