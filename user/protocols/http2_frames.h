// SPDX-License-Identifier: Apache-2.0
// Frames of HTTP/2 (RFC 9113 sections 4 and 6), one direction of a connection. Pure: bytes in, facts out; no
// allocation, no clock. All slices borrow from the input.
#ifndef RINGSIDE_PROTOCOLS_HTTP2_FRAMES_H
#define RINGSIDE_PROTOCOLS_HTTP2_FRAMES_H

#include "../exchange.h"

enum http2_type {
	HTTP2_DATA,
	HTTP2_HEADERS,
	HTTP2_PRIORITY,
	HTTP2_RST_STREAM,
	HTTP2_SETTINGS,
	HTTP2_PUSH_PROMISE,
	HTTP2_PING,
	HTTP2_GOAWAY,
	HTTP2_WINDOW_UPDATE,
	HTTP2_CONTINUATION,
};

enum http2_flag {
	HTTP2_END_STREAM = 0x1,
	HTTP2_END_HEADERS = 0x4,
	HTTP2_PADDED = 0x8,
	HTTP2_HAS_PRIORITY = 0x20,
};

/// Error codes of RST_STREAM (section 7) that mean something to us.
enum http2_error { HTTP2_NO_ERROR = 0, HTTP2_REFUSED_STREAM = 7, HTTP2_CANCEL = 8 };

#define HTTP2_FRAME_HEADER_LEN 9
#define HTTP2_PREFACE_LEN 24

struct http2_frame {
	uint32_t len; ///< of the payload
	uint32_t stream;
	uint8_t type; ///< enum http2_type, or one that is not known
	uint8_t flags;
};

/// Zeroed at a frame's beginning; with preface_left = HTTP2_PREFACE_LEN at the beginning of what a client
/// sends.
struct http2_reader {
	struct http2_frame frame; ///< the one that goes on
	uint32_t preface_left;
	uint32_t payload_left;
	uint8_t header[HTTP2_FRAME_HEADER_LEN];
	uint8_t header_len;
	bool within; ///< a frame has begun and was not ended yet
};

enum http2_step {
	HTTP2_MORE,      ///< all bytes are used
	HTTP2_BEGIN,     ///< reader->frame is a new one
	HTTP2_PAYLOAD,   ///< a part of its payload
	HTTP2_END,       ///< it is over
	HTTP2_MALFORMED, ///< the preface is none: not HTTP/2
};

/// Takes what comes next off the front of `bytes`.
enum http2_step http2_read(struct http2_reader *reader, struct slice *bytes, struct slice *ret_payload);
/// Whether the next bytes are the inside of DATA: whoever has not seen them has missed nothing.
bool http2_may_skip(const struct http2_reader *reader, uint64_t len);
/// Bytes that were not seen. False, and nothing done, if they may have said something.
bool http2_skip(struct http2_reader *reader, uint64_t len);

/// Whether these bytes, of which it is not known what they are, look like the beginning of a HEADERS frame of
/// a request or an answer.
bool http2_begins_headers(struct slice bytes);

/// The header block's fragment in a whole payload of HEADERS, PUSH_PROMISE or CONTINUATION: without padding
/// and what else stands before it. False if the payload is too short for what its flags say.
bool http2_block(const struct http2_frame *frame, struct slice payload, struct slice *ret_block);

#endif
