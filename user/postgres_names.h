// SPDX-License-Identifier: Apache-2.0
// What the prepared statements and portals of one connection to PostgreSQL do, by the hashes of their names.
// Owned by postgres_connection.c.
#ifndef RINGSIDE_POSTGRES_NAMES_H
#define RINGSIDE_POSTGRES_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "memory_budget.h"

/// A client uses one, or a few named ones at a time.
#define POSTGRES_PORTALS 4

struct postgres_portal {
	uint64_t name;
	uint64_t start_ns; ///< of its Bind, or of the Parse before that
	uint8_t operation;
	bool open;
	bool executed;
};

/// Zeroed: none are known.
struct postgres_names {
	struct postgres_portal portals[POSTGRES_PORTALS];
	uint64_t *statements; ///< name, with the operation for its lowest byte
	uint16_t len;
	uint16_t room;
	uint16_t next_statement; ///< to be forgotten when there is no room
	uint8_t next_portal;
};

/// What there is no room for replaces an older one, whose operation is then not known.
void postgres_names_prepare(struct postgres_names *names, uint64_t name, uint8_t operation,
			    struct memory_budget *budget);
/// POSTGRES_OTHER if it is not known.
uint8_t postgres_names_operation(const struct postgres_names *names, uint64_t name);
void postgres_names_close(struct postgres_names *names, uint64_t name);

void postgres_names_bind(struct postgres_names *names, uint64_t name, uint8_t operation, uint64_t start_ns);
/// NULL if it is not known. Valid until the next bind.
struct postgres_portal *postgres_names_portal(struct postgres_names *names, uint64_t name);

void postgres_names_drop(struct postgres_names *names, struct memory_budget *budget);

#endif
