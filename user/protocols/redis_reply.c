// SPDX-License-Identifier: Apache-2.0
// Reads replies value by value, counting down what is open instead of calling itself. redis_connection.c
// pairs what it finds with requests.
#include "redis_reply.h"

#include <string.h>

#include "slice.h"

/* Redis has no longer ones. */
#define ELEMENTS_MAX (UINT32_MAX / 4)
#define STRING_MAX UINT32_MAX
/* In place of a count: an element '.' ends the aggregate. */
#define STREAMED UINT32_MAX

enum { AT_VALUE, AT_NUMBER, AT_LINE, AT_STRING };

/* Words. */

static const struct {
	const char *name;
	enum redis_word word;
} WORDS[] = {
	{"message", REDIS_WORD_MESSAGE},           {"pmessage", REDIS_WORD_MESSAGE},
	{"smessage", REDIS_WORD_MESSAGE},          {"subscribe", REDIS_WORD_SUBSCRIBE},
	{"psubscribe", REDIS_WORD_PSUBSCRIBE},     {"ssubscribe", REDIS_WORD_SSUBSCRIBE},
	{"unsubscribe", REDIS_WORD_UNSUBSCRIBE},   {"punsubscribe", REDIS_WORD_PUNSUBSCRIBE},
	{"sunsubscribe", REDIS_WORD_SUNSUBSCRIBE},
};

static bool word_is(const struct redis_reply_reader *reader, const char *word)
{
	return reader->word_len == strlen(word) && !memcmp(reader->word, word, reader->word_len);
}

static void word_take(struct redis_reply_reader *reader)
{
	struct redis_reply *reply = &reader->reply;

	if (!reader->depth) {
		if (word_is(reader, "QUEUED"))
			reply->word = REDIS_WORD_QUEUED;
		else if (reader->word_len && reader->word[0] >= '0' && reader->word[0] <= '9')
			reply->word = REDIS_WORD_LINE;
		return;
	}
	for (size_t i = 0; i < sizeof(WORDS) / sizeof(WORDS[0]); i++)
		if (word_is(reader, WORDS[i].name))
			reply->word = WORDS[i].word;
}

static void word_add(struct redis_reply_reader *reader, struct slice part)
{
	size_t room = sizeof(reader->word) - reader->word_len;
	size_t len = part.len < room ? part.len : room;

	memcpy(reader->word + reader->word_len, part.data, len);
	reader->word_len += len;
}

/* A status, or the first element of what is no answer or may be none. */
static bool is_worded(const struct redis_reply_reader *reader)
{
	const struct redis_reply *reply = &reader->reply;

	if (!reader->depth)
		return reader->type == '+';
	return reader->depth == 1 && !reader->attributes && (reply->type == '*' || reply->type == '>') &&
	       reader->elements[0] == reply->elements && (reader->type == '$' || reader->type == '+');
}

/* Values. */

/* True if it was an attribute: what it is about comes next, and is no value of its own. */
static bool aggregate_closes(struct redis_reply_reader *reader)
{
	uint32_t bit = 1u << --reader->depth;
	bool attribute = reader->attributes & bit;

	reader->attributes &= ~bit;
	return attribute;
}

/* Ends a value, and with it what it was the last element of. */
static enum redis_step value_ends(struct redis_reply_reader *reader, struct redis_reply *ret_reply)
{
	reader->state = AT_VALUE;
	while (reader->depth) {
		uint32_t *elements = &reader->elements[reader->depth - 1];

		*elements -= *elements != STREAMED;
		if (*elements || aggregate_closes(reader))
			return REDIS_MORE;
	}
	*ret_reply = reader->reply;
	*reader = (struct redis_reply_reader){0};
	return REDIS_END;
}

static enum redis_step aggregate_opens(struct redis_reply_reader *reader, uint32_t elements,
				       struct redis_reply *ret_reply)
{
	struct redis_reply *reply = &reader->reply;

	reader->state = AT_VALUE;
	if (!reader->depth && reader->type != '|' && elements != STREAMED)
		reply->elements = elements;
	if (!elements)
		return reader->type == '|' ? REDIS_MORE : value_ends(reader, ret_reply);
	if (reader->depth == REDIS_DEPTH_MAX)
		return REDIS_MALFORMED;
	if (reader->type == '|')
		reader->attributes |= 1u << reader->depth;
	reader->elements[reader->depth++] = elements;
	if (reader->depth > reply->depth)
		reply->depth = reader->depth;
	return REDIS_MORE;
}

static enum redis_step aggregate_take(struct redis_reply_reader *reader, struct redis_reply *ret_reply)
{
	const struct redis_number *count = &reader->number;
	bool pairs = reader->type == '%' || reader->type == '|';

	if (count->unknown)
		return reader->type == '>' || reader->type == '|'
			       ? REDIS_MALFORMED
			       : aggregate_opens(reader, STREAMED, ret_reply);
	if (count->value > ELEMENTS_MAX)
		return REDIS_MALFORMED;
	return aggregate_opens(reader, (uint32_t)count->value << pairs, ret_reply);
}

static enum redis_step string_begins(struct redis_reply_reader *reader, struct redis_reply *ret_reply)
{
	const struct redis_number *len = &reader->number;

