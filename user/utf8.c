// SPDX-License-Identifier: Apache-2.0
// Tells well-formed UTF-8 from other bytes, a character at a time. What becomes of the others is the caller's
// choice: U+FFFD in labels and log lines, a placeholder in route templates.
#include "utf8.h"

bool utf8_is_tail(char byte)
{
	return ((unsigned char)byte & 0xc0) == 0x80;
}

size_t utf8_length(const char *text, size_t room)
{
	// By length: a lower code is overlong.
	static const unsigned least[] = {0, 0, 0x80, 0x800, 0x10000};
	unsigned lead = (unsigned char)*text, code = lead;
	size_t len = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

	if (len > room || (lead >= 0x80 && lead < 0xc2) || lead > 0xf4)
		return 0;
	if (len > 1)
		code = lead & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if (!utf8_is_tail(text[i]))
			return 0;
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	}
	if (code < least[len] || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff)
		return 0;
	return len;
}

bool utf8_is_control(const char *text, size_t len)
{
	unsigned char first = (unsigned char)text[0];

	if (len == 1)
		return first < 0x20 || first == 0x7f;
	return len == 2 && first == 0xc2 && (unsigned char)text[1] < 0xa0;
}
