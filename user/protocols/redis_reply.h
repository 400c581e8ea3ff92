// SPDX-License-Identifier: Apache-2.0
// What Redis answers, in RESP2 or RESP3: one whole reply at a time, however it is nested. Pure: bytes in,
// facts out; no allocation, no clock. Format:
// https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md
#ifndef RINGSIDE_PROTOCOLS_REDIS_REPLY_H
#define RINGSIDE_PROTOCOLS_REDIS_REPLY_H

#include "redis_number.h"

/// Values within values: more than clients take (hiredis: 9).
#define REDIS_DEPTH_MAX 16

/// What the reply, or the first element of an array or a push, says. The last six are in the order of enum
/// redis_role.
enum redis_word {
	REDIS_WORD_OTHER,
	REDIS_WORD_QUEUED,  ///< "+QUEUED": the command will be executed by EXEC
	REDIS_WORD_LINE,    ///< a line that begins with a time: what MONITOR tells
	REDIS_WORD_MESSAGE, ///< published, by channel or by pattern
	REDIS_WORD_SUBSCRIBE,
	REDIS_WORD_PSUBSCRIBE,
	REDIS_WORD_SSUBSCRIBE,
	REDIS_WORD_UNSUBSCRIBE,
	REDIS_WORD_PUNSUBSCRIBE,
	REDIS_WORD_SUNSUBSCRIBE,
};

struct redis_reply {
	uint64_t number;   ///< the last that was an element of an array or a push: of subscriptions, how many
			   ///< remain
	uint32_t elements; ///< of an aggregate; those of a streamed one are not counted
	uint32_t errors;   ///< among what it contains: EXEC's
	uint8_t depth;     ///< of the deepest value; 0: no aggregate
	uint8_t word;      ///< enum redis_word
	char type; ///< its first byte (not an attribute's), which says what it is; '>': a push, no answer
	bool error;
	bool null;
};

/// Zeroed at a reply's beginning, and by the reader itself behind an end.
struct redis_reply_reader {
	struct redis_reply reply; ///< the one that goes on; type is 0 until it is known
	struct redis_number number;
	uint64_t left;                      ///< of a string, and the CR LF behind it
	uint32_t elements[REDIS_DEPTH_MAX]; ///< yet to come, of each aggregate that is open
	uint32_t attributes;                ///< which of these are attributes, a bit each
	uint8_t depth;                      ///< how many are open
	uint8_t state;                      ///< enum in redis_reply.c; 0: before a value
	char type;                          ///< of the value that goes on
	bool within;                        ///< a reply goes on
	bool streamed;                      ///< … and in it a string in chunks
	bool ending;                        ///< … and in it a line, whose CR was read
	bool worded;                        ///< … and the value is what `word` of the reply is about
	uint8_t word_len;                   ///< longer words are all the same
	char word[16];
};

/// Takes what comes next off the front of `bytes`. At REDIS_END, *ret_reply is whole.
enum redis_step redis_reply_read(struct redis_reply_reader *reader, struct slice *bytes,
				 struct redis_reply *ret_reply);
/// Bytes that were not seen. False if they are more than the rest of a string that does not matter: then it
/// is not known what comes next.
bool redis_reply_skip(struct redis_reply_reader *reader, uint64_t len);
/// Whether redis_reply_skip would do it.
bool redis_reply_may_skip(const struct redis_reply_reader *reader, uint64_t len);

#endif
