// SPDX-License-Identifier: Apache-2.0
// A growing string. Failure to grow is sticky: later writes do nothing, `buffer_ok` says so once at the end.
#ifndef RINGSIDE_BUFFER_H
#define RINGSIDE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
	char *data; ///< owned, not terminated
	size_t len;
	size_t capacity;
	bool failed;
};

void buffer_free(struct buffer *buffer);  ///< accepts a zeroed buffer; leaves one behind
void buffer_clear(struct buffer *buffer); ///< empties it, keeps the memory
void buffer_bytes(struct buffer *buffer, const void *data, size_t len);
void buffer_text(struct buffer *buffer, const char *text);
void buffer_format(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buffer_ok(const struct buffer *buffer);

#endif
