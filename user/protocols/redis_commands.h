// SPDX-License-Identifier: Apache-2.0
// The commands of Redis that have a label of their own, and what is special about the answers to some of
// them. Names that are not known here are one label, since clients may send any.
#ifndef RINGSIDE_PROTOCOLS_REDIS_COMMANDS_H
#define RINGSIDE_PROTOCOLS_REDIS_COMMANDS_H

#include "../exchange.h"

enum redis_role {
	REDIS_PLAIN,
	REDIS_BLOCKS, ///< answered when somebody else does something, or after a time that the client chose
	REDIS_XREAD,  ///< … if it has the option BLOCK
	REDIS_XREADGROUP, ///< the same
	REDIS_CLIENT,     ///< CLIENT REPLY says which commands are answered
	REDIS_MULTI,
	REDIS_MULTI_END, ///< EXEC, DISCARD
	REDIS_HELLO,     ///< chooses the protocol
	REDIS_RESET,     ///< as if the connection were new
	REDIS_MONITOR,   ///< from then on lines are told that nobody asks for
	REDIS_SYNC,      ///< from then on it is no longer this protocol, but a replica's
	/* Answered once for each channel; in the order of enum redis_word. */
	REDIS_SUBSCRIBE,
	REDIS_PSUBSCRIBE,
	REDIS_SSUBSCRIBE,
	REDIS_UNSUBSCRIBE,
	REDIS_PUNSUBSCRIBE,
	REDIS_SUNSUBSCRIBE,
};

struct redis_command {
	const char *name; ///< lower case: a label
	enum redis_role role;
};

/// The number of every name that is not known.
#define REDIS_OTHER 0
/// No command's name is longer.
#define REDIS_NAME_MAX 24

/// The number of a command, whose name may be in any case.
uint16_t redis_command_find(struct slice name);
/// Of such a number.
const struct redis_command *redis_command(uint16_t number);

#endif
