// SPDX-License-Identifier: Apache-2.0
// HTTP/1.0 and 1.1 heads and body framing (RFC 9112). Pure: bytes in, facts out; no allocation, no clock, no
// state. All slices borrow from the input. Never reads past data + len.
#ifndef RINGSIDE_PROTOCOLS_HTTP1_H
#define RINGSIDE_PROTOCOLS_HTTP1_H

#include "../exchange.h"

enum decode {
	DECODE_OK,        ///< whole; `head_len` (or the returned length) says how many bytes were used
	DECODE_MORE,      ///< a beginning: what could be known so far is set, the rest is zero
	DECODE_MALFORMED, ///< not this protocol
};

/// How the end of a body is found (RFC 9112 section 6.3).
enum http1_framing {
	FRAMING_UNKNOWN, ///< the head was cut before this could be known
	FRAMING_NONE,    ///< no body
	FRAMING_LENGTH,  ///< content_length bytes
	FRAMING_CHUNKED,
	FRAMING_CLOSE,   ///< until the connection closes (answers only)
	FRAMING_UPGRADE, ///< 101, or 2xx to CONNECT: HTTP ends here
};

struct http1_request {
	struct slice method; ///< set once the method is followed by a space
	struct slice target; ///< set once the request line is complete, or, in a cut head, as far as it goes
			     ///< (target_cut)
	struct slice traceparent; ///< header's value, trimmed; empty if absent
	uint64_t content_length;  ///< for FRAMING_LENGTH
	size_t head_len;          ///< bytes of the head with its empty line; 0 if DECODE_MORE
	enum http1_framing framing;
	bool target_cut;
	bool expects_continue;
};

struct http1_response {
	uint64_t content_length;
	size_t head_len;
	enum http1_framing framing;
	uint16_t status; ///< 0 while not known
	bool interim;    ///< 1xx but not 101: the real answer follows
	bool websocket;  ///< a 101 that switches to "websocket" (RFC 6455 section 4.2.2)
	bool h2c; ///< a 101 that switches to HTTP/2 (RFC 7540 section 3.2): the real answer is yet to come
	bool trailers; ///< a Trailer header was seen: a chunked body may end in more than its last chunk
};

/// Decode a request head. Accepts any method token (RFC 9110 section 9.1) so that garbage methods can be
/// counted; leading CRLFs are skipped (RFC 9112 section 2.2) and counted in head_len. Bare LF line ends are
/// accepted, as servers do.
enum decode http1_request_decode(const char *data, size_t len, struct http1_request *ret_request);

/// Decode a response head. `request_method` decides whether a body can follow (HEAD, CONNECT); it may be
/// empty.
enum decode http1_response_decode(const char *data, size_t len, struct slice request_method,
				  struct http1_response *ret_response);

/// The registered name equal to `method` (a static string), or "_OTHER". The IANA HTTP Method Registry,
/// case-sensitive.
const char *http1_method_name(struct slice method);

#endif
