// SPDX-License-Identifier: Apache-2.0
// Input that ends at an unreadable page, so that a decoder which reads one byte too many dies on the spot.
#ifndef RINGSIDE_TESTS_GUARDED_H
#define RINGSIDE_TESTS_GUARDED_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GUARDED_MAX = 1 << 16 };

/// A copy of the bytes before the guard page. There is one such place: the next call overwrites it.
static inline const char *guarded(const char *data, size_t len)
{
	static char *place;

	if (!place) {
		place = mmap(NULL, GUARDED_MAX + (size_t)getpagesize(), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (place == MAP_FAILED ||
		    mprotect(place + GUARDED_MAX, (size_t)getpagesize(), PROT_NONE) != 0)
			abort();
	}
	if (len > GUARDED_MAX)
		abort();
	return len > 0 ? memcpy(place + GUARDED_MAX - len, data, len) : place + GUARDED_MAX;
}

#endif
