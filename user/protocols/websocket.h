// SPDX-License-Identifier: Apache-2.0
// Frames of WebSocket (RFC 6455 section 5), one direction of a connection. Pure: bytes in, facts out; no
// allocation, no clock. Payloads are not looked into, so that it does not matter whether they are compressed.
#ifndef RINGSIDE_PROTOCOLS_WEBSOCKET_H
#define RINGSIDE_PROTOCOLS_WEBSOCKET_H

#include "../exchange.h"

enum websocket_opcode {
	WEBSOCKET_CONTINUATION = 0,
	WEBSOCKET_TEXT = 1,
	WEBSOCKET_BINARY = 2,
	WEBSOCKET_CLOSE = 8,
	WEBSOCKET_PING = 9,
	WEBSOCKET_PONG = 10,
};

/// Close codes that no frame carries (section 7.4.1).
enum { WEBSOCKET_NO_STATUS = 1005, WEBSOCKET_ABNORMAL = 1006 };

#define WEBSOCKET_HEADER_MAX 14

struct websocket_frame {
	uint64_t len; ///< of the payload
	uint8_t opcode;
	bool fin;
	bool masked;
	uint8_t mask[4];
};

/// Zeroed at a frame's beginning.
struct websocket_reader {
	struct websocket_frame frame; ///< the one that goes on
	uint64_t payload_left;
	uint8_t header[WEBSOCKET_HEADER_MAX];
	uint8_t header_len;
	uint8_t code[2]; ///< the first two bytes of a close frame's payload, unmasked …
	uint8_t code_len;
	bool within; ///< a frame has begun and was not ended yet
};

enum websocket_step {
	WEBSOCKET_MORE,      ///< all bytes are used
	WEBSOCKET_BEGIN,     ///< reader->frame is a new one
	WEBSOCKET_END,       ///< it is over
	WEBSOCKET_MALFORMED, ///< no frame begins so (sections 5.2 and 5.5)
};

/// Takes what comes next off the front of `bytes`.
enum websocket_step websocket_read(struct websocket_reader *reader, struct slice *bytes);
/// Bytes that were not seen. False if they are more than what the frame still had, or not inside of one: then
/// where the next one begins is not known.
bool websocket_skip(struct websocket_reader *reader, uint64_t len);
/// Whether bytes that were not seen can be no more than what the frame still has.
bool websocket_may_skip(const struct websocket_reader *reader, uint64_t len);
/// Whether the bytes, of which it is not known where a frame begins, are whole frames, one behind the other:
/// by chance that is one in some hundred thousand. `masked`: a client sent them (section 5.3).
bool websocket_are_frames(struct slice bytes, bool masked);
/// Whether the frame begins a message.
bool websocket_begins_message(const struct websocket_frame *frame);
/// At the end of a close frame: its code, or WEBSOCKET_NO_STATUS.
uint16_t websocket_close_code(const struct websocket_reader *reader);

#endif
