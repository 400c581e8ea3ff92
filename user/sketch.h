// SPDX-License-Identifier: Apache-2.0
// Quantiles of durations over the last minute: a log-linear histogram in slices of ten seconds, the oldest
// dropped.
#ifndef RINGSIDE_SKETCH_H
#define RINGSIDE_SKETCH_H

#include <stdint.h>

/// 32 buckets for each power of two: a quantile is off by at most 1.6 %.
#define SKETCH_SUB_BITS 5
#define SKETCH_LOWEST_BIT 10  ///< 1 µs and less is one bucket
#define SKETCH_HIGHEST_BIT 40 ///< 18 minutes and more is one bucket
#define SKETCH_BUCKETS ((SKETCH_HIGHEST_BIT - SKETCH_LOWEST_BIT) << SKETCH_SUB_BITS)
#define SKETCH_SLICES 7
#define SKETCH_SLICE_SECONDS 10

struct sketch {
	uint32_t buckets[SKETCH_SLICES][SKETCH_BUCKETS];
	uint64_t slice; ///< number of the current slice since the clock's zero
};

void sketch_add(struct sketch *sketch, uint64_t duration_ns, uint64_t now_s);
/// Seconds; NaN if there was nothing in the last minute. `quantiles` ascending.
void sketch_quantiles(struct sketch *sketch, uint64_t now_s, const double *quantiles, unsigned len,
		      double *ret_seconds);

#endif
