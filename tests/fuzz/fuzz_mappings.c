// SPDX-License-Identifier: Apache-2.0
// A line of /proc/PID/maps from any bytes: the path stays inside it, the addresses are in order.
#include "mappings.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	char *line = malloc(size + 1);
	struct mapping mapping = {0};

	memcpy(line, input, size);
	line[size] = '\0';
	if (mapping_parse(line, &mapping)) {
		CHECK(mapping.start < mapping.end);
		CHECK(mapping.path > line && mapping.path <= line + strlen(line));
	} else {
		CHECK(!mapping.path && !mapping.end);
	}
	free(line);
	return 0;
}
