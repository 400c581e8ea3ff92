// SPDX-License-Identifier: Apache-2.0
// Finds ICE candidates in text, byte by byte, so that it does not matter where the text is cut. Whoever has
// the signalling adds up what it finds.
#include "candidates.h"

#include <string.h>

static const char prefix[] = "candidate:";
static const char digits[] = "0123456789";

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* The fields before the type, each with a space behind it. */
static const struct {
	const char *bytes;
	uint8_t max;
} fields[] = {
	{LETTERS "0123456789+/", 32},     /* foundation */
	{"1", 1},                         /* component: see the header */
	{LETTERS "0123456789-", 16},      /* transport */
	{digits, 10},                     /* priority */
	{LETTERS "0123456789.:%_-", 253}, /* address, or a name of mDNS */
	{digits, 5},                      /* port */
	{"typ", 3},
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char *const type_names[ICE_TYPES] = {
	[ICE_HOST] = "host",
	[ICE_SRFLX] = "srflx",
	[ICE_PRFLX] = "prflx",
	[ICE_RELAY] = "relay",
};

const char *ice_type_name(enum ice_type type)
{
	return type_names[type];
}

static void field_begin(struct candidates_reader *reader, uint8_t field)
{
	reader->field = field;
	reader->len = 0;
	reader->types = (1 << ICE_TYPES) - 1;
}

static void type_end(struct candidates_reader *reader)
{
	for (unsigned type = 0; type < ICE_TYPES; type++)
		reader->found[type] += reader->types >> type & 1 && reader->len == strlen(type_names[type]);
	reader->field = 0;
}

/* A longer word is none of the types: its end has to be seen. */
static void type_read(struct candidates_reader *reader, char byte)
{
	if (!strchr(LETTERS, byte)) {
		type_end(reader);
		return;
	}
	for (unsigned type = 0; type < ICE_TYPES; type++)
		if (reader->len >= strlen(type_names[type]) || type_names[type][reader->len] != byte)
			reader->types &= ~(1 << type);
	reader->len++;
	if (!reader->types)
		reader->field = 0;
}

static void field_read(struct candidates_reader *reader, char byte)
{
	unsigned field = reader->field - 1;

	if (field == FIELDS)
		type_read(reader, byte);
	else if (byte == ' ' && reader->len && (field != FIELDS - 1 || reader->len == fields[field].max))
		field_begin(reader, reader->field + 1);
	else if (byte && reader->len < fields[field].max &&
		 (field == FIELDS - 1 ? fields[field].bytes[reader->len] == byte
				      : strchr(fields[field].bytes, byte) != NULL))
		reader->len++;
	else
		reader->field = 0;
}

void candidates_read(struct candidates_reader *reader, struct slice text)
{
	for (size_t i = 0; i < text.len; i++) {
		char byte = text.data[i];

		if (reader->field)
			field_read(reader, byte);
		/* None of its bytes but the first is a `c`: there is nothing to go back to. */
		reader->prefix = byte == prefix[reader->prefix] ? reader->prefix + 1 : byte == prefix[0];
		if (reader->prefix == sizeof(prefix) - 1) {
			reader->prefix = 0;
			field_begin(reader, 1);
		}
	}
}

void candidates_end(struct candidates_reader *reader)
{
	if (reader->field == FIELDS + 1)
		type_end(reader);
	reader->prefix = reader->field = 0;
}
