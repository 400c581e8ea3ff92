// SPDX-License-Identifier: Apache-2.0
// Routes under any targets: never more than the limit, names that are labels, numbers that stay.
// The first byte is the limit, the rest of its line a configured template; other lines: a status, a target.
#include "routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

enum { LIMIT_MAX = 7, NAME_MAX_LEN = 256 };

/// Written apart from the one under test: by the ranges of RFC 3629 section 4.
static bool is_utf8(const unsigned char *at)
{
	static const struct {
		unsigned char first, last, second_first, second_last, tail;
	} forms[] = {
		{0x20, 0x7e, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 0}, {0xe0, 0xe0, 0xa0, 0xbf, 1},
		{0xe1, 0xec, 0x80, 0xbf, 1}, {0xed, 0xed, 0x80, 0x9f, 1}, {0xee, 0xef, 0x80, 0xbf, 1},
		{0xf0, 0xf0, 0x90, 0xbf, 2}, {0xf1, 0xf3, 0x80, 0xbf, 2}, {0xf4, 0xf4, 0x80, 0x8f, 2},
	};

	while (*at) {
		size_t i = 0, count = sizeof(forms) / sizeof(*forms);
		while (i < count && (*at < forms[i].first || *at > forms[i].last))
			i++;
		if (i == count)
			return false;
		at++;
		if (forms[i].second_last == 0)
			continue;
		if (*at < forms[i].second_first || *at > forms[i].second_last)
			return false;
		at++;
		for (int tail = forms[i].tail; tail > 0; tail--)
			if ((*at++ & 0xc0) != 0x80)
				return false;
	}
	return true;
}

/// The configuration lets only printable templates through.
static bool is_printable(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

static void check_target(struct routes *routes, struct slice target, uint16_t status, unsigned limit,
			 char names[LIMIT_MAX + 2][NAME_MAX_LEN + 1])
{
	uint64_t overflow = routes_overflow(routes);
	unsigned route = routes_find(routes, target, status);
	bool not_found = status == 404 || status == 405;

	CHECK(route < limit + 2);
	CHECK(route != ROUTE_UNMATCHED || not_found);
	CHECK(route != ROUTE_OTHER || !not_found);
	CHECK(routes_overflow(routes) == overflow + (route == ROUTE_OTHER));
	CHECK(routes_find(routes, target, status) == route);

	const char *name = routes_name(routes, route);
	CHECK(strlen(name) > 0 && strlen(name) <= NAME_MAX_LEN && is_utf8((const unsigned char *)name));
	if (names[route][0])
		CHECK(strcmp(names[route], name) == 0);
	strcpy(names[route], name);
	if (!not_found && route != ROUTE_OTHER)
		CHECK(routes_find(routes, target, 404) == route);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const uint16_t statuses[] = {200, 404, 405, 500, 301, 401, 1, 2};
	char names[LIMIT_MAX + 2][NAME_MAX_LEN + 1] = {""};
	char template[300] = "";
	const char *templates[] = {template};

	if (size < 1)
		return 0;
	unsigned limit = *input % (LIMIT_MAX + 1);
	const char *at = (const char *)input + 1, *end = (const char *)input + size;
	const char *line_end = memchr(at, '\n', (size_t)(end - at));
	if (!line_end)
		line_end = end;
	snprintf(template, sizeof(template), "%.*s", (int)(line_end - at), at);
	struct routes *routes = routes_new(templates, is_printable(template), limit);
	CHECK(routes);
	while (line_end < end) {
		at = line_end + 1;
		line_end = at < end ? memchr(at, '\n', (size_t)(end - at)) : NULL;
		if (!line_end)
			line_end = end;
		if (at < line_end)
			check_target(routes, (struct slice){at + 1, (size_t)(line_end - at - 1)},
				     statuses[(unsigned char)*at % 8], limit, names);
	}
	for (unsigned i = 2; i < limit + 2; i++)
		for (unsigned j = i + 1; j < limit + 2; j++)
			CHECK(!names[i][0] || strcmp(names[i], names[j]) != 0);
	routes_free(routes);
	return 0;
}
