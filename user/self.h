// SPDX-License-Identifier: Apache-2.0
// What ringside says of itself: what it saw, what it lost and why, what this host lets it do, what it costs.
#ifndef RINGSIDE_SELF_H
#define RINGSIDE_SELF_H

#include <stdint.h>

struct exposition;
struct observation;

void self_write(struct exposition *exposition, const struct observation *observation);
/// Requests that were seen and could not be reported, all reasons together.
uint64_t self_lost(const struct observation *observation);

#endif
