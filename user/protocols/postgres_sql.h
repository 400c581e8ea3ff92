// SPDX-License-Identifier: Apache-2.0
// What an SQL text of PostgreSQL does, told by its verb. Read byte by byte, so that nothing of the text is
// kept but a word that goes on; pure: no allocation, no clock.
#ifndef RINGSIDE_PROTOCOLS_POSTGRES_SQL_H
#define RINGSIDE_PROTOCOLS_POSTGRES_SQL_H

#include "postgres_operation.h"

#define POSTGRES_WORD_MAX 11

/// Zeroed at a text's beginning.
struct postgres_sql {
	uint64_t tag;  ///< hash of a dollar quote's tag …
	uint64_t seen; ///< … and of what may be its end
	uint32_t depth;
	uint32_t base;     ///< depth of the parentheses that the statement stands in
	uint32_t comments; ///< one in the other
	uint8_t state;
	uint8_t last; ///< what stood before
	uint8_t where;
	uint8_t word_len; ///< one more than there is room for: longer than any verb
	char word[POSTGRES_WORD_MAX];
	uint8_t operation; ///< enum postgres_operation, of the first statement
	bool several;      ///< there is more than one statement
};

void postgres_sql_read(struct postgres_sql *sql, char c);
/// The text is over: so is its last word.
void postgres_sql_end(struct postgres_sql *sql);

/// Of a whole text's first statement.
enum postgres_operation postgres_operation(struct slice text);

#endif
