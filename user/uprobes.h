// SPDX-License-Identifier: Apache-2.0
// Kernel programs at places of a file: by one link for all places where the kernel can (Linux 6.6 and later),
// by one perf event for each where it cannot.
#ifndef RINGSIDE_UPROBES_H
#define RINGSIDE_UPROBES_H

#include <stddef.h>
#include <stdint.h>

struct bpf_program;

/// What is attached: descriptors that keep it so. Zeroed before the first.
struct uprobes {
	int *fds;
	size_t len;
};

/// To be called before the program is loaded, for it to be attached in either way.
void uprobes_prepare(struct bpf_program *program);

/// Runs the program at the offsets of the open file from now on, and adds that to `probes`. 0, or -errno;
/// what was attached by then stays.
int uprobes_add(struct uprobes *probes, const struct bpf_program *program, int file_fd,
		const uint64_t *offsets, size_t count);

/// The same where the function that begins at the offset returns, through the kernel's trampoline: see
/// uretprobe.h for whom that can kill.
int uprobes_add_return(struct uprobes *probes, const struct bpf_program *program, int file_fd,
		       uint64_t offset);

/// Detaches them. The kernel takes its time (up to 0.2 s for each descriptor on Linux 6.18, waiting for
/// whoever is in a program), so that this is done by threads of its own, behind the caller's back.
void uprobes_release(struct uprobes *probes);
/// Waits until all that was released is detached.
void uprobes_wait(void);

#endif
