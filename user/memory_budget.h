// SPDX-License-Identifier: Apache-2.0
// Memory that strangers decide the amount of: counted, and refused past a limit.
#ifndef RINGSIDE_MEMORY_BUDGET_H
#define RINGSIDE_MEMORY_BUDGET_H

#include <stddef.h>

struct memory_budget {
	size_t used;  ///< bytes
	size_t limit; ///< bytes
};

/// NULL without memory, or beyond the budget. Not zeroed.
void *budget_alloc(struct memory_budget *budget, size_t size);
/// `size` is what it was allocated with. Accepts NULL.
void budget_free(struct memory_budget *budget, void *bytes, size_t size);

#endif
