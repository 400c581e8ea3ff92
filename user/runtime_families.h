// SPDX-License-Identifier: Apache-2.0
// Writes nodejs_*, python_* and go_*.
#ifndef RINGSIDE_RUNTIME_FAMILIES_H
#define RINGSIDE_RUNTIME_FAMILIES_H

struct exposition;
struct observation;

void runtime_families_write(struct exposition *exposition, const struct observation *observation);

#endif
