// SPDX-License-Identifier: Apache-2.0
// The files whose functions read and write plaintext (libssl, GnuTLS, programs that have OpenSSL, BoringSSL
// or Go's crypto/tls in them), each with the kernel side's probes while a process uses it. tls_processes.c
// says who does.
#ifndef RINGSIDE_TLS_FILES_H
#define RINGSIDE_TLS_FILES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process_image;
struct ringside;
struct tls_files;

/// One of them; of no interest, but for its name and reason, to anybody else.
struct tls_file;

/// `skeleton` is loaded, and borrowed. NULL without memory.
struct tls_files *tls_files_new(struct ringside *skeleton);
void tls_files_free(struct tls_files *files);

/// The file that a process has mapped, with probes on it from now on; one more user. NULL if it has no such
/// functions. `path` as the process sees it.
struct tls_file *tls_files_use(struct tls_files *files, pid_t pid, const struct process_image *image,
			       const char *path);
/// One user less. Once a file has none, its probes are gone.
void tls_files_leave(struct tls_files *files, struct tls_file *file);

/// In the order of their appearance; NULL behind the last.
const struct tls_file *tls_files_next(const struct tls_files *files, const struct tls_file *file);
/// Base name; valid as long as it has users.
const char *tls_file_name(const struct tls_file *file);
/// Why its plaintext cannot be seen; NULL if it can.
const char *tls_file_trouble(const struct tls_file *file);
/// Files that found no room in the table.
uint64_t tls_files_lost(const struct tls_files *files);

#endif
