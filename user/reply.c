// SPDX-License-Identifier: Apache-2.0
// Turns what an endpoint wrote into libmicrohttpd's response: compressed where that pays, safe to show in a
// browser. The server queues it.
#include "reply.h"

#include <microhttpd.h>
#include <string.h>

#include "compress.h"

enum { COMPRESS_FROM = 1 << 10 }; ///< below, gzip saves no packet

/// Replaces `body` by its gzip where the client takes that and it is shorter. True if so.
static bool compress_body(struct MHD_Connection *connection, struct buffer *body)
{
	struct buffer packed = {0};

	if (body->len <= COMPRESS_FROM ||
	    !compress_offered(MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
							  MHD_HTTP_HEADER_ACCEPT_ENCODING)))
		return false;
	if (compress_gzip(&packed, body->data, body->len) || packed.len >= body->len) {
		buffer_free(&packed);
		return false;
	}
	buffer_free(body);
	*body = packed;
	return true;
}

/// Every answer may be shown to a browser, and every label in it was chosen by a stranger.
static bool add_headers(struct MHD_Response *response, const char *content_type, bool compressed,
			const char *allow)
{
	static const char html_policy[] =
		"default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

	if (!MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type) ||
	    !MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING) ||
	    !MHD_add_response_header(response, "X-Content-Type-Options", "nosniff"))
		return false;
	if (compressed && !MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip"))
		return false;
	if (allow && !MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allow))
		return false;
	return strncmp(content_type, "text/html", strlen("text/html")) != 0 ||
	       MHD_add_response_header(response, "Content-Security-Policy", html_policy);
}

struct MHD_Response *reply_new(struct MHD_Connection *connection, struct buffer *body,
			       const char *content_type, const char *allow, size_t *ret_body_len)
{
	bool compressed = compress_body(connection, body);
	struct MHD_Response *response =
		MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
	size_t body_len = body->len;

	if (!response) {
		buffer_free(body);
		return NULL;
	}
	*body = (struct buffer){0};
	if (!add_headers(response, content_type ? content_type : "text/plain; charset=utf-8", compressed,
			 allow)) {
		MHD_destroy_response(response);
		return NULL;
	}
	*ret_body_len = body_len;
	return response;
}
