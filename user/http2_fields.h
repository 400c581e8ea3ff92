// SPDX-License-Identifier: Apache-2.0
// What we want to know of the fields of one header block: collected while hpack.h inflates it.
#ifndef RINGSIDE_HTTP2_FIELDS_H
#define RINGSIDE_HTTP2_FIELDS_H

#include "exchange.h"

#define HTTP2_METHOD_MAX 32
#define HTTP2_TARGET_MAX 512
/// Where no grpc-status was seen.
#define GRPC_NO_STATUS 255

struct http2_fields {
	char method[HTTP2_METHOD_MAX];
	char target[HTTP2_TARGET_MAX];
	size_t method_len; ///< 0: no such field
	size_t target_len; ///< of :path, or of :authority where there is no :path (CONNECT)
	bool has_path;
	uint16_t status; ///< 0: no such field
	bool grpc;       ///< the content type says so
	uint8_t grpc_status;
	bool unknown; ///< there are fields whose names are not known: any may be among them
};

void http2_fields_init(struct http2_fields *fields);
/// For hpack_inflate; `context` is the struct http2_fields.
void http2_fields_add(void *context, struct slice name, struct slice value);

#endif
