// SPDX-License-Identifier: Apache-2.0
// What the readers of all protocols do with the bytes they are given.
#ifndef RINGSIDE_PROTOCOLS_SLICE_H
#define RINGSIDE_PROTOCOLS_SLICE_H

#include "../exchange.h"

/// Takes up to `len` bytes off the front of `bytes`.
struct slice slice_take(struct slice *bytes, uint64_t len);

#endif
