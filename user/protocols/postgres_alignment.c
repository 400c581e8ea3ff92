// SPDX-License-Identifier: Apache-2.0
// A header alone is found in one of some thousand places of binary data by chance: payloads are looked into,
// too.
#include "postgres_alignment.h"

#include <string.h>

#include "postgres.h"

static struct slice behind(struct slice bytes, size_t len)
{
	return (struct slice){bytes.data + len, bytes.len - len};
}

/* Longer ones are not looked for: the high bytes of a length are zero then, which text has none of. */
#define LEN_MAX (1 << 20)

/* Ends in its only zero byte, which is yet to come if the bytes are not all. */
static bool is_string(struct slice bytes, bool whole)
{
	const char *zero = bytes.len ? memchr(bytes.data, 0, bytes.len) : NULL;

	return whole ? zero && zero == bytes.data + bytes.len - 1 : !zero;
}

static bool is_tag(struct slice bytes, bool whole)
{
	return is_string(bytes, whole) && (!bytes.len || (bytes.data[0] >= 'A' && bytes.data[0] <= 'Z'));
}

/* Severity comes first; a zero byte is behind the last field's own. */
static bool is_error(struct slice bytes, bool whole)
{
	if (bytes.len && bytes.data[0] != 'S')
		return false;
	return !whole || (bytes.len > 2 && !bytes.data[bytes.len - 1] && !bytes.data[bytes.len - 2]);
}

static uint32_t number(const char *at, unsigned len)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < len; i++)
		value = value << 8 | (uint8_t)at[i];
	return value;
}

/* Columns, each of which has its length before it; none if it is NULL. */
static bool is_row(struct slice bytes, bool whole)
{
	uint32_t columns;

	if (bytes.len < 2)
		return true;
	columns = number(bytes.data, 2);
	bytes = behind(bytes, 2);
	for (; columns && bytes.len >= 4; columns--) {
		uint32_t len = number(bytes.data, 4);

		bytes = behind(bytes, 4);
		if (len == UINT32_MAX)
			continue;
		if (len > bytes.len)
			return !whole && len <= INT32_MAX;
		bytes = behind(bytes, len);
	}
	return whole ? !columns && !bytes.len : columns > 0;
}

static bool is_named(struct slice bytes, bool whole)
{
	if (bytes.len && bytes.data[0] != 'S' && bytes.data[0] != 'P')
		return false;
	return bytes.len < 2 || is_string(behind(bytes, 1), whole);
}

static bool is_answer(uint8_t type, struct slice payload, bool whole)
{
	switch (type) {
	case POSTGRES_COMPLETE:
		return is_tag(payload, whole);
	case POSTGRES_ERROR:
	case POSTGRES_NOTICE:
		return is_error(payload, whole);
	case POSTGRES_READY:
		return !payload.len || memchr("ITE", payload.data[0], 3);
	case POSTGRES_ROW:
		return is_row(payload, whole);
	}
	return true;
}

static bool is_question(uint8_t type, struct slice payload, bool whole)
{
	switch (type) {
	case POSTGRES_QUERY:
		return is_string(payload, whole);
	case POSTGRES_DESCRIBE:
	case POSTGRES_CLOSE:
		return is_named(payload, whole);
	}
	return true;
}

/* The length of the message that begins with the bytes; it may be more than there are. 0 if none does. */
static size_t message_len(struct slice bytes, bool server)
{
	struct postgres_message message;
	struct slice payload;
	bool whole, fits;

	if (bytes.len < POSTGRES_HEADER_MAX || !postgres_header(bytes.data, server, &message) ||
	    message.len > LEN_MAX)
		return 0;
	payload = behind(bytes, POSTGRES_HEADER_MAX);
	whole = message.len <= payload.len;
	if (whole)
		payload.len = message.len;
	fits = server ? is_answer(message.type, payload, whole) : is_question(message.type, payload, whole);
	return fits ? POSTGRES_HEADER_MAX + message.len : 0;
}

bool postgres_begins(struct slice bytes, bool server)
{
	bool begun = false;

	while (bytes.len >= POSTGRES_HEADER_MAX) {
		size_t len = message_len(bytes, server);

		if (!len)
			return false;
		begun = true;
		bytes = behind(bytes, len < bytes.len ? len : bytes.len);
	}
	return begun;
}

static bool is_end(char type)
{
	return type == POSTGRES_COMPLETE || type == POSTGRES_ERROR || type == POSTGRES_READY;
}

size_t postgres_tail(struct slice bytes)
{
	size_t skipped = bytes.len > POSTGRES_TAIL_MAX ? bytes.len - POSTGRES_TAIL_MAX : 0;
	struct slice tail = behind(bytes, skipped);
	bool reaches[POSTGRES_TAIL_MAX + 1] = {false}; /* the end, from there on */
	size_t first = tail.len;

	for (size_t at = tail.len; at-- > 0;) {
		size_t len = message_len(behind(tail, at), true);

		if (!len || len > tail.len - at)
			continue;
		reaches[at] = at + len == tail.len ? is_end(tail.data[at]) : reaches[at + len];
		if (reaches[at] && is_end(tail.data[at]))
			first = at;
	}
	return skipped + first;
}
