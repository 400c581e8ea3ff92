// SPDX-License-Identifier: Apache-2.0
// Reads the headers of WebSocket frames and the code of a close frame. websockets.c counts what it finds.
#include "websocket.h"

#include <string.h>

#include "slice.h"

static unsigned extended_len(uint8_t second)
{
	return (second & 0x7f) == 126 ? 2 : (second & 0x7f) == 127 ? 8 : 0;
}

/* Two bytes until the second says how many there are. */
static unsigned header_len(const struct websocket_reader *reader)
{
	if (reader->header_len < 2)
		return 2;
	return 2 + extended_len(reader->header[1]) + (reader->header[1] & 0x80 ? 4 : 0);
}

/* Opcodes that are registered; control frames are short and whole. Reserved bits mean extensions, of which
 * permessage-deflate sets one. */
static bool is_plausible(const struct websocket_frame *frame)
{
	bool control = frame->opcode & 8;

	if (frame->opcode > WEBSOCKET_PONG || (frame->opcode > WEBSOCKET_BINARY && !control))
		return false;
	return (!control || (frame->fin && frame->len <= 125)) && !(frame->len >> 63);
}

static bool header_take(struct websocket_reader *reader)
{
	const uint8_t *header = reader->header;
	unsigned extended = extended_len(header[1]);
	struct websocket_frame frame = {
		.len = header[1] & 0x7f,
		.opcode = header[0] & 0x0f,
		.fin = header[0] & 0x80,
		.masked = header[1] & 0x80,
	};

	if (extended)
		frame.len = 0;
	for (unsigned i = 0; i < extended; i++)
		frame.len = frame.len << 8 | header[2 + i];
	if (frame.masked)
		memcpy(frame.mask, header + 2 + extended, sizeof(frame.mask));
	reader->frame = frame;
	reader->payload_left = frame.len;
	reader->header_len = 0;
	reader->code_len = 0;
	reader->within = true;
	return is_plausible(&frame);
}

static void payload_take(struct websocket_reader *reader, struct slice payload)
{
	uint64_t at = reader->frame.len - reader->payload_left;

	for (size_t i = 0; i < payload.len && at + i < 2 && reader->frame.opcode == WEBSOCKET_CLOSE; i++)
		reader->code[reader->code_len++] =
			(uint8_t)payload.data[i] ^ (reader->frame.masked ? reader->frame.mask[at + i] : 0);
	reader->payload_left -= payload.len;
}

enum websocket_step websocket_read(struct websocket_reader *reader, struct slice *bytes)
{
	for (;;) {
		struct slice part;

		if (reader->within && !reader->payload_left) {
			reader->within = false;
			return WEBSOCKET_END;
		}
		if (!bytes->len)
			return WEBSOCKET_MORE;
		if (reader->within) {
			payload_take(reader, slice_take(bytes, reader->payload_left));
			continue;
		}
		part = slice_take(bytes, header_len(reader) - reader->header_len);
		memcpy(reader->header + reader->header_len, part.data, part.len);
		reader->header_len += part.len;
		if (reader->header_len >= 2 && reader->header_len == header_len(reader))
			return header_take(reader) ? WEBSOCKET_BEGIN : WEBSOCKET_MALFORMED;
	}
}

bool websocket_may_skip(const struct websocket_reader *reader, uint64_t len)
{
	return reader->within && len <= reader->payload_left;
}

bool websocket_are_frames(struct slice bytes, bool masked)
{
	struct websocket_reader reader = {0};
	bool ended = false;

	for (;;) {
		switch (websocket_read(&reader, &bytes)) {
		case WEBSOCKET_MORE:
			return ended && !reader.header_len && !reader.within;
		case WEBSOCKET_BEGIN:
			if (reader.frame.masked != masked)
				return false;
			break;
		case WEBSOCKET_END:
			ended = true;
			break;
		case WEBSOCKET_MALFORMED:
			return false;
		}
	}
}

bool websocket_skip(struct websocket_reader *reader, uint64_t len)
{
	if (!websocket_may_skip(reader, len))
		return false;
	reader->payload_left -= len;
	return true;
}

bool websocket_begins_message(const struct websocket_frame *frame)
{
	return frame->opcode == WEBSOCKET_TEXT || frame->opcode == WEBSOCKET_BINARY;
}

uint16_t websocket_close_code(const struct websocket_reader *reader)
{
	return reader->code_len == 2 ? (uint16_t)(reader->code[0] << 8 | reader->code[1])
				     : WEBSOCKET_NO_STATUS;
}
