// SPDX-License-Identifier: Apache-2.0
// Cuts request targets into decoded path segments (RFC 3986, RFC 9112 section 3.2), for routes.c to compare.
#include "path.h"

#include <ctype.h>
#include <string.h>

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/// The slice before the first `stop`, or all of it.
static struct slice before(struct slice text, char stop)
{
	const char *found = text.len > 0 ? memchr(text.data, stop, text.len) : NULL;

	return found ? (struct slice){text.data, (size_t)(found - text.data)} : text;
}

static struct slice from(struct slice text, size_t offset)
{
	return (struct slice){text.data + offset, text.len - offset};
}

/// "host:port" as CONNECT sends it. The method is not known here: the port tells it from a slashless path.
static bool is_authority(struct slice target)
{
	size_t digits = 0;

	while (digits < target.len && isdigit((unsigned char)target.data[target.len - 1 - digits]))
		digits++;
	return digits > 0 && digits + 1 < target.len && target.data[target.len - 1 - digits] == ':' &&
	       !memchr(target.data, '/', target.len);
}

/// Proxies get "http://host/path": takes off what precedes the path. Other targets come back unchanged.
static struct slice without_origin(struct slice target)
{
	size_t scheme = before(target, ':').len, at = scheme + 3;

	if (scheme == 0 || target.len < at || memcmp(target.data + scheme, "://", 3) != 0)
		return target;
	for (size_t i = 0; i < scheme; i++)
		if (!isalnum((unsigned char)target.data[i]) && !memchr("+-.", target.data[i], 3))
			return target;
	while (at < target.len && target.data[at] != '/')
		at++;
	return from(target, at);
}

/// Undoes percent-encoding up to the buffer's end. A "%" that encodes nothing stays.
static struct slice decode(struct slice raw, char buffer[PATH_SEGMENT_MAX])
{
	size_t len = 0;

	for (size_t i = 0; i < raw.len && len < PATH_SEGMENT_MAX; i++) {
		char c = raw.data[i];
		if (c == '%' && raw.len - i > 2) {
			int high = hex_value(raw.data[i + 1]), low = hex_value(raw.data[i + 2]);
			if (high >= 0 && low >= 0) {
				c = (char)(high * 16 + low);
				i += 2;
			}
		}
		buffer[len++] = c;
	}
	return (struct slice){buffer, len};
}

/// Appends a segment, unless nothing is left of it without its parameters.
static void segment_add(struct path *path, struct slice raw, bool encoded)
{
	raw = before(raw, ';');
	if (raw.len == 0)
		return;
	if (path->len == PATH_SEGMENTS_MAX) {
		path->cut = true;
		return;
	}
	if (encoded)
		raw = decode(raw, path->decoded[path->len]);
	else if (raw.len > PATH_SEGMENT_MAX)
		raw.len = PATH_SEGMENT_MAX;
	path->segments[path->len++] = raw;
}

void path_parse(struct slice target, struct path *path)
{
	path->special = NULL;
	path->len = 0;
	path->cut = false;
	if (target.len == 1 && *target.data == '*')
		path->special = "*";
	else if (is_authority(target))
		path->special = "(authority)";
	if (path->special)
		return;

	struct slice rest = before(before(target, '?'), '#');
	if (rest.len > 0 && *rest.data != '/')
		rest = without_origin(rest);
	bool encoded = rest.len > 0 && memchr(rest.data, '%', rest.len);
	while (rest.len > 0 && !path->cut) {
		struct slice segment = before(rest, '/');
		segment_add(path, segment, encoded);
		rest = from(rest, segment.len < rest.len ? segment.len + 1 : segment.len);
	}
}
