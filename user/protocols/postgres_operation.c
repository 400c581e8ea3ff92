// SPDX-License-Identifier: Apache-2.0
// The verbs of PostgreSQL's commands (its manual, part VI). postgres_sql.c finds them in texts.
#include "postgres_operation.h"

#include <string.h>

static const char *const names[POSTGRES_OPERATIONS] = {
	[POSTGRES_OTHER] = "other",       [POSTGRES_ALTER] = "alter",
	[POSTGRES_ANALYZE] = "analyze",   [POSTGRES_BEGIN_WORK] = "begin",
	[POSTGRES_CALL] = "call",         [POSTGRES_CLOSE_CURSOR] = "close",
	[POSTGRES_COMMIT] = "commit",     [POSTGRES_COPY] = "copy",
	[POSTGRES_CREATE] = "create",     [POSTGRES_DEALLOCATE] = "deallocate",
	[POSTGRES_DECLARE] = "declare",   [POSTGRES_DELETE] = "delete",
	[POSTGRES_DISCARD] = "discard",   [POSTGRES_DO] = "do",
	[POSTGRES_DROP] = "drop",         [POSTGRES_EXPLAIN] = "explain",
	[POSTGRES_FETCH] = "fetch",       [POSTGRES_GRANT] = "grant",
	[POSTGRES_INSERT] = "insert",     [POSTGRES_LISTEN] = "listen",
	[POSTGRES_LOCK] = "lock",         [POSTGRES_MERGE] = "merge",
	[POSTGRES_MOVE] = "move",         [POSTGRES_NOTIFY] = "notify",
	[POSTGRES_PREPARE] = "prepare",   [POSTGRES_RELEASE] = "release",
	[POSTGRES_RESET] = "reset",       [POSTGRES_REVOKE] = "revoke",
	[POSTGRES_ROLLBACK] = "rollback", [POSTGRES_SAVEPOINT] = "savepoint",
	[POSTGRES_SELECT] = "select",     [POSTGRES_SET] = "set",
	[POSTGRES_SHOW] = "show",         [POSTGRES_TRUNCATE] = "truncate",
	[POSTGRES_UNLISTEN] = "unlisten", [POSTGRES_UPDATE] = "update",
	[POSTGRES_VACUUM] = "vacuum",
};

/* Other words for the same; what TABLE and VALUES say is a SELECT in short, and is tagged so when it is done.
 */
static const struct {
	const char *verb;
	uint8_t operation;
} aliases[] = {
	{"abort", POSTGRES_ROLLBACK},   {"analyse", POSTGRES_ANALYZE}, {"end", POSTGRES_COMMIT},
	{"start", POSTGRES_BEGIN_WORK}, {"table", POSTGRES_SELECT},    {"values", POSTGRES_SELECT},
};

static bool is_equal(struct slice word, const char *verb)
{
	return word.len == strlen(verb) && !memcmp(word.data, verb, word.len);
}

enum postgres_operation postgres_operation_of(struct slice verb)
{
	for (unsigned i = POSTGRES_OTHER + 1; i < POSTGRES_OPERATIONS; i++)
		if (is_equal(verb, names[i]))
			return i;
	for (unsigned i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (is_equal(verb, aliases[i].verb))
			return aliases[i].operation;
	return POSTGRES_OTHER;
}

const char *postgres_operation_name(enum postgres_operation operation)
{
	return names[operation < POSTGRES_OPERATIONS ? operation : POSTGRES_OTHER];
}
