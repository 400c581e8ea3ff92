// SPDX-License-Identifier: Apache-2.0
// Classifies path segments, in one pass over a table of bytes. routes.c joins what comes out to a template.
#include "segments.h"

#include <string.h>

#include "utf8.h"

enum {
	LITERAL_MAX = 19, ///< characters; from 20 on it is {str}
	HASH_MIN = 16,
};

/// What a byte can be. A segment is judged by which of these it has.
enum {
	DIGIT = 1 << 0,
	HEX = 1 << 1,    ///< a to f
	LETTER = 1 << 2, ///< g to z
	UPPER = 1 << 3,  ///< beside HEX or LETTER
	DASH = 1 << 4,   ///< what base64url has beside letters and digits
	DOT = 1 << 5,
	SPECIAL = 1 << 6, ///< no name has these
	SUSPECT = 1 << 7, ///< is_text must judge
};

static const unsigned char byte_class[256] = {
	[0 ... 31] = SPECIAL | SUSPECT,
	[' ' ... ','] = SPECIAL,
	['-'] = DASH,
	['.'] = DOT,
	['/'] = SPECIAL,
	['0' ... '9'] = DIGIT,
	[':' ... '@'] = SPECIAL,
	['A' ... 'F'] = HEX | UPPER,
	['G' ... 'Z'] = LETTER | UPPER,
	['[' ... '^'] = SPECIAL,
	['_'] = DASH,
	['`'] = SPECIAL,
	['a' ... 'f'] = HEX,
	['g' ... 'z'] = LETTER,
	['{' ... '~'] = SPECIAL,
	[127] = SPECIAL | SUSPECT,
	[128 ... 255] = SUSPECT,
};

static unsigned class_of(char c)
{
	return byte_class[(unsigned char)c];
}

/// Well-formed UTF-8 without control characters.
static bool is_text(struct slice segment)
{
	for (size_t at = 0, len; at < segment.len; at += len) {
		len = utf8_length(segment.data + at, segment.len - at);
		if (len == 0 || utf8_is_control(segment.data + at, len))
			return false;
	}
	return true;
}

static bool fits(char c, char shape)
{
	switch (shape) {
	case '0':
		return class_of(c) & DIGIT;
	case 'x':
		return class_of(c) & (DIGIT | HEX);
	default:
		return c == shape;
	}
}

/// `shape` has '0' for a digit, 'x' for a hex digit, and itself for anything else.
static bool has_shape(const char *text, const char *shape)
{
	for (; *shape; text++, shape++)
		if (!fits(*text, *shape))
			return false;
	return true;
}

/// A day or a month, or a time of a day (ISO 8601).
static bool is_date(struct slice segment)
{
	if (segment.len == 7)
		return has_shape(segment.data, "0000-00");
	if (segment.len < 10 || !has_shape(segment.data, "0000-00-00"))
		return false;
	return segment.len == 10 || (segment.len >= 13 && has_shape(segment.data + 10, "T00"));
}

static bool is_uuid(struct slice segment)
{
	return segment.len == 36 && has_shape(segment.data, "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx");
}

/// Whether every byte can stand in an e-mail address as people have them, before or after its '@'.
static bool is_address_part(const char *at, const char *end)
{
	if (at == end || *at == '.' || end[-1] == '.')
		return false;
	for (; at < end; at++)
		if (class_of(*at) & (SPECIAL | SUSPECT) && *at != '+' && *at != '%')
			return false;
	return true;
}

static bool is_email(struct slice segment)
{
	const char *end = segment.data + segment.len;
	const char *at = memchr(segment.data, '@', segment.len);

	return at && is_address_part(segment.data, at) && is_address_part(at + 1, end) &&
	       memchr(at + 1, '.', (size_t)(end - at - 1));
}

/// Extensions of files. Not json, xml, html: programs answer with those, too, under names of their own.
static const struct {
	const char *extension;
	size_t len;
	const char *placeholder;
} assets[] = {
#define ASSET(extension) {extension, sizeof(extension) - 1, "{file}." extension}
	ASSET("js"),   ASSET("mjs"),  ASSET("css"),  ASSET("map"),  ASSET("wasm"),
	ASSET("ico"),  ASSET("png"),  ASSET("jpg"),  ASSET("jpeg"), ASSET("gif"),
	ASSET("svg"),  ASSET("webp"), ASSET("avif"), ASSET("woff"), ASSET("woff2"),
	ASSET("ttf"),  ASSET("otf"),  ASSET("eot"),  ASSET("mp3"),  ASSET("mp4"),
	ASSET("webm"), ASSET("ts"),   ASSET("m4s"),  ASSET("pdf"),  ASSET("zip"),
#undef ASSET
};

/// Whether `text` is `word`, which is in lower case, in any case. They are of one length.
static bool is_word(const char *text, const char *word)
{
	for (; *word; text++, word++)
		if ((class_of(*text) & UPPER ? *text | 0x20 : *text) != *word)
			return false;
	return true;
}

static const char *asset_placeholder(struct slice segment)
{
	const char *end = segment.data + segment.len;

	for (size_t i = 0; i < sizeof(assets) / sizeof(*assets); i++) {
		size_t len = assets[i].len;
		if (segment.len > len + 1 && end[-1 - (ptrdiff_t)len] == '.' &&
		    is_word(end - len, assets[i].extension))
			return assets[i].placeholder;
	}
	return NULL;
}

/// Sixteen random characters nearly always have a digit or many capitals; words, even run together, have few.
static bool is_hash(unsigned seen, size_t len, size_t capitals)
{
	if (len < HASH_MIN || seen & ~(unsigned)(DIGIT | HEX | LETTER | UPPER | DASH))
		return false;
	return seen & DIGIT || !(seen & (LETTER | DASH)) || capitals * 4 > len;
}

/// Whether it has more characters than a name. It is text.
static bool is_long(struct slice segment)
{
	size_t characters = 0;

	if (segment.len <= LITERAL_MAX)
		return false;
	for (size_t i = 0; i < segment.len; i++)
		characters += !utf8_is_tail(segment.data[i]);
	return characters > LITERAL_MAX;
}

/// The placeholder for a segment, or NULL for one that stays as it is.
static const char *placeholder(struct slice segment)
{
	size_t capitals = 0;
	unsigned seen = 0;

	for (size_t i = 0; i < segment.len; i++) {
		unsigned class = class_of(segment.data[i]);
		seen |= class;
		capitals += (class & UPPER) / UPPER;
	}
	if (seen == DIGIT)
		return "{id}";
	if (seen & SUSPECT && !is_text(segment))
		return "{str}";
	if (seen & DIGIT && is_date(segment))
		return "{date}";
	if (is_uuid(segment))
		return "{uuid}";
	if (is_hash(seen, segment.len, capitals))
		return "{hash}";
	if (seen & SPECIAL && is_email(segment))
		return "{email}";
	const char *asset = seen & DOT ? asset_placeholder(segment) : NULL;
	if (asset)
		return asset;
	// "." and ".." name no resource of their own.
	return seen & SPECIAL || seen == DOT || is_long(segment) ? "{str}" : NULL;
}

struct slice segment_class(struct slice segment)
{
	const char *instead = placeholder(segment);

	return instead ? (struct slice){instead, strlen(instead)} : segment;
}
