// SPDX-License-Identifier: Apache-2.0
// Reads headers, and of payloads what postgres.h names. postgres_connection.c makes queries of it.
#include "postgres.h"

#include <string.h>

#include "slice.h"

/* What one of a payload's first two strings is. */
enum string { IGNORED, NAME, NAME_BEHIND_KIND, TEXT, FIELDS };

struct kind {
	char type;
	uint8_t strings[2];
	uint32_t min, max; /* of the payload */
};

/* Limits of PostgreSQL's src/include/libpq/libpq.h and src/backend/tcop/postgres.c; servers' messages other
 * than those that libpq's fe-protocol3.c lets be long have 30000 bytes. */
#define SMALL 10000
#define MEDIUM 65535
#define LARGE 0x3fffffff

static const struct kind questions[] = {
	{POSTGRES_BIND, {NAME, NAME}, 8, LARGE},
	{POSTGRES_CLOSE, {NAME_BEHIND_KIND}, 2, SMALL},
	{POSTGRES_DESCRIBE, {NAME_BEHIND_KIND}, 2, SMALL},
	{POSTGRES_EXECUTE, {NAME}, 5, SMALL},
	{POSTGRES_FUNCTION_CALL, {IGNORED}, 10, LARGE},
	{POSTGRES_FLUSH, {IGNORED}, 0, 0},
	{POSTGRES_PARSE, {NAME, TEXT}, 4, LARGE},
	{POSTGRES_QUERY, {TEXT}, 1, LARGE},
	{POSTGRES_SYNC, {IGNORED}, 0, 0},
	{POSTGRES_TERMINATE, {IGNORED}, 0, 0},
	{POSTGRES_COPY_DONE, {IGNORED}, 0, 0},
	{POSTGRES_COPY_DATA, {IGNORED}, 0, LARGE},
	{POSTGRES_COPY_FAIL, {IGNORED}, 1, SMALL},
	{POSTGRES_PASSWORD, {IGNORED}, 0, MEDIUM},
	{0},
};

static const struct kind answers[] = {
	{POSTGRES_PARSED, {IGNORED}, 0, 0},
	{POSTGRES_BOUND, {IGNORED}, 0, 0},
	{POSTGRES_CLOSED, {IGNORED}, 0, 0},
	{POSTGRES_NOTIFICATION, {IGNORED}, 6, LARGE},
	{POSTGRES_COMPLETE, {TEXT}, 1, 30000},
	{POSTGRES_ROW, {IGNORED}, 2, LARGE},
	{POSTGRES_ERROR, {FIELDS, FIELDS}, 1, LARGE},
	{POSTGRES_COPY_IN, {IGNORED}, 3, 30000},
	{POSTGRES_COPY_OUT, {IGNORED}, 3, 30000},
	{POSTGRES_EMPTY, {IGNORED}, 0, 0},
	{POSTGRES_KEY, {IGNORED}, 8, 260},
	{POSTGRES_NOTICE, {IGNORED}, 1, LARGE},
	{POSTGRES_AUTHENTICATION, {IGNORED}, 4, 30000},
	{POSTGRES_PARAMETER, {IGNORED}, 2, 30000},
	{POSTGRES_ROW_DESCRIPTION, {IGNORED}, 2, LARGE},
	{POSTGRES_FUNCTION_RESULT, {IGNORED}, 4, LARGE},
	{POSTGRES_COPY_BOTH, {IGNORED}, 3, 30000},
	{POSTGRES_READY, {IGNORED}, 1, 1},
	{POSTGRES_COPY_DONE, {IGNORED}, 0, 0},
	{POSTGRES_COPY_DATA, {IGNORED}, 0, LARGE},
	{POSTGRES_NO_DATA, {IGNORED}, 0, 0},
	{POSTGRES_SUSPENDED, {IGNORED}, 0, 0},
	{POSTGRES_PARAMETERS, {IGNORED}, 2, LARGE},
	{POSTGRES_VERSIONS, {IGNORED}, 8, 30000},
	{0},
};

/* NULL if there is none. */
static const struct kind *kind_find(uint8_t type, bool server)
{
	const struct kind *kind = server ? answers : questions;

	while (kind->type && (uint8_t)kind->type != type)
		kind++;
	return kind->type ? kind : NULL;
}

