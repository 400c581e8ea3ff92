// SPDX-License-Identifier: Apache-2.0
// Counts what connections may hold, whoever opens them. The stages that remember connections share none: each
// has its own.
#include "memory_budget.h"

#include <stdlib.h>

void *budget_alloc(struct memory_budget *budget, size_t size)
{
	void *bytes = budget->used + size <= budget->limit ? malloc(size) : NULL;

	if (bytes)
		budget->used += size;
	return bytes;
}

void budget_free(struct memory_budget *budget, void *bytes, size_t size)
{
	if (!bytes)
		return;
	budget->used -= size;
	free(bytes);
}
