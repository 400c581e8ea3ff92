// SPDX-License-Identifier: Apache-2.0
// Writes metric families in the format that the scraper asked for: Prometheus text 0.0.4 or
// OpenMetrics 1.0.0. Callers name families and values; what differs between the formats (suffixes, EOF,
// escaping) is known only here.
#ifndef RINGSIDE_EXPOSITION_H
#define RINGSIDE_EXPOSITION_H

#include "buffer.h"
#include <stdint.h>

enum exposition_format { EXPOSITION_TEXT, EXPOSITION_OPENMETRICS };

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM, METRIC_SUMMARY };

struct label {
	const char *name;  ///< static, valid
	const char *value; ///< any bytes; escaped, invalid UTF-8 replaced by U+FFFD
};

enum { EXPOSITION_NAMES_MAX = 256 }; ///< families past this many are not checked for clashes of names

/// Zeroed but for `out` and `format`.
struct exposition {
	struct buffer *out;
	const char *family; ///< the open family's name as the contract writes it (counters with _total)
	enum exposition_format format;
	enum metric_type type;
	uint64_t series;                      ///< sample lines written so far
	uint64_t names[EXPOSITION_NAMES_MAX]; ///< hashes of the OpenMetrics names in use
	size_t names_len;
};

/// Open a family: HELP (none if NULL or empty) and TYPE lines, in the contract's name. Every sample of a
/// family follows before the next is opened. A gauge "x" beside a counter "x_total" is opened first (the
/// order of names does that).
void exposition_family(struct exposition *exposition, const char *name, enum metric_type type,
		       const char *help);
/// A counter's or gauge's sample. `labels_len` may be 0; labels with an empty value are written
/// (container="").
void exposition_value(struct exposition *exposition, const struct label *labels, size_t labels_len,
		      double value);
/// A histogram: `counts` has bounds_len + 1 entries, not cumulative, the last is +Inf's. `sum` in the
/// family's unit.
void exposition_histogram(struct exposition *exposition, const struct label *labels, size_t labels_len,
			  const double *bounds, size_t bounds_len, const uint64_t *counts, double sum);
/// A summary: quantile[i] has value[i] (NaN is written as NaN).
void exposition_summary(struct exposition *exposition, const struct label *labels, size_t labels_len,
			const double *quantiles, const double *values, size_t quantiles_len, uint64_t count,
			double sum);
/// The end of the exposition ("# EOF" in OpenMetrics).
void exposition_end(struct exposition *exposition);

#endif
