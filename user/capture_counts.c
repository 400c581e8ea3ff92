// SPDX-License-Identifier: Apache-2.0
// What the loaded kernel side has counted, over all CPUs: traffic of places, events and losses, runs of its
// programs. places.c and self.c read it; nothing here looks at an event.
#include "capture.h"

#include <errno.h>
#include <stdlib.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "maps.h"
#include "ringside.skel.h"

int capture_place(struct capture *capture, const struct place *place, uint32_t index)
{
	if (bpf_map__update_elem(capture->skeleton->maps.places, place, sizeof(*place), &index, sizeof(index),
				 BPF_ANY))
		return -errno;
	return 0;
}

int capture_forget_place(struct capture *capture, const struct place *place)
{
	if (bpf_map__delete_elem(capture->skeleton->maps.places, place, sizeof(*place), 0))
		return -errno;
	return 0;
}

int capture_traffic(const struct capture *capture, uint32_t index, struct traffic *ret_traffic)
{
	AUTO_FREE struct traffic *sums = calloc(capture->cpu_count, sizeof(*sums));
	struct traffic total = {0};

	if (!sums)
		return -ENOMEM;
	if (bpf_map_lookup_elem(bpf_map__fd(capture->skeleton->maps.traffic_sums), &index, sums))
		return -errno;
	for (unsigned cpu = 0; cpu < capture->cpu_count; cpu++) {
		total.arrived += sums[cpu].arrived;
		total.ended += sums[cpu].ended;
		total.bytes_in += sums[cpu].bytes_in;
		total.bytes_out += sums[cpu].bytes_out;
	}
	*ret_traffic = total;
	return 0;
}

int capture_clear_traffic(struct capture *capture, uint32_t index)
{
	AUTO_FREE struct traffic *zero = calloc(capture->cpu_count, sizeof(*zero));

	if (!zero)
		return -ENOMEM;
	if (bpf_map_update_elem(bpf_map__fd(capture->skeleton->maps.traffic_sums), &index, zero, BPF_ANY))
		return -errno;
	return 0;
}

uint64_t capture_counter(const struct capture *capture, unsigned counter)
{
	AUTO_FREE uint64_t *values = calloc(capture->cpu_count, sizeof(*values));
	uint32_t key = counter;
	uint64_t total = 0;

	if (!values || bpf_map_lookup_elem(bpf_map__fd(capture->skeleton->maps.counters), &key, values))
		return 0;
	for (unsigned cpu = 0; cpu < capture->cpu_count; cpu++)
		total += values[cpu];
	return total;
}

unsigned capture_programs(const struct capture *capture, struct program_statistics ret_programs[PROGRAMS_MAX])
{
	struct bpf_program *program;
	unsigned len = 0;

	bpf_object__for_each_program (program, capture->skeleton->obj) {
		struct bpf_prog_info info = {0};
		__u32 info_len = sizeof(info);

		if (len == PROGRAMS_MAX || bpf_program__fd(program) < 0 ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &info_len) || !info.run_cnt)
			continue;
		ret_programs[len++] = (struct program_statistics){
			.name = bpf_program__name(program),
			.runs = info.run_cnt,
			.run_ns = info.run_time_ns,
		};
	}
	return len;
}
