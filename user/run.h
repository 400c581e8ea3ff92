// SPDX-License-Identifier: Apache-2.0
// The command `run`: starts the loop, the server and the pipeline, until a signal ends them.
#ifndef RINGSIDE_RUN_H
#define RINGSIDE_RUN_H

struct options;

/// Exit status: 2 for a mistake of the user's, 1 for what this host does not let it do.
int run(const struct options *options);

#endif
