// SPDX-License-Identifier: Apache-2.0
// Any bytes as the code of a function: what is found lies in it, in order, and is a return.
#include "returns.h"

#include <stdlib.h>

#include <elf.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const uint16_t machines[] = {EM_X86_64, EM_AARCH64, EM_RISCV};
	uint32_t offsets[RETURNS_MAX];
	int count;

	if (!size)
		return 0;
	count = returns_find(input + 1, size - 1, machines[input[0] % 3], offsets);
	CHECK(count != 0 && count <= RETURNS_MAX);
	for (int i = 0; i < count; i++) {
		CHECK(offsets[i] < size - 1);
		CHECK(i == 0 || offsets[i] > offsets[i - 1]);
	}
	return 0;
}
