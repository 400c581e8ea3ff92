// SPDX-License-Identifier: Apache-2.0
// Tells segments that are names, which programs have, from those that are values and must not become a label.
#ifndef RINGSIDE_SEGMENTS_H
#define RINGSIDE_SEGMENTS_H

#include "exchange.h"

/// What stands for a decoded, non-empty segment in a template: a placeholder such as "{id}" (static), or the
/// segment itself, which is then shorter than 20 characters, valid UTF-8, free of control bytes and "/{*".
struct slice segment_class(struct slice segment);

#endif
