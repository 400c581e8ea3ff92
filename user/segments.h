// SPDX-License-Identifier: Apache-2.0
// Classes of path segments: which are names that programs have, which are values that must not become a
// label.
#ifndef RINGSIDE_SEGMENTS_H
#define RINGSIDE_SEGMENTS_H

#include "exchange.h"

/// What stands for a decoded, non-empty segment in a template: a placeholder such as "{id}" (static), or the
/// segment itself. That is then valid UTF-8 without control bytes, '/', '{' and '*', and shorter than 20
/// characters.
struct slice segment_class(struct slice segment);

#endif
