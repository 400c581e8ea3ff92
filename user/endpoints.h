// SPDX-License-Identifier: Apache-2.0
// The paths that the server answers: from a request to the family writers and the API.
#ifndef RINGSIDE_ENDPOINTS_H
#define RINGSIDE_ENDPOINTS_H

#include <stdbool.h>

#include "observation.h"
#include "server.h"

struct site {
	struct observation observation;
	void (*refresh)(void *context); ///< take in what the kernel has told until now
	int (*reload)(void *context);   ///< 0, or -errno with the old configuration still in force
	void *context;
	bool ready;
};

/// For server_new; the context of the handlers is a struct site.
extern const struct endpoint endpoints[];

#endif
