// SPDX-License-Identifier: Apache-2.0
// The stages, from the kernel's rings to the sums that scrapes show, and what goes from which to which.
#ifndef RINGSIDE_PIPELINE_H
#define RINGSIDE_PIPELINE_H

#include <stdint.h>

#include "aggregate.h"
#include "capture.h"
#include "observation.h"

struct config;
struct http2_connections;
struct loop;
struct network_sums;
struct tcp_survey;
struct tls_closes;
struct tls_processes;
struct websockets;

/// Zeroed before the start.
struct pipeline {
	struct capture capture;
	struct events *events;
	struct connections *connections;
	struct http2_connections *http2;
	struct listeners *listeners;
	struct services *services;
	struct tls_processes *tls;
	struct websockets *websockets;
	struct tls_closes *tls_closes;
	struct runtime_figures *figures;
	struct workloads *workloads;
	struct network_sums *network;
	struct tcp_survey *tcp_survey;
	struct aggregate aggregate;
	struct docker *docker;
};

/// Loads the kernel side, makes the stages and looks at who listens already. On failure logs one line,
/// returns -errno; pipeline_stop is due all the same. `config` is borrowed until the next pipeline_configure.
int pipeline_start(struct pipeline *pipeline, const struct config *config, const char *docker_socket);
void pipeline_stop(struct pipeline *pipeline);
/// Has the loop call for whatever comes between two drains. -errno.
int pipeline_watch(struct pipeline *pipeline, struct loop *loop);
/// The names and limits of a new configuration hold from now on. Borrows it in place of the last one, which
/// may then be freed.
void pipeline_configure(struct pipeline *pipeline, const struct config *config);

/// Takes in what the kernel has told until now.
void pipeline_drain(struct pipeline *pipeline);
/// Work that takes milliseconds and can wait: right after a drain.
void pipeline_idle(struct pipeline *pipeline);
/// The clock's work, once a second.
void pipeline_tick(struct pipeline *pipeline, uint64_t now_ns);
/// What scrapes look at. Valid until pipeline_stop.
struct observation pipeline_observation(struct pipeline *pipeline);

#endif
