// SPDX-License-Identifier: Apache-2.0
// Header blocks of HTTP/2 (RFC 7541), one direction of a connection: libnghttp2's inflater, made to go on
// where the beginning was not seen.
#ifndef RINGSIDE_PROTOCOLS_HPACK_H
#define RINGSIDE_PROTOCOLS_HPACK_H

#include "../exchange.h"

struct hpack;

/// What one of them takes at least, for budgets: bytes.
#define HPACK_SIZE 8192

/// NULL without memory.
struct hpack *hpack_new(void);
void hpack_free(struct hpack *hpack);

/// What the sender had entered into its table until now is not known. Later blocks may refer to it: such
/// fields come without a name. -ENOMEM.
int hpack_forget(struct hpack *hpack);

/// Calls back for each field of one whole block; name and value are borrowed for the call, and the name is
/// empty where it is not known. -EPROTO if it is no block that continues those before, after which nothing is
/// known but what hpack_forget leaves. -ENOMEM.
int hpack_inflate(struct hpack *hpack, struct slice block,
		  void (*on_field)(void *context, struct slice name, struct slice value), void *context);

#endif
