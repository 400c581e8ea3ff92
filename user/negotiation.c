// SPDX-License-Identifier: Apache-2.0
// Finds the format that an Accept header asks for. The endpoint then opens its exposition in that format.
#include "negotiation.h"

#include <string.h>
#include <strings.h>

/// What we can write, and how an Accept header calls it.
static const struct {
	const char *type;
	const char *any_subtype;
	const char *versions[2]; ///< accepted ones; 0.0.1 is what Prometheus asked for before OpenMetrics was
				 ///< final
	const char *content_type;
} formats[] = {
	[EXPOSITION_TEXT] = {"text/plain", "text/*", {"0.0.4"}, "text/plain; version=0.0.4; charset=utf-8"},
	[EXPOSITION_OPENMETRICS] = {"application/openmetrics-text",
				    "application/*",
				    {"1.0.0", "0.0.1"},
				    "application/openmetrics-text; version=1.0.0; charset=utf-8"},
};

/// Borrowed part of an Accept header.
struct part {
	const char *text;
	size_t len;
};

/// One element of an Accept header: `text/plain;version=0.0.4;q=0.3`.
struct media_range {
	struct part type;
	struct part version; ///< len 0 if absent
	unsigned quality;    ///< thousandths
};

/// How much a client wants a format; the most specific range that fits decides (RFC 9110, 12.5.1).
struct preference {
	unsigned specificity; ///< 0: nothing fits
	unsigned quality;
};

static bool part_is(struct part part, const char *text)
{
	return strlen(text) == part.len && strncasecmp(part.text, text, part.len) == 0;
}

static struct part part_trim(struct part part, const char *what)
{
	while (part.len > 0 && strchr(what, part.text[0])) {
		part.text++;
		part.len--;
	}
	while (part.len > 0 && strchr(what, part.text[part.len - 1]))
		part.len--;
	return part;
}

/// Cuts off what stands before the next `stop` outside quotes. False at the end.
static bool part_next(struct part *rest, char stop, struct part *ret_part)
{
	bool quoted = false;
	size_t len = 0;

	if (rest->len == 0)
		return false;
	for (; len < rest->len && (quoted || rest->text[len] != stop); len++)
		quoted ^= rest->text[len] == '"';
	*ret_part = part_trim((struct part){rest->text, len}, " \t");
	if (len < rest->len)
		len++;
	rest->text += len;
	rest->len -= len;
	return true;
}

/// "1", "0.5", Java's ".2"; what is no q-value counts as 0: not wanted.
static unsigned parse_quality(struct part value)
{
	unsigned quality = 0, unit = 1000;
	size_t i = 0;

	if (value.len > 0 && (value.text[0] == '0' || value.text[0] == '1'))
		quality = (unsigned)(value.text[i++] - '0') * unit;
	if (i < value.len && value.text[i] != '.')
		return 0;
	for (i++; i < value.len; i++) {
		if (value.text[i] < '0' || value.text[i] > '9')
			return 0;
		unit /= 10;
		quality += (unsigned)(value.text[i] - '0') * unit;
	}
	return quality <= 1000 ? quality : 0;
}

static struct media_range parse_range(struct part element)
{
	struct media_range range = {.type = {"", 0}, .version = {"", 0}, .quality = 1000};
	struct part parameter, name;

	part_next(&element, ';', &range.type);
	while (part_next(&element, ';', &parameter)) {
		if (!part_next(&parameter, '=', &name))
			continue;
		if (part_is(name, "q"))
			range.quality = parse_quality(part_trim(parameter, " \t"));
		else if (part_is(name, "version"))
			range.version = part_trim(parameter, " \t\"");
	}
	return range;
}

/// 0 if the range does not cover the format, else the more the closer it names it.
static unsigned range_specificity(const struct media_range *range, enum exposition_format format)
{
	if (part_is(range->type, "*/*"))
		return 1;
	if (part_is(range->type, formats[format].any_subtype))
		return 2;
	if (!part_is(range->type, formats[format].type))
		return 0;
	if (range->version.len == 0)
		return 3;
	for (size_t i = 0; i < 2 && formats[format].versions[i]; i++)
		if (part_is(range->version, formats[format].versions[i]))
			return 4;
	return 0;
}

static struct preference preference_for(const char *accept, enum exposition_format format)
{
	struct part rest = {accept, strlen(accept)}, element;
	struct preference best = {0};

	while (part_next(&rest, ',', &element)) {
		struct media_range range = parse_range(element);
		unsigned specificity = range_specificity(&range, format);

		if (specificity > best.specificity ||
		    (specificity == best.specificity && range.quality > best.quality && specificity > 0))
			best = (struct preference){specificity, range.quality};
	}
	return best;
}

enum exposition_format negotiation_format(const char *accept)
{
	struct preference text, openmetrics;

	if (!accept)
		return EXPOSITION_TEXT;
	text = preference_for(accept, EXPOSITION_TEXT);
	openmetrics = preference_for(accept, EXPOSITION_OPENMETRICS);
	if (openmetrics.quality != text.quality)
		return openmetrics.quality > text.quality ? EXPOSITION_OPENMETRICS : EXPOSITION_TEXT;
	return openmetrics.quality > 0 && openmetrics.specificity > text.specificity ? EXPOSITION_OPENMETRICS
										     : EXPOSITION_TEXT;
}

const char *negotiation_content_type(enum exposition_format format)
{
	return formats[format].content_type;
}
