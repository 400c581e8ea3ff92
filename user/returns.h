// SPDX-License-Identifier: Apache-2.0
// Where a function returns: probes on those instructions see what it returned without a return probe, which
// would change the return address on the stack of whoever runs it.
#ifndef RINGSIDE_RETURNS_H
#define RINGSIDE_RETURNS_H

#include <stddef.h>
#include <stdint.h>

/// More than any function of ours has.
#define RETURNS_MAX 64

/// Offsets, from the function's beginning, of the instructions in `code` that return. How many there are;
/// -ENOENT if there are none, -E2BIG if more than RETURNS_MAX, -ELOOP if it also leaves by a jump to another
/// function, whose return would not be seen, -EILSEQ if it cannot be decoded. `machine`: EM_X86_64 or
/// EM_AARCH64; -ENOTSUP for others.
int returns_find(const uint8_t *code, size_t len, uint16_t machine, uint32_t ret_offsets[RETURNS_MAX]);

#endif
