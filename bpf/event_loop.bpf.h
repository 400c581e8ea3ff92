/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The event loops that are watched, and the sums of their stretches: for both ways of measuring these. */
#ifndef RINGSIDE_EVENT_LOOP_BPF_H
#define RINGSIDE_EVENT_LOOP_BPF_H

#include "shared.bpf.h"

struct loops {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, LOOPS_MAX);
	__type(key, __u32);
	__type(value, struct loop);
};
extern struct loops loops SEC(".maps");

static __always_inline __u32 log2_u32(__u32 value)
{
	__u32 shift, result;

	result = (value > 0xffff) << 4;
	value >>= result;
	shift = (value > 0xff) << 3;
	value >>= shift;
	result |= shift;
	shift = (value > 0xf) << 2;
	value >>= shift;
	result |= shift;
	shift = (value > 0x3) << 1;
	value >>= shift;
	result |= shift;
	return result | value >> 1;
}

static __always_inline __u32 bucket_of(__u64 ns)
{
	__u64 units = ns >> LOOP_UNIT_SHIFT;
	__u32 value = units < 0xffffffff ? units : 0xffffffff, bucket = 0, octave;

	if (value >> LOOP_STEP_SHIFT) {
		octave = log2_u32(value) - LOOP_STEP_SHIFT;
		bucket = 1 + (octave << LOOP_STEP_SHIFT) + ((value >> octave) & ((1 << LOOP_STEP_SHIFT) - 1));
	}
	return bucket < LOOP_BUCKETS ? bucket : LOOP_BUCKETS - 1;
}

/* While the loop waited, its timer would have woken it whenever it was due. */
static __always_inline void timer_waits(struct loop *loop, __u64 begin_ns)
{
	__u64 fired;

	if (!loop->due_ns) {
		loop->due_ns = begin_ns + LOOP_TIMER_NS;
	} else if (loop->due_ns <= begin_ns) {
		fired = (begin_ns - loop->due_ns) / LOOP_TIMER_NS + 1;
		loop->late[0] += fired;
		loop->due_ns += fired * LOOP_TIMER_NS;
	}
}

/* Timers fire at the end of a stretch (src/unix/core.c uv_run), and are due again from then on. */
static __always_inline void timer_fires(struct loop *loop, __u64 end_ns)
{
	if (!loop->due_ns || loop->due_ns > end_ns)
		return;
	loop->late[bucket_of(end_ns - loop->due_ns)]++;
	loop->due_ns = end_ns + LOOP_TIMER_NS;
}

static __always_inline void stretch_ends(struct loop *loop, __u64 end_ns)
{
	timer_waits(loop, loop->begin_ns);
	timer_fires(loop, end_ns);
	loop->stretches[bucket_of(end_ns > loop->begin_ns ? end_ns - loop->begin_ns : 0)]++;
}

#endif
