// SPDX-License-Identifier: Apache-2.0
// Which bytes are a character. Whoever writes out what strangers chose asks: labels, log lines, route
// templates.
#ifndef RINGSIDE_UTF8_H
#define RINGSIDE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/// The length of the well-formed character at `text` (RFC 3629), 0 if there is none within `room`, which is
/// not 0. Nothing is read behind a byte that ends the sequence early: a terminated text may be given any
/// room.
size_t utf8_length(const char *text, size_t room);
/// Whether a byte can only stand inside or at the end of a longer character.
bool utf8_is_tail(char byte);
/// Whether the character of `len` bytes at `text` is a control character, C1's included: terminals obey
/// those.
bool utf8_is_control(const char *text, size_t len);

#endif
