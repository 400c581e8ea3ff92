// SPDX-License-Identifier: Apache-2.0
// Reads one BPF ring buffer: the kernel writes records behind its position, we read up to it and move ours.
#include "ring.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/bpf.h>

/* Longer than any record of ours: one that goes over the ring's end is put together here. */
#define RECORD_MAX 8192
/* Room is given back to the kernel at least this often within one drain. */
#define RELEASE_BYTES (256 * 1024)

struct ring {
	size_t page;
	size_t size; ///< of the data, a power of two
	unsigned long *consumer;
	const unsigned long *producer;
	const unsigned char *data;
	_Alignas(8) unsigned char joined[RECORD_MAX];
};

int ring_new(int fd, size_t size, struct ring **ret_ring)
{
	struct ring *ring = calloc(1, sizeof(*ring));
	void *mapped;
	int error;

	if (!ring)
		return -ENOMEM;
	ring->page = sysconf(_SC_PAGESIZE);
	ring->size = size;
	mapped = mmap(NULL, ring->page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped != MAP_FAILED) {
		ring->consumer = mapped;
		mapped = mmap(NULL, ring->page + size, PROT_READ, MAP_SHARED, fd, ring->page);
	}
	if (mapped == MAP_FAILED) {
		error = -errno;
		ring_free(ring);
		return error;
	}
	ring->producer = mapped;
	ring->data = (const unsigned char *)mapped + ring->page;
	*ret_ring = ring;
	return 0;
}

void ring_free(struct ring *ring)
{
	if (!ring)
		return;
	if (ring->producer)
		munmap((void *)ring->producer, ring->page + ring->size);
	if (ring->consumer)
		munmap(ring->consumer, ring->page);
	free(ring);
}

/* A record's bytes in one piece. Its header never goes over the end: both are multiples of 8. NULL if it is
 * longer than any of ours. */
static const void *record_at(struct ring *ring, size_t at, size_t size)
{
	size_t until_end = ring->size - at;

	if (size <= until_end)
		return ring->data + at;
	if (size > sizeof(ring->joined))
		return NULL;
	memcpy(ring->joined, ring->data + at, until_end);
	memcpy(ring->joined + until_end, ring->data, size - until_end);
	return ring->joined;
}

void ring_drain(struct ring *ring, unsigned max,
		void (*on_record)(void *context, const void *record, size_t size), void *context)
{
	unsigned long position = *ring->consumer, released = position;
	unsigned long end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
	size_t mask = ring->size - 1;
	unsigned count = 0;

	while (count < max) {
		uint32_t header;
		size_t size;

		if (position == end) {
			end = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
			if (position == end)
				break;
		}
		header =
			__atomic_load_n((const uint32_t *)(ring->data + (position & mask)), __ATOMIC_ACQUIRE);
		if (header & BPF_RINGBUF_BUSY_BIT)
			break;
		size = header & ~(BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
		if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
			const void *record = record_at(ring, (position + BPF_RINGBUF_HDR_SZ) & mask, size);

			on_record(context, record, record ? size : 0);
			count++;
		}
		position += (BPF_RINGBUF_HDR_SZ + size + 7) & ~7UL;
		if (position - released >= RELEASE_BYTES) {
			__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
			released = position;
		}
	}
	__atomic_store_n(ring->consumer, position, __ATOMIC_RELEASE);
}
