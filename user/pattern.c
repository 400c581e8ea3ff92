// SPDX-License-Identifier: Apache-2.0
// Reads configured route templates and compares them with paths. routes.c asks here first, then classifies.
#include "pattern.h"

#include <string.h>

static bool is_star(struct slice segment)
{
	return segment.len == 1 && *segment.data == '*';
}

static struct pattern_part part_parse(struct slice segment)
{
	const char *end = segment.data + segment.len;
	const char *open = memchr(segment.data, '{', segment.len);
	const char *close = open ? memchr(open, '}', (size_t)(end - open)) : NULL;

	if (close)
		return (struct pattern_part){
			.prefix = {segment.data, (size_t)(open - segment.data)},
			.suffix = {close + 1, (size_t)(end - close - 1)},
			.placeholder = true,
		};
	if (is_star(segment) || (segment.len > 1 && *segment.data == ':'))
		return (struct pattern_part){.prefix = {end, 0}, .suffix = {end, 0}, .placeholder = true};
	return (struct pattern_part){.prefix = segment};
}

bool pattern_parse(const char *text, struct pattern *ret_pattern)
{
	struct pattern pattern = {0};

	if (*text != '/')
		return false;
	while (*(text += strspn(text, "/"))) {
		struct slice segment = {text, strcspn(text, "/")};
		text += segment.len;
		if (is_star(segment) && text[strspn(text, "/")] == '\0') {
			pattern.open = true;
			break;
		}
		if (pattern.len == PATH_SEGMENTS_MAX)
			return false;
		pattern.parts[pattern.len++] = part_parse(segment);
	}
	*ret_pattern = pattern;
	return true;
}

static bool part_matches(const struct pattern_part *part, struct slice segment)
{
	size_t fixed_len = part->prefix.len + part->suffix.len;

	if (part->placeholder ? segment.len <= fixed_len : segment.len != fixed_len)
		return false;
	return memcmp(segment.data, part->prefix.data, part->prefix.len) == 0 &&
	       (part->suffix.len == 0 || memcmp(segment.data + segment.len - part->suffix.len,
						part->suffix.data, part->suffix.len) == 0);
}

bool pattern_matches(const struct pattern *pattern, const struct path *path)
{
	unsigned path_len = path->len + path->cut;

	if (path->special || (pattern->open ? path_len <= pattern->len : path_len != pattern->len))
		return false;
	for (unsigned i = 0; i < pattern->len; i++)
		if (!part_matches(&pattern->parts[i], path->segments[i]))
			return false;
	return true;
}
