// SPDX-License-Identifier: Apache-2.0
// gzip through zlib, and the question whether a client takes it. The server calls it for each large answer.
#include "compress.h"
#include <errno.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

enum {
	GZIP_WINDOW_BITS = 15 + 16, ///< 16: a gzip header instead of zlib's
	GZIP_MEM_LEVEL = 8,
	CHUNK_SIZE = 16384,
};

static bool token_is(const char *token, size_t len, const char *name)
{
	return strlen(name) == len && strncasecmp(token, name, len) == 0;
}

/// Whether what follows a token (";q=0.000") refuses it. Only zero does; a q-value that is none is no
/// refusal.
static bool refused(const char *parameters)
{
	const char *quality = parameters + strspn(parameters, " \t;");
	size_t zeros;

	if (strncasecmp(quality, "q=", 2) != 0)
		return false;
	quality += 2;
	zeros = strspn(quality, "0.");
	return zeros > 0 && strspn(quality + zeros, "123456789") == 0;
}

bool compress_offered(const char *accept_encoding)
{
	bool any = false;

	for (const char *element = accept_encoding; element && *element;) {
		size_t len = strcspn(element, ",");
		size_t name = strcspn(element, " \t;,");
		bool taken = !refused(element + name);

		if (token_is(element, name, "gzip") || token_is(element, name, "x-gzip"))
			return taken;
		if (token_is(element, name, "*"))
			any = taken;
		element += len;
		element += strspn(element, ", \t");
	}
	return any;
}

int compress_gzip(struct buffer *out, const void *data, size_t len)
{
	unsigned char chunk[CHUNK_SIZE];
	z_stream stream = {0};
	int result;

	if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEM_LEVEL,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	stream.next_in = (unsigned char *)data;
	stream.avail_in = (unsigned)len;
	do {
		stream.next_out = chunk;
		stream.avail_out = sizeof(chunk);
		result = deflate(&stream, Z_FINISH);
		buffer_bytes(out, chunk, sizeof(chunk) - stream.avail_out);
	} while (result == Z_OK);
	deflateEnd(&stream);
	return result == Z_STREAM_END && buffer_ok(out) ? 0 : -ENOMEM;
}
