// SPDX-License-Identifier: Apache-2.0
// What the readers of Redis' requests and of its replies share: their outcomes, and the numbers in both that
// say how much comes behind them.
#ifndef RINGSIDE_PROTOCOLS_REDIS_NUMBER_H
#define RINGSIDE_PROTOCOLS_REDIS_NUMBER_H

#include "../exchange.h"

enum redis_step {
	REDIS_MORE,      ///< all bytes are used
	REDIS_END,       ///< what was read is whole
	REDIS_MALFORMED, ///< not this protocol
};

/// Zeroed at its beginning.
struct redis_number {
	uint64_t value; ///< without its sign
	uint8_t len;    ///< bytes so far
	bool digit;     ///< the last of them is one: a sign alone is no number
	bool negative;
	bool unknown; ///< '?': how much, will be seen
	bool ending;  ///< its CR was read
};

/// Takes a number and its CR LF off the front of `bytes`.
enum redis_step redis_number_read(struct redis_number *number, struct slice *bytes);
/// Takes what there is of a string or of the CR LF behind it, `left` bytes in all and not 0, off the front of
/// `bytes`, of which there are some. The string's part is in *ret_part, which is empty within the CR LF.
/// REDIS_MORE or REDIS_MALFORMED.
enum redis_step redis_string_read(uint64_t *left, struct slice *bytes, struct slice *ret_part);

#endif
