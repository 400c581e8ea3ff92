// SPDX-License-Identifier: Apache-2.0
// The field lines of an HTTP/1 head (RFC 9112 section 5): the few that say how the body ends, and who is
// being traced. Part of http1.c, apart from it only for size.
#ifndef RINGSIDE_PROTOCOLS_HTTP1_FIELDS_H
#define RINGSIDE_PROTOCOLS_HTTP1_FIELDS_H

#include "../exchange.h"

/// Longer lengths are taken for nonsense, so that callers may add a head's to a body's without overflow.
#define HTTP1_LENGTH_MAX ((uint64_t)1 << 62)

/// What the field lines of a head say, as far as anybody here asks.
struct http1_fields {
	struct slice traceparent;
	uint64_t content_length;
	enum { LENGTH_ABSENT, LENGTH_VALID, LENGTH_INVALID } length;
	enum { CODING_ABSENT, CODING_CHUNKED, CODING_OTHER } coding; ///< the last transfer coding
	bool expects_continue;
	bool websocket;
	bool h2c;
	bool trailers;
};

/// Reads field lines from `at` to the empty line and returns the byte after it, or NULL if that was cut off;
/// what the whole lines say is in `fields` (zeroed by the caller) either way. Lines that are no field lines
/// are passed over: what the server made of them, it says itself.
const char *http1_fields_read(const char *at, const char *end, struct http1_fields *fields);

#endif