static uint32_t number(const void *at)
{
	const uint8_t *bytes = at;

	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

void postgres_reader_init(struct postgres_reader *reader, bool server, bool untyped)
{
	*reader = (struct postgres_reader){.server = server, .untyped = untyped};
}

static void message_begin(struct postgres_reader *reader, struct postgres_message message)
{
	reader->message = message;
	reader->payload_left = message.len;
	reader->header_len = reader->first_len = reader->strings = reader->field = 0;
	reader->string_len = 0;
	reader->names[0] = reader->names[1] = POSTGRES_UNNAMED;
	reader->sql = (struct postgres_sql){0};
	memset(reader->sqlstate, 0, sizeof(reader->sqlstate));
	reader->cut = false;
	reader->within = true;
}

/* Lengths count themselves. */
bool postgres_header(const char *header, bool server, struct postgres_message *ret_message)
{
	const struct kind *kind = kind_find((uint8_t)header[0], server);
	uint32_t len = number(header + 1);

	if (!kind || len < 4 || len - 4 < kind->min || len - 4 > kind->max)
		return false;
	*ret_message = (struct postgres_message){len - 4, (uint8_t)header[0]};
	return true;
}

static bool header_take(struct postgres_reader *reader)
{
	uint32_t len = number(reader->header);
	struct postgres_message message = {len - 4, POSTGRES_STARTUP};

	if (reader->untyped ? len < 8 || len > SMALL
			    : !postgres_header(reader->header, reader->server, &message))
		return false;
	message_begin(reader, message);
	return true;
}

/* Payloads. */

static void field_take(struct postgres_reader *reader, char c)
{
	if (!reader->string_len)
		reader->field = (uint8_t)c;
	else if (reader->field == 'C' && reader->string_len <= POSTGRES_SQLSTATE_LEN)
		reader->sqlstate[reader->string_len - 1] = c;
}

static void string_take(struct postgres_reader *reader, enum string what, char c)
{
	uint64_t *name = &reader->names[reader->strings & 1];

	switch (what) {
	case NAME_BEHIND_KIND:
	case NAME: /* FNV-1a */
		*name = (*name ^ (uint8_t)c) * 0x100000001b3;
		break;
	case TEXT:
		postgres_sql_read(&reader->sql, c);
		break;
	case FIELDS:
		field_take(reader, c);
		break;
	case IGNORED:
		break;
	}
}

static enum string string_what(const struct postgres_reader *reader, const struct kind *kind)
{
	if (kind->strings[0] == FIELDS)
		return reader->sqlstate[0] && reader->field != 'C' ? IGNORED : FIELDS;
	return reader->strings < 2 ? kind->strings[reader->strings] : IGNORED;
}

static void strings_take(struct postgres_reader *reader, const struct kind *kind, struct slice payload)
{
	for (size_t i = 0; i < payload.len; i++) {
		enum string what = string_what(reader, kind);

		if (what == IGNORED)
			return;
		if (what == NAME_BEHIND_KIND && !reader->string_len) {
			reader->string_len++;
			continue;
		}
		if (payload.data[i]) {
			string_take(reader, what, payload.data[i]);
			reader->string_len++;
			continue;
		}
		if (what == TEXT)
			postgres_sql_end(&reader->sql);
		reader->strings += reader->strings < 2;
		reader->string_len = 0;
	}
}

static void payload_take(struct postgres_reader *reader, struct slice payload)
{
	const struct kind *kind = reader->untyped ? NULL : kind_find(reader->message.type, reader->server);

	reader->payload_left -= payload.len;
	if (reader->cut)
		return;
	for (size_t i = 0; i < payload.len && reader->first_len < sizeof(reader->first); i++)
		reader->first[reader->first_len++] = payload.data[i];
	if (kind)
		strings_take(reader, kind, payload);
}

/* Behind a request for encryption, another of the kind may come, or the startup message. */
static bool startup_end(struct postgres_reader *reader)
{
	uint32_t code = 0;

	if (!postgres_code(reader, &code))
		return true;
	reader->untyped = code == POSTGRES_CODE_TLS || code == POSTGRES_CODE_GSS;
	return reader->untyped || code == POSTGRES_CODE_CANCEL || code >> 16 == POSTGRES_VERSION;
}

static enum postgres_step message_end(struct postgres_reader *reader)
{
	reader->within = false;
	if (reader->untyped && !startup_end(reader))
		return POSTGRES_MALFORMED;
	if (reader->server && reader->message.type == POSTGRES_READY && reader->first_len &&
	    !memchr("ITE", reader->first[0], 3))
		return POSTGRES_MALFORMED;
	return POSTGRES_END;
}

/* PostgreSQL of before 2002 answers with an error. */
static enum postgres_step negotiated(struct postgres_reader *reader, char c)
{
	message_begin(reader, (struct postgres_message){0, POSTGRES_NEGOTIATED});
	reader->negotiating = false;
	reader->first[reader->first_len++] = (uint8_t)c;
	return c == 'S' || c == 'N' || c == 'G' ? POSTGRES_BEGIN : POSTGRES_MALFORMED;
}

enum postgres_step postgres_read(struct postgres_reader *reader, struct slice *bytes)
{
	for (;;) {
		unsigned header_len = reader->untyped ? 4 : 5;
		struct slice part;

		if (reader->within && !reader->payload_left)
			return message_end(reader);
		if (!bytes->len)
			return POSTGRES_MORE;
		if (reader->within) {
			payload_take(reader, slice_take(bytes, reader->payload_left));
			continue;
		}
		if (reader->negotiating && *bytes->data != POSTGRES_ERROR)
			return negotiated(reader, *slice_take(bytes, 1).data);
		reader->negotiating = false;
		part = slice_take(bytes, header_len - reader->header_len);
		memcpy(reader->header + reader->header_len, part.data, part.len);
		reader->header_len += part.len;
		if (reader->header_len == header_len)
			return header_take(reader) ? POSTGRES_BEGIN : POSTGRES_MALFORMED;
	}
}

bool postgres_may_skip(const struct postgres_reader *reader, uint64_t len)
{
	return reader->within && len <= reader->payload_left;
}

bool postgres_skip(struct postgres_reader *reader, uint64_t len)
{
	if (!postgres_may_skip(reader, len))
		return false;
	reader->payload_left -= len;
	reader->cut |= len > 0;
	return true;
}

bool postgres_code(const struct postgres_reader *reader, uint32_t *ret_code)
{
	if (reader->first_len < sizeof(reader->first))
		return false;
	*ret_code = number(reader->first);
	return true;
}

bool postgres_name(const struct postgres_reader *reader, unsigned index, uint64_t *ret_hash)
{
	if (reader->strings <= index)
		return false;
	*ret_hash = reader->names[index];
	return true;
}
