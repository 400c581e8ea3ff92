// SPDX-License-Identifier: Apache-2.0
// gzip for answers, for clients that take it.
#ifndef RINGSIDE_COMPRESS_H
#define RINGSIDE_COMPRESS_H

#include "buffer.h"

/// True if an Accept-Encoding header takes gzip, by name or by "*", and not with q=0. NULL: no.
bool compress_offered(const char *accept_encoding);

/// Appends `data` as one gzip member to `out`, fast rather than small. 0 or -ENOMEM.
int compress_gzip(struct buffer *out, const void *data, size_t len);

#endif