	if (len->unknown) {
		reader->streamed = true;
		reader->state = AT_VALUE;
		return reader->type == '$' ? REDIS_MORE : REDIS_MALFORMED;
	}
	if (len->value > STRING_MAX)
		return REDIS_MALFORMED;
	if (reader->type == ';' && !len->value) {
		reader->streamed = false;
		return value_ends(reader, ret_reply);
	}
	reader->worded &= len->value <= sizeof(reader->word);
	reader->left = len->value + 2;
	reader->state = AT_STRING;
	return REDIS_MORE;
}

static enum redis_step number_take(struct redis_reply_reader *reader, struct redis_reply *ret_reply)
{
	const struct redis_number *number = &reader->number;

	switch (reader->type) {
	case ':':
		if (reader->depth == 1 && !reader->attributes)
			reader->reply.number = number->negative ? 0 : number->value;
		return number->unknown ? REDIS_MALFORMED : value_ends(reader, ret_reply);
	case '$':
	case '*':
		if (!number->negative)
			break;
		reader->reply.null |= !reader->depth;
		return number->value == 1 ? value_ends(reader, ret_reply) : REDIS_MALFORMED;
	default:
		if (number->negative)
			return REDIS_MALFORMED;
	}
	return strchr("$!=;", reader->type) ? string_begins(reader, ret_reply)
					    : aggregate_take(reader, ret_reply);
}

static enum redis_step line_ends(struct redis_reply_reader *reader, struct redis_reply *ret_reply)
{
	reader->ending = false;
	if (reader->worded)
		word_take(reader);
	reader->state = AT_VALUE;
	if (reader->type == '.' && aggregate_closes(reader))
		return REDIS_MORE;
	return value_ends(reader, ret_reply);
}

static enum redis_step line_take(struct redis_reply_reader *reader, struct slice *bytes,
				 struct redis_reply *ret_reply)
{
	const char *end;
	struct slice part;

	if (reader->ending)
		return *slice_take(bytes, 1).data == '\n' ? line_ends(reader, ret_reply) : REDIS_MALFORMED;
	end = memchr(bytes->data, '\r', bytes->len);
	part = slice_take(bytes, end ? (size_t)(end - bytes->data) : bytes->len);
	if (part.len && (reader->type == '.' || reader->type == '_'))
		return REDIS_MALFORMED;
	if (reader->worded)
		word_add(reader, part);
	if (end) {
		slice_take(bytes, 1);
		reader->ending = true;
	}
	return REDIS_MORE;
}

/* Bytes of a string, or of the CR LF behind it. */
static enum redis_step string_take(struct redis_reply_reader *reader, struct slice *bytes)
{
	struct slice part;
	enum redis_step step = redis_string_read(&reader->left, bytes, &part);

	if (reader->worded && part.len)
		word_add(reader, part);
	return step;
}

static enum redis_step string_ends(struct redis_reply_reader *reader, struct redis_reply *ret_reply)
{
	if (reader->worded)
		word_take(reader);
	reader->state = AT_VALUE;
	return reader->streamed ? REDIS_MORE : value_ends(reader, ret_reply);
}

/* What the first byte of a value says. */
static void type_note(struct redis_reply_reader *reader)
{
	struct redis_reply *reply = &reader->reply;
	bool error = reader->type == '-' || reader->type == '!';

	reader->worded = false;
	reader->word_len = 0;
	if (reader->depth) {
		reply->errors += error;
	} else if (reader->type != '|') {
		reply->type = reader->type;
		reply->error = error;
		reply->null = reader->type == '_';
	}
	reader->worded = is_worded(reader);
}

static enum redis_step value_begins(struct redis_reply_reader *reader, struct slice *bytes)
{
	char type = *slice_take(bytes, 1).data;
	bool in_streamed = reader->depth && reader->elements[reader->depth - 1] == STREAMED;

	if (!type || reader->streamed != (type == ';') || (type == '.' && !in_streamed))
		return REDIS_MALFORMED;
	reader->within = true;
	reader->type = type;
	reader->number = (struct redis_number){0};
	if (type != ';' && type != '.')
		type_note(reader);
	if (strchr(":$*%~>|!=;", type))
		reader->state = AT_NUMBER;
	else if (strchr("+-(,#_.", type))
		reader->state = AT_LINE;
	else
		return REDIS_MALFORMED;
	return REDIS_MORE;
}

static enum redis_step part_take(struct redis_reply_reader *reader, struct slice *bytes,
				 struct redis_reply *ret_reply)
{
	enum redis_step step;

	switch (reader->state) {
	case AT_VALUE:
		return value_begins(reader, bytes);
	case AT_LINE:
		return line_take(reader, bytes, ret_reply);
	case AT_STRING:
		return string_take(reader, bytes);
	}
	step = redis_number_read(&reader->number, bytes);
	return step == REDIS_END ? number_take(reader, ret_reply) : step;
}

enum redis_step redis_reply_read(struct redis_reply_reader *reader, struct slice *bytes,
				 struct redis_reply *ret_reply)
{
	for (;;) {
		enum redis_step step = REDIS_MORE;

		if (reader->state == AT_STRING && !reader->left)
			step = string_ends(reader, ret_reply);
		else if (!bytes->len)
			return REDIS_MORE;
		else
			step = part_take(reader, bytes, ret_reply);
		if (step != REDIS_MORE)
			return step;
	}
}

bool redis_reply_may_skip(const struct redis_reply_reader *reader, uint64_t len)
{
	return reader->state == AT_STRING && len <= reader->left && !reader->worded;
}

bool redis_reply_skip(struct redis_reply_reader *reader, uint64_t len)
{
	if (!redis_reply_may_skip(reader, len))
		return false;
	reader->left -= len;
	return true;
}
