// SPDX-License-Identifier: Apache-2.0
// How long the threads of cgroups waited for a CPU, as bpf/waits.bpf.c tells it. workloads.c adds up.
#ifndef RINGSIDE_WAITS_H
#define RINGSIDE_WAITS_H

#include <stdint.h>

struct capture;
struct thread_wait;

/// From now on the waits of threads that end in this cgroup are kept. -errno when the table is full.
int waits_watch(struct capture *capture, uint64_t cgroup);
void waits_forget(struct capture *capture, uint64_t cgroup);
/// Nanoseconds that the ended threads of a watched cgroup had waited.
uint64_t waits_ended(const struct capture *capture, uint64_t cgroup);
/// Calls back for every living thread of the host. -errno where this kernel cannot tell.
int waits_living(const struct capture *capture, void (*each)(void *context, const struct thread_wait *thread),
		 void *context);

#endif
