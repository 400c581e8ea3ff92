// SPDX-License-Identifier: Apache-2.0
// Whether a return probe on a library can kill who runs it: asked of the kernel once, by trying.
#ifndef RINGSIDE_URETPROBE_H
#define RINGSIDE_URETPROBE_H

#include <stdbool.h>

/// From Linux 6.11 on a function under a return probe returns by a system call of its own on amd64, which a
/// seccomp filter that does not know of it (a container's of before) answers with an error or a signal.
/// Kernels since 6.14, and stable ones since January 2025, let it pass all filters
/// (https://git.kernel.org/linus/cf6cb56ef244). Forks twice; false where that fails, too.
bool uretprobe_is_safe(void);

#endif
