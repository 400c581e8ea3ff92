// SPDX-License-Identifier: Apache-2.0
// Reads the clock for everybody who compares a time with the kernel side's, or with one of their own.
#include "monotonic.h"

#include <time.h>

uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}
