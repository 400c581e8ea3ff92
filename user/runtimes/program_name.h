// SPDX-License-Identifier: Apache-2.0
// How the runtimes write down the name that they have found.
#ifndef RINGSIDE_RUNTIMES_PROGRAM_NAME_H
#define RINGSIDE_RUNTIMES_PROGRAM_NAME_H

#include <stddef.h>

struct program;

/// The last element of a path, within it.
const char *name_base(const char *path);
/// Cuts what is too long.
void name_set(struct program *program, const char *name, size_t len);
/// "/srv/shop/server.js" → "server"
void name_set_from_file(struct program *program, const char *path);

#endif
