// SPDX-License-Identifier: Apache-2.0
// Quantiles of durations over the last minute, in integer steps only: it runs for every request.
#include "sketch.h"

#include <math.h>
#include <string.h>

static unsigned bucket_of(uint64_t duration_ns)
{
	unsigned bit;

	if (duration_ns < (1ULL << SKETCH_LOWEST_BIT))
		return 0;
	bit = 63 - __builtin_clzll(duration_ns);
	if (bit >= SKETCH_HIGHEST_BIT)
		return SKETCH_BUCKETS - 1;
	return ((bit - SKETCH_LOWEST_BIT) << SKETCH_SUB_BITS) +
	       ((duration_ns >> (bit - SKETCH_SUB_BITS)) & ((1 << SKETCH_SUB_BITS) - 1));
}

/* The middle of a bucket. */
static double seconds_of(unsigned bucket)
{
	unsigned bit = (bucket >> SKETCH_SUB_BITS) + SKETCH_LOWEST_BIT;
	uint64_t width = 1ULL << (bit - SKETCH_SUB_BITS);
	uint64_t low = (1ULL << bit) + (bucket & ((1 << SKETCH_SUB_BITS) - 1)) * width;

	return (double)(low + width / 2) / 1e9;
}

static void advance(struct sketch *sketch, uint64_t now_s)
{
	uint64_t slice = now_s / SKETCH_SLICE_SECONDS;

	if (slice - sketch->slice >= SKETCH_SLICES)
		memset(sketch->buckets, 0, sizeof(sketch->buckets));
	else
		for (uint64_t each = sketch->slice + 1; each <= slice; each++)
			memset(sketch->buckets[each % SKETCH_SLICES], 0, sizeof(sketch->buckets[0]));
	sketch->slice = slice;
}

void sketch_add(struct sketch *sketch, uint64_t duration_ns, uint64_t now_s)
{
	if (now_s / SKETCH_SLICE_SECONDS != sketch->slice)
		advance(sketch, now_s);
	sketch->buckets[sketch->slice % SKETCH_SLICES][bucket_of(duration_ns)]++;
}

void sketch_quantiles(struct sketch *sketch, uint64_t now_s, const double *quantiles, unsigned len,
		      double *ret_seconds)
{
	uint64_t sums[SKETCH_BUCKETS] = {0}, total = 0, below = 0;
	unsigned done = 0;

	advance(sketch, now_s);
	for (unsigned slice = 0; slice < SKETCH_SLICES; slice++)
		for (unsigned i = 0; i < SKETCH_BUCKETS; i++)
			sums[i] += sketch->buckets[slice][i];
	for (unsigned i = 0; i < SKETCH_BUCKETS; i++)
		total += sums[i];
	for (unsigned i = 0; i < SKETCH_BUCKETS && total; i++) {
		below += sums[i];
		while (done < len && (double)below >= quantiles[done] * (double)total)
			ret_seconds[done++] = seconds_of(i);
	}
	for (; done < len; done++)
		ret_seconds[done] = NAN;
}
