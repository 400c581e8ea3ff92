// SPDX-License-Identifier: Apache-2.0
// Writes the contract's request families and what describes services. Names, help texts and labels live here.
#ifndef RINGSIDE_FAMILIES_H
#define RINGSIDE_FAMILIES_H

struct exposition;
struct observation;

void families_write(struct exposition *exposition, const struct observation *observation);

#endif
