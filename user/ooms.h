// SPDX-License-Identifier: Apache-2.0
// How often the kernel killed in a container for want of memory, over its restarts. A leaf. Docker tells of
// the kill that ends a container, its cgroup of those before ringside came and of all of several at a time:
// neither knows all.
#ifndef RINGSIDE_OOMS_H
#define RINGSIDE_OOMS_H

#include <stdbool.h>
#include <stdint.h>

struct oom_count;

struct ooms {
	struct oom_count *table; ///< of containers in which there was one
	uint64_t lost;           ///< containers that found no room in it
};

void ooms_free(struct ooms *ooms);
/// Docker tells of a kill. `met`: the container runs, as far as we know; if not, it may just have begun.
/// `now_s`: since the epoch.
void ooms_tell(struct ooms *ooms, const char *container_id, bool met, double now_s);
/// A container is met that began at this time, since the epoch.
void ooms_begin(struct ooms *ooms, const char *container_id, double started_s);
/// All kills so far, when its cgroup says `in_cgroup`.
uint64_t ooms_total(struct ooms *ooms, const char *container_id, uint64_t in_cgroup);
/// It has ended, and with it the cgroup's count.
void ooms_end(struct ooms *ooms, const char *container_id);
/// Forgets those that have not run for five minutes; `now_ns` by CLOCK_MONOTONIC.
void ooms_expire(struct ooms *ooms, bool (*runs)(void *context, const char *container_id), void *context,
		 uint64_t now_ns);

#endif
