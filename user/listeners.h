// SPDX-License-Identifier: Apache-2.0
// Who listens where: found in /proc once, then followed by the kernel's events. Behind service_up.
#ifndef RINGSIDE_LISTENERS_H
#define RINGSIDE_LISTENERS_H

#include <stdint.h>

/// How many ports that somebody listens on are kept at a time.
#define LISTENERS_MAX 16384

struct listen_event;
struct listeners;
struct services;

/// `services` is borrowed, and so is the open root of the cgroup v2 hierarchy.
int listeners_new(struct services *services, int cgroup_fd, struct listeners **ret_listeners);
void listeners_free(struct listeners *listeners);

/// Look at every process and every network namespace. 0, or -errno if /proc cannot be read.
int listeners_scan(struct listeners *listeners);
void listeners_on_event(void *listeners, const struct listen_event *event);
/// Once a second: listeners whose service had no name yet; a new scan where events were lost, or processes
/// are called otherwise than before.
void listeners_tick(struct listeners *listeners, uint64_t lost_events);
/// Times that a listening socket was passed over for want of room; each look at /proc counts anew.
uint64_t listeners_table_full(const struct listeners *listeners);

#endif
