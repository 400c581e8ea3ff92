// SPDX-License-Identifier: Apache-2.0
// The lexical rules are PostgreSQL's (its manual, section 4.1); the verb of WITH is the one behind the last
// of its queries. postgres.c feeds texts and the tags of finished commands.
#include "postgres_sql.h"

#include <string.h>

enum state {
	PLAIN,
	WORD,
	DASH, /* perhaps a comment's beginning */
	SLASH,
	LINE,
	BLOCK,
	BLOCK_STAR, /* perhaps its end */
	BLOCK_SLASH,
	QUOTE,
	ESCAPING, /* E'…' */
	ESCAPED,  /* behind its backslash */
	ESCAPING_QUOTE,
	IDENTIFIER, /* in double quotes */
	DOLLAR,     /* in a dollar quote's tag */
	DOLLAR_BODY,
	DOLLAR_END, /* perhaps its closing tag */
};

enum last { NOTHING, OPENED, CLOSED, ANYTHING };
enum where { BEFORE, IN_WITH, DECIDED, BEHIND }; /* behind the first statement */

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* All bytes above ASCII are letters to PostgreSQL. */
static bool is_word(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c & 0x80;
}

static bool word_is(const struct postgres_sql *sql, const char *word)
{
	return sql->word_len == strlen(word) && !memcmp(sql->word, word, sql->word_len);
}

static enum postgres_operation word_operation(const struct postgres_sql *sql)
{
	if (sql->word_len > POSTGRES_WORD_MAX)
		return POSTGRES_OTHER;
	return postgres_operation_of((struct slice){sql->word, sql->word_len});
}

/* What may stand behind WITH. */
static bool is_main_verb(enum postgres_operation operation)
{
	return operation == POSTGRES_SELECT || operation == POSTGRES_INSERT || operation == POSTGRES_UPDATE ||
	       operation == POSTGRES_DELETE || operation == POSTGRES_MERGE;
}

static void decide(struct postgres_sql *sql, uint8_t operation)
{
	sql->operation = operation;
	sql->where = DECIDED;
}

/* The main verb stands behind a query's closing parenthesis. Names may look like verbs, but for SELECT, which
 * is reserved. Behind SEARCH and CYCLE it could not be told from names. */
static void with_word(struct postgres_sql *sql)
{
	enum postgres_operation operation = word_operation(sql);

	if (sql->depth != sql->base)
		return;
	if (is_main_verb(operation) && (sql->last == CLOSED || word_is(sql, "select")))
		decide(sql, operation);
	else if (sql->last == CLOSED && (word_is(sql, "search") || word_is(sql, "cycle")))
		decide(sql, POSTGRES_OTHER);
}

static void token(struct postgres_sql *sql, enum last token)
{
	if (sql->where == BEHIND)
		sql->several = true;
	if (sql->where == BEFORE && token == ANYTHING)
		decide(sql, POSTGRES_OTHER);
	sql->last = token;
}

static void word_ends(struct postgres_sql *sql)
{
	if (sql->where == BEFORE) {
		sql->base = sql->depth;
		if (word_is(sql, "with"))
			sql->where = IN_WITH;
		else
			decide(sql, word_operation(sql));
	} else if (sql->where == IN_WITH) {
		with_word(sql);
	}
	token(sql, ANYTHING);
}

static void word_add(struct postgres_sql *sql, char c)
{
	if (sql->word_len < POSTGRES_WORD_MAX)
		sql->word[sql->word_len] = c >= 'A' && c <= 'Z' ? c | 0x20 : c;
	if (sql->word_len <= POSTGRES_WORD_MAX)
		sql->word_len++;
}

static void open_parenthesis(struct postgres_sql *sql)
{
	sql->depth++;
	/* WITH … AS (…) (SELECT …) */
	if (sql->where == IN_WITH && sql->last == CLOSED && sql->depth == sql->base + 1)
		sql->base++;
	token(sql, OPENED);
}

static void close_parenthesis(struct postgres_sql *sql)
{
	if (sql->depth)
		sql->depth--;
	token(sql, CLOSED);
}

static void semicolon(struct postgres_sql *sql)
{
	if (sql->depth || sql->where == BEFORE)
		return;
	sql->where = BEHIND;
	sql->last = NOTHING;
}

