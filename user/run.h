// SPDX-License-Identifier: Apache-2.0
// The command `run`: wires the stages together and turns the loop until a signal ends it.
#ifndef RINGSIDE_RUN_H
#define RINGSIDE_RUN_H

struct options;

int run(const struct options *options);

#endif
