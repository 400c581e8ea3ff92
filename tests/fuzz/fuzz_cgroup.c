// SPDX-License-Identifier: Apache-2.0
// Texts of cgroup files and of /proc/PID/cgroup: no byte read beyond them, no path that leads out of sight.
#include "cgroup_mounts.h"
#include "cgroup_stats.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char *copy_of(const uint8_t *input, size_t size)
{
	char *text = malloc(size + 1);

	CHECK(text);
	memcpy(text, input, size);
	text[size] = '\0';
	return text;
}

static void check_paths(const uint8_t *input, size_t size, const char *id)
{
	struct cgroup_paths paths = {0};
	char *text = copy_of(input, size);

	cgroup_paths_parse(text, id, &paths);
	for (unsigned i = 0; i < CGROUP_HIERARCHIES; i++) {
		if (!paths.paths[i])
			continue;
		CHECK(paths.paths[i][0] && paths.paths[i][0] != '/' && strncmp(paths.paths[i], "..", 2) != 0);
		CHECK(id ? strstr(paths.paths[i], id) != NULL : strstr(paths.paths[i], ".service") != NULL);
	}
	cgroup_paths_free(&paths);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const char *const keys[] = {NULL, "usage_usec", "some"};
	char *text = copy_of(input, size);

	for (unsigned i = 0; i < 3; i++) {
		uint64_t plain = cgroup_number(text, keys[i], NULL),
			 word = cgroup_number(text, keys[i], "total=");

		CHECK(plain == CGROUP_ABSENT || strchr(text, '\n'));
		CHECK(word == CGROUP_ABSENT || !keys[i] || strstr(text, "total="));
	}
	free(text);
	check_paths(input, size, ID);
	check_paths(input, size, NULL);
	return 0;
}
