// SPDX-License-Identifier: Apache-2.0
// Numbers as the text formats want them. Each function writes at `text`, which has room for NUMBER_MAX bytes
// and is not terminated, and returns the length.
#ifndef RINGSIDE_NUMBER_H
#define RINGSIDE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { NUMBER_MAX = 32 }; ///< the longest that %.17g or a uint64_t makes, with its end

size_t number_write_integer(char *text, uint64_t number);
/// Whole numbers without a point; "NaN", "+Inf", "-Inf".
size_t number_write_double(char *text, double value);
/// Label values of le and quantile as Go writes them, which is what makes them the same series everywhere;
/// OpenMetrics adds ".0" to whole numbers ("Numbers" and "Considerations: canonical numbers" in its
/// specification).
size_t number_write_bound(char *text, double bound, bool openmetrics);

#endif
