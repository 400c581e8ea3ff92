// SPDX-License-Identifier: Apache-2.0
// Where a Go program that runs has crypto/tls: for probes on it.
#ifndef RINGSIDE_RUNTIMES_GO_TLS_H
#define RINGSIDE_RUNTIMES_GO_TLS_H

#include <stdint.h>
#include <sys/types.h>

struct process_image;

/// Functions, as linked; none of them is 0.
struct go_tls {
	uint64_t read, write; ///< (*Conn).Read and (*Conn).Write
	uint32_t read_len, write_len;
};

/// 0; -ENOENT if it is no Go program, or has no crypto/tls; -ENOTSUP if it is one that cannot be read (before
/// Go 1.18, stripped of its function table), -ESRCH, -EPERM. The image is the executable of that process.
int go_tls_find(pid_t pid, const struct process_image *image, struct go_tls *ret_tls);

#endif
