// SPDX-License-Identifier: Apache-2.0
// The path of a request target, cut into decoded segments: what routes.c compares and classifies.
#ifndef RINGSIDE_PATH_H
#define RINGSIDE_PATH_H

#include "exchange.h"

enum {
	PATH_SEGMENTS_MAX = 8, ///< what lies deeper is one route
	/// No class tells one long segment from another, so the rest of it is not looked at. More than a
	/// template's literal can have, so that a cut segment never equals one.
	PATH_SEGMENT_MAX = 256,
};

struct path {
	/// Where the target is no path, the label in its place: "*" or "(authority)". NULL else.
	const char *special;
	unsigned len;
	bool cut; ///< there are more segments than these
	/// Borrowed from the target or from `decoded`; none is empty.
	struct slice segments[PATH_SEGMENTS_MAX];
	char decoded[PATH_SEGMENTS_MAX][PATH_SEGMENT_MAX];
};

/// Any target will do: origin form, absolute form, authority form, "*" (RFC 9112 section 3.2), or none of
/// them, which is read as a path. Query, fragment and the ";" parameters of segments are left out,
/// percent-encoding is undone once, empty segments disappear. `path` must not be moved afterwards.
void path_parse(struct slice target, struct path *path);

#endif