static enum state read_plain(struct postgres_sql *sql, char c)
{
	if (is_space(c) || !c)
		return PLAIN;
	if (is_word(c)) {
		sql->word_len = 0;
		word_add(sql, c);
		return WORD;
	}
	switch (c) {
	case '-':
		return DASH;
	case '/':
		return SLASH;
	case ';':
		semicolon(sql);
		return PLAIN;
	case '(':
		open_parenthesis(sql);
		return PLAIN;
	case ')':
		close_parenthesis(sql);
		return PLAIN;
	}
	token(sql, ANYTHING);
	if (c == '$')
		sql->tag = sql->seen = 0;
	return c == '\'' ? QUOTE : c == '"' ? IDENTIFIER : c == '$' ? DOLLAR : PLAIN;
}

/* What the byte is behind one that could have been the beginning of something else. */
static enum state read_after(struct postgres_sql *sql, char c)
{
	token(sql, ANYTHING);
	return read_plain(sql, c);
}

static enum state read_word(struct postgres_sql *sql, char c)
{
	if (is_word(c) || c == '$') {
		word_add(sql, c);
		return WORD;
	}
	word_ends(sql);
	if (c == '\'' && word_is(sql, "e"))
		return ESCAPING;
	return read_plain(sql, c);
}

static enum state read_comment(struct postgres_sql *sql, char c)
{
	if (sql->state == BLOCK_STAR && c == '/')
		return --sql->comments ? BLOCK : PLAIN;
	if (sql->state == BLOCK_SLASH && c == '*') {
		sql->comments++;
		return BLOCK;
	}
	return c == '*' ? BLOCK_STAR : c == '/' ? BLOCK_SLASH : BLOCK;
}

static uint64_t hash_add(uint64_t hash, char c)
{
	return (hash ^ (uint8_t)c) * 0x100000001b3 + 1; /* FNV-1a, and the number of bytes */
}

static enum state read_dollar(struct postgres_sql *sql, char c)
{
	if (c == '$')
		return DOLLAR_BODY;
	if (!is_word(c))
		return read_plain(sql, c);
	if (!sql->tag && is_digit(c)) /* $1 */
		return PLAIN;
	sql->tag = hash_add(sql->tag, c);
	return DOLLAR;
}

static enum state read_dollar_body(struct postgres_sql *sql, char c)
{
	if (c == '$') {
		bool over = sql->state == DOLLAR_END && sql->seen == sql->tag;

		sql->seen = 0;
		return over ? PLAIN : DOLLAR_END;
	}
	sql->seen = hash_add(sql->seen, c);
	return sql->state == DOLLAR_END && is_word(c) ? DOLLAR_END : DOLLAR_BODY;
}

void postgres_sql_read(struct postgres_sql *sql, char c)
{
	switch ((enum state)sql->state) {
	case PLAIN:
		sql->state = read_plain(sql, c);
		break;
	case WORD:
		sql->state = read_word(sql, c);
		break;
	case DASH:
		sql->state = c == '-' ? LINE : read_after(sql, c);
		break;
	case SLASH:
		sql->comments = 1;
		sql->state = c == '*' ? BLOCK : read_after(sql, c);
		break;
	case LINE:
		sql->state = c == '\n' || c == '\r' ? PLAIN : LINE;
		break;
	case BLOCK:
	case BLOCK_STAR:
	case BLOCK_SLASH:
		sql->state = read_comment(sql, c);
		break;
	case QUOTE:
		sql->state = c == '\'' ? PLAIN : QUOTE;
		break;
	case ESCAPING:
		sql->state = c == '\\' ? ESCAPED : c == '\'' ? ESCAPING_QUOTE : ESCAPING;
		break;
	case ESCAPED:
		sql->state = ESCAPING;
		break;
	case ESCAPING_QUOTE:
		sql->state = c == '\'' ? ESCAPING : read_plain(sql, c);
		break;
	case IDENTIFIER:
		sql->state = c == '"' ? PLAIN : IDENTIFIER;
		break;
	case DOLLAR:
		sql->state = read_dollar(sql, c);
		break;
	case DOLLAR_BODY:
	case DOLLAR_END:
		sql->state = read_dollar_body(sql, c);
		break;
	}
}

void postgres_sql_end(struct postgres_sql *sql)
{
	if (sql->state == WORD)
		word_ends(sql);
	sql->state = PLAIN;
	sql->word_len = 0;
	memset(sql->word, 0, sizeof(sql->word));
}

enum postgres_operation postgres_operation(struct slice text)
{
	struct postgres_sql sql = {0};

	for (size_t i = 0; i < text.len; i++)
		postgres_sql_read(&sql, text.data[i]);
	postgres_sql_end(&sql);
	return sql.operation;
}
