// SPDX-License-Identifier: Apache-2.0
// Structures of Go's runtime (src/runtime/runtime2.go: schedt, p; mstats.go; mgcpacer.go: gcControllerState).
// Each row was read from the DWARF of programs built by the first and the last release of its minor version,
// which agree (1.19 and 1.19.13, 1.20 and .14, 1.21.0 and .13, 1.22.0 and .12, 1.23.0 and .12, 1.24.0 and
// .13, 1.25.0 and .8, 1.26.0 and .8, 1.27.0 and .4), for amd64. go.c reads by it.
#include "go_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static const struct go_layout rows[] = {
	{19, 72, 48, 56, 176, 0, 2472, 7704, 3592, 3600, 3608, 16, 304, 328, 336},
	{20, 72, 48, 56, 184, 0, 2472, 7704, 3592, 3600, 3608, 16, 248, 272, 280},
	{21, 72, 48, 56, 184, 0, 2472, 7704, 3592, 3600, 3608, 16, 272, 296, 304},
	{22, 72, 48, 56, 184, 0, 2472, 7704, 3592, 3600, 3608, 16, 272, 296, 304},
	{23, 72, 48, 56, 184, 0, 2464, 7704, 3592, 3600, 3608, 16, 272, 296, 304},
	{24, 72, 48, 56, 184, 0, 2464, 7704, 3592, 3600, 3608, 16, 272, 296, 304},
	{25, 80, 56, 64, 184, 200, 2464, 7680, 3568, 3576, 3584, 16, 272, 296, 304},
	{26, 96, 72, 80, 200, 216, 2472, 7680, 3568, 3576, 3584, 16, 272, 296, 304},
	{27, 96, 72, 80, 200, 216, 2472, 7680, 3568, 3576, 3584, 16, 272, 296, 304},
};

/* Experiments that leave the structures above alone. Others may add fields to them ("X:greenteagc"). */
static bool is_harmless(const char *experiments)
{
	static const char *const harmless[] = {"boringcrypto", "systemcrypto", "jsonv2", "loopvar",
					       "nocoverageredesign"};

	while (*experiments) {
		size_t len = strcspn(experiments, ", ");
		bool known = false;

		for (size_t i = 0; i < COUNT(harmless); i++)
			known = known ||
				(len == strlen(harmless[i]) && !memcmp(experiments, harmless[i], len));
		if (!known)
			return false;
		experiments += len + strspn(experiments + len, ", ");
	}
	return true;
}

const struct go_layout *go_layout_find(const char *version, const char **ret_reason)
{
	const char *experiments = strstr(version, " X:");
	char *end;
	unsigned long minor;

	*ret_reason = "this version of Go is not known: 1.19 to 1.27 are";
	if (strncmp(version, "1.", 2) != 0)
		return NULL;
	minor = strtoul(version + 2, &end, 10);
	/* "1.27rc1", "1.27beta1", "1.27-devel_…" */
	if (*end && *end != '.' && *end != ' ') {
		*ret_reason = "this Go is no final release";
		return NULL;
	}
	if (experiments && !is_harmless(experiments + 3)) {
		*ret_reason = "this program was built with GOEXPERIMENT, which changes Go's runtime";
		return NULL;
	}
	for (size_t i = 0; i < COUNT(rows); i++)
		if (rows[i].minor == minor)
			return &rows[i];
	return NULL;
}
