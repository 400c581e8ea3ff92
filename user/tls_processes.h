// SPDX-License-Identifier: Apache-2.0
// Which processes have TLS, and in which of their files: looked into when ringside starts, when one listens,
// and when one first reads from a connection in TLS.
#ifndef RINGSIDE_TLS_PROCESSES_H
#define RINGSIDE_TLS_PROCESSES_H

#include <stdint.h>
#include <sys/types.h>

struct ringside;
struct tls_files;
struct tls_processes;

/// `skeleton` is loaded, and borrowed. NULL without memory.
struct tls_processes *tls_processes_new(struct ringside *skeleton);
void tls_processes_free(struct tls_processes *processes);

/// Looks into all that run. 0, or -errno if /proc cannot be read.
int tls_processes_scan(struct tls_processes *processes);
/// Looks into this one, again if need be: it may have loaded a library since.
void tls_processes_look(struct tls_processes *processes, pid_t pid);
/// Once a second: leaves the files of those that have ended.
void tls_processes_tick(struct tls_processes *processes, uint64_t now_ns);

const struct tls_files *tls_processes_files(const struct tls_processes *processes);
/// Processes that found no room in the table.
uint64_t tls_processes_lost(const struct tls_processes *processes);

#endif
