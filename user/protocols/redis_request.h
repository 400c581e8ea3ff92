// SPDX-License-Identifier: Apache-2.0
// What clients of Redis send: commands, as arrays of strings or as plain lines ("inline"). Pure: bytes in,
// facts out; no allocation, no clock. Arguments are not kept; of a few commands it is known whether they have
// an option that changes how they are answered. Format:
// https://redis.io/docs/latest/develop/reference/protocol-spec/
#ifndef RINGSIDE_PROTOCOLS_REDIS_REQUEST_H
#define RINGSIDE_PROTOCOLS_REDIS_REQUEST_H

#include "redis_commands.h"
#include "redis_number.h"

/// What CLIENT REPLY asks for.
enum redis_reply_mode {
	REDIS_REPLY_AS_IS, ///< any other command
	REDIS_REPLY_ON,
	REDIS_REPLY_OFF,
	REDIS_REPLY_SKIP,
};

struct redis_request {
	uint32_t words; ///< the command's name and its arguments; 0: nothing was asked, which is not answered
	uint16_t command; ///< redis_command()
	uint8_t reply_mode;
	bool blocks; ///< may wait for others' doing: its time is not the server's
};

/// Zeroed at a request's beginning, and by the reader itself behind an end.
struct redis_request_reader {
	struct redis_request request; ///< the one that goes on
	struct redis_number number;
	uint64_t left;       ///< of the word that goes on with its CR LF, or of the longest line
	uint32_t words_left; ///< not begun yet
	uint8_t state;       ///< enum in redis_request.c; 0 between requests
	uint8_t option;      ///< the same: what the words so far ask for
	uint8_t quote;       ///< that is open in an inline word, 0 outside
	bool escaped;        ///< the byte before was a backslash
	bool closed;         ///< … or closed a quote, which ends the word
	bool open;           ///< the inline word has begun
	uint8_t word_len;    ///< longer words are all the same
	char word[REDIS_NAME_MAX];
};

/// Takes what comes next off the front of `bytes`. At REDIS_END, *ret_request is whole.
enum redis_step redis_request_read(struct redis_request_reader *reader, struct slice *bytes,
				   struct redis_request *ret_request);
/// Bytes that were not seen. False if they are more than the rest of an argument that does not matter: then
/// it is not known what comes next.
bool redis_request_skip(struct redis_request_reader *reader, uint64_t len);
/// Whether a request goes on.
bool redis_request_is_within(const struct redis_request_reader *reader);
/// Whether the name of the one that goes on is known.
bool redis_request_is_named(const struct redis_request_reader *reader);
/// Whether the bytes, of which it is not known where a request begins, begin with one: a known command.
bool redis_begins_request(struct slice bytes);

#endif
