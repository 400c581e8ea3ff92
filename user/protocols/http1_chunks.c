// SPDX-License-Identifier: Apache-2.0
// Walks chunked bodies byte by byte but for the chunks' data, which it steps over. Used where every byte of a
// connection is seen, to know where the next request or answer begins.
#include "http1_chunks.h"

#include "http1_fields.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum decode size_digit(struct http1_chunks *chunks, char c)
{
	int value = hex_value(c);

	if (value < 0 || chunks->left >= HTTP1_LENGTH_MAX / 16)
		return DECODE_MALFORMED;
	chunks->left = chunks->left * 16 + (uint64_t)value;
	chunks->state = CHUNKS_SIZE;
	return DECODE_MORE;
}

static enum decode size_ended(struct http1_chunks *chunks, char c)
{
	if (c == '\n')
		chunks->state = chunks->left ? CHUNKS_DATA : CHUNKS_TRAILER_BEGIN;
	else if (c == '\r' || c == ';' || c == ' ' || c == '\t')
		chunks->state = CHUNKS_EXTENSION;
	else
		return size_digit(chunks, c);
	return DECODE_MORE;
}

static enum decode expect_lf(struct http1_chunks *chunks, char c, enum http1_chunks_state then)
{
	if (c != '\n')
		return DECODE_MALFORMED;
	chunks->state = then;
	return DECODE_MORE;
}

/* Any byte but one of a chunk's data. DECODE_OK: it is the body's last. */
static enum decode step(struct http1_chunks *chunks, char c)
{
	switch (chunks->state) {
	case CHUNKS_SIZE_BEGIN:
		return size_digit(chunks, c);
	case CHUNKS_SIZE:
		return size_ended(chunks, c);
	case CHUNKS_EXTENSION:
		return c == '\n' ? size_ended(chunks, c) : DECODE_MORE;
	case CHUNKS_DATA:
		return DECODE_MALFORMED;
	case CHUNKS_DATA_END:
		if (c != '\r')
			return expect_lf(chunks, c, CHUNKS_SIZE_BEGIN);
		chunks->state = CHUNKS_DATA_LF;
		return DECODE_MORE;
	case CHUNKS_DATA_LF:
		return expect_lf(chunks, c, CHUNKS_SIZE_BEGIN);
	case CHUNKS_TRAILER_BEGIN:
		if (c == '\n')
			return DECODE_OK;
		chunks->state = c == '\r' ? CHUNKS_LAST_LF : CHUNKS_TRAILER;
		return DECODE_MORE;
	case CHUNKS_TRAILER:
		return c == '\n' ? expect_lf(chunks, c, CHUNKS_TRAILER_BEGIN) : DECODE_MORE;
	case CHUNKS_LAST_LF:
		return c == '\n' ? DECODE_OK : DECODE_MALFORMED;
	}
	return DECODE_MALFORMED;
}

enum decode http1_chunks_walk(struct http1_chunks *chunks, struct slice bytes, size_t *ret_len)
{
	size_t at = 0;

	while (at < bytes.len) {
		enum decode outcome = DECODE_MORE;

		if (chunks->state == CHUNKS_DATA) {
			uint64_t len = chunks->left < bytes.len - at ? chunks->left : bytes.len - at;

			at += len;
			chunks->left -= len;
			if (!chunks->left)
				chunks->state = CHUNKS_DATA_END;
		} else {
			outcome = step(chunks, bytes.data[at++]);
		}
		if (outcome == DECODE_OK)
			*ret_len = at;
		if (outcome != DECODE_MORE)
			return outcome;
	}
	return DECODE_MORE;
}
