// SPDX-License-Identifier: Apache-2.0
// Reads the kernel's per-CPU sums.
#include "network.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture.h"
#include "cleanup.h"
#include "maps.h"
#include "ringside.skel.h"

static struct network_traffic add_up(const struct network_traffic *sums, unsigned cpus)
{
	struct network_traffic total = {0};

	for (unsigned cpu = 0; cpu < cpus; cpu++) {
		total.received_bytes += sums[cpu].received_bytes;
		total.received_packets += sums[cpu].received_packets;
		total.transmitted_bytes += sums[cpu].transmitted_bytes;
		total.transmitted_packets += sums[cpu].transmitted_packets;
	}
	return total;
}

int network_each(const struct capture *capture,
		 void (*each)(void *context, uint64_t cgroup, const struct network_traffic *traffic),
		 void *context)
{
	AUTO_FREE struct network_traffic *sums = calloc(capture->cpu_count, sizeof(*sums));
	int map = bpf_map__fd(capture->skeleton->maps.network_sums);
	uint64_t cgroup, *previous = NULL;

	if (!sums)
		return -ENOMEM;
	/* Nobody else deletes; what the kernel adds meanwhile may be seen or not. */
	for (unsigned i = 0; i < CGROUPS_MAX && !bpf_map_get_next_key(map, previous, &cgroup); i++) {
		previous = &cgroup;
		if (!bpf_map_lookup_elem(map, &cgroup, sums)) {
			struct network_traffic total = add_up(sums, capture->cpu_count);

			each(context, cgroup, &total);
		}
	}
	return 0;
}

void network_forget(const struct capture *capture, uint64_t cgroup)
{
	bpf_map_delete_elem(bpf_map__fd(capture->skeleton->maps.network_sums), &cgroup);
}
