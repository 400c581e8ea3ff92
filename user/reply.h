// SPDX-License-Identifier: Apache-2.0
// An answer as it goes out: a body, gzip where that pays, and the headers that every answer has.
#ifndef RINGSIDE_REPLY_H
#define RINGSIDE_REPLY_H

#include "buffer.h"

struct MHD_Connection;
struct MHD_Response;

/// Makes the answer for the client of this connection, whose Accept-Encoding decides on gzip. Takes the body
/// in any case. `content_type` is "text/plain; charset=utf-8" if NULL; `allow` is the value of an Allow
/// header or NULL. NULL if there is no memory; *ret_body_len is then untouched.
struct MHD_Response *reply_new(struct MHD_Connection *connection, struct buffer *body,
			       const char *content_type, const char *allow, size_t *ret_body_len);

#endif
