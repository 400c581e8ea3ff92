// SPDX-License-Identifier: Apache-2.0
// Reads requests word by word. Only the name, and the options of some commands, are looked at; bytes of other
// words are passed over. redis_connection.c pairs what it finds with replies.
#include "redis_request.h"

#include <string.h>

#include "slice.h"

/* As the server has them (networking.c of Redis: processMultibulkBuffer, processInlineBuffer); the length of
 * an argument is the operator's to choose there. */
#define WORDS_MAX INT32_MAX
#define WORD_MAX UINT32_MAX
#define INLINE_MAX 65536

enum { AT_START, AT_COUNT, AT_TYPE, AT_LEN, AT_WORD, AT_INLINE };

/* How far the words of CLIENT REPLY and of XREAD say something. */
enum { OPTION_NONE, OPTION_REPLY, OPTION_OVER };

/* The word that goes on is number `words` of the request. XREADGROUP's second to fourth are GROUP and names.
 */
static bool is_wanted(const struct redis_request_reader *reader)
{
	const struct redis_request *request = &reader->request;

	if (!request->words)
		return true;
	switch (redis_command(request->command)->role) {
	case REDIS_CLIENT:
		return request->words == 1 || (request->words == 2 && reader->option == OPTION_REPLY);
	case REDIS_XREAD:
		return reader->option == OPTION_NONE;
	case REDIS_XREADGROUP:
		return request->words >= 4 && reader->option == OPTION_NONE;
	default:
		return false;
	}
}

static void word_add(struct redis_request_reader *reader, struct slice part)
{
	size_t room = sizeof(reader->word) - reader->word_len;

	if (part.len > room) { /* no name is so long */
		reader->word_len = sizeof(reader->word);
		memset(reader->word, 0, sizeof(reader->word));
		return;
	}
	memcpy(reader->word + reader->word_len, part.data, part.len);
	reader->word_len += part.len;
}

static bool word_is(const struct redis_request_reader *reader, const char *lower)
{
	size_t len = strlen(lower);

	for (size_t i = 0; i < len && i < reader->word_len; i++)
		if ((reader->word[i] | 0x20) != lower[i])
			return false;
	return reader->word_len == len;
}

static uint8_t reply_mode(const struct redis_request_reader *reader)
{
	if (word_is(reader, "on"))
		return REDIS_REPLY_ON;
	if (word_is(reader, "off"))
		return REDIS_REPLY_OFF;
	return word_is(reader, "skip") ? REDIS_REPLY_SKIP : REDIS_REPLY_AS_IS;
}

static void option_take(struct redis_request_reader *reader)
{
	struct redis_request *request = &reader->request;

	if (redis_command(request->command)->role != REDIS_CLIENT) {
		request->blocks |= word_is(reader, "block");
		if (word_is(reader, "streams"))
			reader->option = OPTION_OVER;
	} else if (request->words == 1) {
		reader->option = word_is(reader, "reply") ? OPTION_REPLY : OPTION_OVER;
	} else {
		request->reply_mode = reply_mode(reader);
	}
}

static void word_ends(struct redis_request_reader *reader)
{
	struct redis_request *request = &reader->request;

	if (!request->words) {
		request->command = redis_command_find((struct slice){reader->word, reader->word_len});
		request->blocks = redis_command(request->command)->role == REDIS_BLOCKS;
	} else if (is_wanted(reader)) {
		option_take(reader);
	}
	request->words++;
	reader->word_len = 0;
}

static enum redis_step request_ends(struct redis_request_reader *reader, struct redis_request *ret_request)
{
	*ret_request = reader->request;
	if (ret_request->words != 3) /* the server refuses the command */
		ret_request->reply_mode = REDIS_REPLY_AS_IS;
	*reader = (struct redis_request_reader){0};
	return REDIS_END;
}

static enum redis_step count_take(struct redis_request_reader *reader, struct redis_request *ret_request)
{
	const struct redis_number *count = &reader->number;

	if (count->unknown || count->value > WORDS_MAX)
		return REDIS_MALFORMED;
	if (count->negative || !count->value)
		return request_ends(reader, ret_request);
	reader->words_left = (uint32_t)count->value;
	reader->state = AT_TYPE;
	return REDIS_MORE;
}

static enum redis_step len_take(struct redis_request_reader *reader)
{
	const struct redis_number *len = &reader->number;

	if (len->unknown || len->negative || len->value > WORD_MAX)
		return REDIS_MALFORMED;
	reader->left = len->value + 2;
	reader->words_left--;
	reader->state = AT_WORD;
	return REDIS_MORE;
}

