// SPDX-License-Identifier: Apache-2.0
// Reads frames of HTTP/2 from pieces of a connection. http2_connection.c knows what they mean.
#include "http2_frames.h"

#include <string.h>

#include "slice.h"

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

_Static_assert(sizeof(preface) - 1 == HTTP2_PREFACE_LEN, "RFC 9113 section 3.4");

static uint32_t number(const uint8_t *bytes, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | bytes[i];
	return value;
}

static bool preface_read(struct http2_reader *reader, struct slice *bytes)
{
	struct slice part = slice_take(bytes, reader->preface_left);
	const char *expected = preface + HTTP2_PREFACE_LEN - reader->preface_left;

	reader->preface_left -= part.len;
	return !memcmp(part.data, expected, part.len);
}

static bool header_read(struct http2_reader *reader, struct slice *bytes)
{
	struct slice part = slice_take(bytes, HTTP2_FRAME_HEADER_LEN - reader->header_len);
	const uint8_t *header = reader->header;

	memcpy(reader->header + reader->header_len, part.data, part.len);
	reader->header_len += part.len;
	if (reader->header_len < HTTP2_FRAME_HEADER_LEN)
		return false;
	reader->header_len = 0;
	reader->frame = (struct http2_frame){
		.len = number(header, 3),
		.type = header[3],
		.flags = header[4],
		.stream = number(header + 5, 4) & 0x7fffffff,
	};
	reader->payload_left = reader->frame.len;
	reader->within = true;
	return true;
}

enum http2_step http2_read(struct http2_reader *reader, struct slice *bytes, struct slice *ret_payload)
{
	if (reader->preface_left && bytes->len && !preface_read(reader, bytes))
		return HTTP2_MALFORMED;
	if (reader->within && !reader->payload_left) {
		reader->within = false;
		return HTTP2_END;
	}
	if (!bytes->len)
		return HTTP2_MORE;
	if (!reader->within)
		return header_read(reader, bytes) ? HTTP2_BEGIN : HTTP2_MORE;
	*ret_payload = slice_take(bytes, reader->payload_left);
	reader->payload_left -= ret_payload->len;
	return HTTP2_PAYLOAD;
}

bool http2_may_skip(const struct http2_reader *reader, uint64_t len)
{
	return reader->within && reader->frame.type == HTTP2_DATA && len <= reader->payload_left;
}

bool http2_skip(struct http2_reader *reader, uint64_t len)
{
	if (!http2_may_skip(reader, len))
		return false;
	reader->payload_left -= len;
	return true;
}

bool http2_begins_headers(struct slice bytes)
{
	const uint8_t *header = (const uint8_t *)bytes.data;
	const uint8_t flags = HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_HAS_PRIORITY;
	uint32_t len;

	if (bytes.len < HTTP2_FRAME_HEADER_LEN)
		return false;
	len = number(header, 3);
	return len && len <= 16384 && header[3] == HTTP2_HEADERS && !(header[4] & ~flags) &&
	       !(header[5] & 0x80) && header[8] & 1;
}

bool http2_block(const struct http2_frame *frame, struct slice payload, struct slice *ret_block)
{
	size_t before = 0, padding = 0;

	if (frame->type != HTTP2_CONTINUATION && frame->flags & HTTP2_PADDED) {
		if (!payload.len)
			return false;
		padding = (uint8_t)payload.data[0];
		before = 1;
	}
	if (frame->type == HTTP2_HEADERS && frame->flags & HTTP2_HAS_PRIORITY)
		before += 5;
	if (frame->type == HTTP2_PUSH_PROMISE)
		before += 4;
	if (before + padding > payload.len)
		return false;
	*ret_block = payload;
	if (before)
		ret_block->data += before;
	ret_block->len -= before + padding;
	return true;
}
