// SPDX-License-Identifier: Apache-2.0
// What the running kernel's type information says of the kernel, so that nobody has to guess from its
// version.
#ifndef RINGSIDE_KERNEL_BTF_H
#define RINGSIDE_KERNEL_BTF_H

/// How many arguments a tracepoint hands to programs; -ENOENT: this kernel has no such tracepoint, or no BTF.
int kernel_btf_tracepoint(const char *name);

#endif
