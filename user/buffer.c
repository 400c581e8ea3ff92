// SPDX-License-Identifier: Apache-2.0
// A growing string for whatever is written out: metrics, pages, JSON. Its bytes go to the server.
#include "buffer.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_FIRST_CAPACITY = 256 };

/// Makes room for `len` more bytes than there is now.
static bool buffer_grow(struct buffer *buffer, size_t len)
{
	size_t capacity = buffer->capacity ? buffer->capacity : BUFFER_FIRST_CAPACITY;
	char *data;

	buffer->failed = true;
	if (len > SIZE_MAX / 4 - buffer->len)
		return false;
	while (capacity - buffer->len < len)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (!data)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	buffer->failed = false;
	return true;
}

static bool buffer_reserve(struct buffer *buffer, size_t len)
{
	if (buffer->failed)
		return false;
	return len <= buffer->capacity - buffer->len || buffer_grow(buffer, len);
}

void buffer_free(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->len = 0;
	buffer->failed = false;
}

void buffer_bytes(struct buffer *buffer, const void *data, size_t len)
{
	if (len == 0 || !buffer_reserve(buffer, len))
		return;
	memcpy(buffer->data + buffer->len, data, len);
	buffer->len += len;
}

void buffer_text(struct buffer *buffer, const char *text)
{
	buffer_bytes(buffer, text, strlen(text));
}

void buffer_format(struct buffer *buffer, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0) {
		buffer->failed = true;
		return;
	}
	// One byte more than it keeps: vsnprintf insists on its terminator.
	if (!buffer_reserve(buffer, (size_t)len + 1))
		return;
	va_start(args, format);
	vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, args);
	va_end(args);
	buffer->len += (size_t)len;
}

bool buffer_ok(const struct buffer *buffer)
{
	return !buffer->failed;
}
