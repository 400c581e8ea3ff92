// SPDX-License-Identifier: Apache-2.0
// The build information that the Go linker writes into every executable, stripped or not.
#ifndef RINGSIDE_GOBUILD_H
#define RINGSIDE_GOBUILD_H

#include <stdbool.h>
#include <stddef.h>

struct gobuild {
	char version[32];  ///< without the leading "go": "1.26.8"
	char module[256];  ///< path of the main module; empty if built from loose files
	char package[256]; ///< path of the main package
};

/// False if the file is no Go executable (Go 1.18 or later). Borrows the descriptor.
bool gobuild_read(int fd, struct gobuild *ret_gobuild);

#endif
