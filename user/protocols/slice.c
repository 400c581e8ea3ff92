// SPDX-License-Identifier: Apache-2.0
// Cuts borrowed bytes for the readers in this folder; nothing is copied.
#include "slice.h"

struct slice slice_take(struct slice *bytes, uint64_t len)
{
	struct slice taken = {bytes->data, len < bytes->len ? (size_t)len : bytes->len};

	*bytes = (struct slice){bytes->data + taken.len, bytes->len - taken.len};
	return taken;
}
