// SPDX-License-Identifier: Apache-2.0
// One BPF ring buffer, read in place (kernel: Documentation/bpf/ringbuf.rst). libbpf's reader maps the data
// twice, one after the other, which counts twice as memory of ours; this one maps it once and copies the one
// record in thousands that goes over the end.
#ifndef RINGSIDE_RING_H
#define RINGSIDE_RING_H

#include <stddef.h>

struct ring;

/// `fd`: of the map, borrowed; `size`: its max_entries. -errno.
int ring_new(int fd, size_t size, struct ring **ret_ring);
void ring_free(struct ring *ring);
/// Hands each record to `on_record`, oldest first, at most `max`. A record is borrowed for the call, and
/// aligned to 8 bytes; NULL of size 0 if it is longer than any that this program knows.
void ring_drain(struct ring *ring, unsigned max,
		void (*on_record)(void *context, const void *record, size_t size), void *context);

#endif
