// SPDX-License-Identifier: Apache-2.0
// Configured route templates: "/users/{id}", "/users/:id", "/reports/{year}.pdf", "/files/*".
#ifndef RINGSIDE_PATTERN_H
#define RINGSIDE_PATTERN_H

#include "path.h"

/// One segment: a literal, all of it in `prefix`, or a placeholder between two literals that may be empty.
struct pattern_part {
	struct slice prefix;
	struct slice suffix;
	bool placeholder;
};

struct pattern {
	struct pattern_part parts[PATH_SEGMENTS_MAX]; ///< borrow from the text
	unsigned len;
	bool open; ///< ends in "/*": one or more segments follow
};

/// false, and *ret_pattern untouched, if `text` lacks its first '/' or has more segments than a path has.
bool pattern_parse(const char *text, struct pattern *ret_pattern);

/// Literals are compared with decoded segments, case matters, a trailing '/' does not.
bool pattern_matches(const struct pattern *pattern, const struct path *path);

#endif
