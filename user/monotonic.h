// SPDX-License-Identifier: Apache-2.0
// The clock that never goes back and that the kernel side reads, too.
#ifndef RINGSIDE_MONOTONIC_H
#define RINGSIDE_MONOTONIC_H

#include <stdint.h>

uint64_t monotonic_ns(void); ///< CLOCK_MONOTONIC, as bpf_ktime_get_ns gives it

#endif