/* Bytes of a word, or of the CR LF behind it. */
static enum redis_step word_take(struct redis_request_reader *reader, struct slice *bytes)
{
	struct slice part;
	enum redis_step step = redis_string_read(&reader->left, bytes, &part);

	if (part.len && is_wanted(reader))
		word_add(reader, part);
	return step;
}

/* Between quotes: as the server's sdssplitargs, where '…' knows no escape but that of its own quote. */
static void quoted_take(struct redis_request_reader *reader, struct slice byte)
{
	if (*byte.data == (char)reader->quote && !reader->escaped) {
		reader->closed = true;
		reader->quote = 0;
		return;
	}
	reader->escaped = *byte.data == '\\' && !(reader->escaped && reader->quote == '"');
	if (is_wanted(reader))
		word_add(reader, byte);
}

static enum redis_step unquoted_take(struct redis_request_reader *reader, struct slice byte)
{
	if (*byte.data == ' ' || *byte.data == '\t' || *byte.data == '\r') {
		if (reader->open)
			word_ends(reader);
		reader->open = reader->closed = false;
		return REDIS_MORE;
	}
	if (reader->closed || (unsigned char)*byte.data < ' ')
		return REDIS_MALFORMED;
	reader->open = true;
	if (*byte.data == '"' || *byte.data == '\'')
		reader->quote = (uint8_t)*byte.data;
	else if (is_wanted(reader))
		word_add(reader, byte);
	return REDIS_MORE;
}

static enum redis_step inline_take(struct redis_request_reader *reader, struct slice *bytes,
				   struct redis_request *ret_request)
{
	struct slice byte = slice_take(bytes, 1);

	if (!reader->left-- || (*byte.data == '\n' && reader->quote))
		return REDIS_MALFORMED;
	if (reader->quote) {
		quoted_take(reader, byte);
		return REDIS_MORE;
	}
	if (*byte.data != '\n')
		return unquoted_take(reader, byte);
	if (reader->open)
		word_ends(reader);
	return request_ends(reader, ret_request);
}

static enum redis_step begin(struct redis_request_reader *reader, struct slice *bytes)
{
	reader->left = INLINE_MAX;
	reader->state = *bytes->data == '*' ? AT_COUNT : AT_INLINE;
	if (reader->state == AT_COUNT)
		slice_take(bytes, 1);
	return REDIS_MORE;
}

static enum redis_step type_take(struct redis_request_reader *reader, struct slice *bytes)
{
	reader->number = (struct redis_number){0};
	reader->state = AT_LEN;
	return *slice_take(bytes, 1).data == '$' ? REDIS_MORE : REDIS_MALFORMED;
}

static enum redis_step part_take(struct redis_request_reader *reader, struct slice *bytes,
				 struct redis_request *ret_request)
{
	enum redis_step step;

	switch (reader->state) {
	case AT_START:
		return begin(reader, bytes);
	case AT_TYPE:
		return type_take(reader, bytes);
	case AT_WORD:
		return word_take(reader, bytes);
	case AT_INLINE:
		return inline_take(reader, bytes, ret_request);
	}
	step = redis_number_read(&reader->number, bytes);
	if (step != REDIS_END)
		return step;
	return reader->state == AT_COUNT ? count_take(reader, ret_request) : len_take(reader);
}

enum redis_step redis_request_read(struct redis_request_reader *reader, struct slice *bytes,
				   struct redis_request *ret_request)
{
	for (;;) {
		enum redis_step step;

		if (reader->state == AT_WORD && !reader->left) {
			word_ends(reader);
			if (!reader->words_left)
				return request_ends(reader, ret_request);
			reader->state = AT_TYPE;
		}
		if (!bytes->len)
			return REDIS_MORE;
		step = part_take(reader, bytes, ret_request);
		if (step != REDIS_MORE)
			return step;
	}
}

bool redis_request_skip(struct redis_request_reader *reader, uint64_t len)
{
	if (reader->state != AT_WORD || len > reader->left || is_wanted(reader))
		return false;
	reader->left -= len;
	return true;
}

bool redis_request_is_within(const struct redis_request_reader *reader)
{
	return reader->state != AT_START;
}

bool redis_request_is_named(const struct redis_request_reader *reader)
{
	return reader->request.words > 0;
}

bool redis_begins_request(struct slice bytes)
{
	struct redis_request_reader reader = {0};
	struct redis_request request;

	if (!bytes.len || *bytes.data != '*')
		return false;
	switch (redis_request_read(&reader, &bytes, &request)) {
	case REDIS_END:
		break;
	case REDIS_MORE:
		request = reader.request;
		break;
	case REDIS_MALFORMED:
		return false;
	}
	return request.words && request.command != REDIS_OTHER;
}
