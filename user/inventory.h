// SPDX-License-Identifier: Apache-2.0
// The table that is printed at the start: what was found, and what of it is captured.
#ifndef RINGSIDE_INVENTORY_H
#define RINGSIDE_INVENTORY_H

struct observation;

void inventory_print(const struct observation *observation);

#endif
