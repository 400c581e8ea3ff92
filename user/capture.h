// SPDX-License-Identifier: Apache-2.0
// The kernel side's life: open, configure, load, attach; and what this kernel lacked. Nothing here looks at
// an event.
#ifndef RINGSIDE_CAPTURE_H
#define RINGSIDE_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ringside; // the skeleton
struct place;
struct traffic;

/// Something that ringside can do where the kernel lets it. `reason` is NULL while it is on.
struct capability {
	const char *name;
	const char *reason;
};

enum {
	CAPABILITY_HTTP,        ///< requests counted and timed
	CAPABILITY_PHASES,      ///< where the time of a request went
	CAPABILITY_CONNECTIONS, ///< resets, and requests without an answer
	CAPABILITY_TLS,   ///< what connections in TLS say, where a library that is known has it in the clear
	CAPABILITY_WAITS, ///< how long the threads of a container waited for a CPU
	CAPABILITY_TCP_HEALTH,    ///< retransmissions, resets, round trips and connections of containers
	CAPABILITY_ACCEPT_QUEUES, ///< connections that wait to be accepted
	CAPABILITY_COUNT,
};

struct capture {
	struct ringside *skeleton;
	int cgroup_fd;
	int *ring_fds; ///< ring_count of them
	unsigned ring_count;
	unsigned cpu_count;       ///< possible CPUs: the length of a per-CPU value
	int retransmit_arguments; ///< of the tracepoint tcp_retransmit_skb
	struct capability capabilities[CAPABILITY_COUNT];
};

/// Load and attach. On failure logs what is missing and how to get it in one line, returns -errno, leaves
/// nothing behind.
int capture_start(struct capture *ret_capture);
/// Detach everything. Accepts a zeroed struct.
void capture_stop(struct capture *capture);

/* What the kernel side counts: capture_counts.c. */

/// Give the place an index into the kernel's traffic sums (1 … PLACES_MAX - 1). -errno when the table is
/// full.
int capture_place(struct capture *capture, const struct place *place, uint32_t index);
int capture_forget_place(struct capture *capture, const struct place *place);
/// The sums of one index over all CPUs.
int capture_traffic(const struct capture *capture, uint32_t index, struct traffic *ret_traffic);
int capture_clear_traffic(struct capture *capture, uint32_t index);
/// One of enum counter, over all CPUs.
uint64_t capture_counter(const struct capture *capture, unsigned counter);

#define PROGRAMS_MAX 64

struct program_statistics {
	const char *name; ///< owned by the capture
	uint64_t runs;
	uint64_t run_ns;
};

/// What the kernel's own statistics (kernel.bpf_stats_enabled) say of each program; 0 while they are off.
unsigned capture_programs(const struct capture *capture,
			  struct program_statistics ret_programs[PROGRAMS_MAX]);

/// The root of the cgroup v2 hierarchy, opened; mounted privately if it is mounted nowhere. -errno.
int capture_cgroup_root(void);

#endif
