// SPDX-License-Identifier: Apache-2.0
// Everything that a scrape or an API answer looks at, gathered by pipeline.c. Borrowed pointers, all of them.
#ifndef RINGSIDE_OBSERVATION_H
#define RINGSIDE_OBSERVATION_H

#include <stdint.h>

struct aggregate;
struct capture;
struct connections;
struct docker;
struct events;
struct http2_connections;
struct listeners;
struct runtime_figures;
struct network_sums;
struct services;
struct tls_processes;
struct websockets;
struct workloads;

struct observation {
	struct aggregate *aggregate;
	struct capture *capture;
	struct connections *connections;
	struct docker *docker;
	struct events *events;
	struct http2_connections *http2;
	struct runtime_figures *figures;
	struct listeners *listeners;
	struct network_sums *network;
	struct services *services;
	struct tls_processes *tls;
	struct websockets *websockets;
	struct workloads *workloads;
	const char *only_service; ///< NULL for all
	uint64_t start_ns;        ///< CLOCK_MONOTONIC at ringside's start
	uint64_t scrapes;
	double scrape_seconds; ///< that all scrapes took so far
};

#endif
