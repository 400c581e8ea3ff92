// SPDX-License-Identifier: Apache-2.0
// Writes metric families as Prometheus text 0.0.4 or OpenMetrics 1.0.0 into a buffer, which the server sends.
// Whatever a stranger can put into a label goes through put_escaped; no number on the usual path goes through
// printf.
#include "exposition.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "utf8.h"

enum { NUMBER_MAX = 32 }; ///< the longest number that %.17g or a uint64_t makes, with its end

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

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
	[METRIC_SUMMARY] = "summary",
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

enum exposition_format exposition_negotiate(const char *accept)
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

const char *exposition_content_type(enum exposition_format format)
{
	return formats[format].content_type;
}

/// Writes the character at `s` that cannot stand as it is; returns how many bytes it took.
static size_t put_special(struct buffer *out, const char *s, bool escape_quotes)
{
	size_t len;

	switch (*s) {
	case '\\':
		buffer_bytes(out, "\\\\", 2);
		return 1;
	case '\n':
		buffer_bytes(out, "\\n", 2);
		return 1;
	case '"':
		buffer_text(out, escape_quotes ? "\\\"" : "\"");
		return 1;
	default:
		break;
	}
	len = utf8_length(s, SIZE_MAX);
	buffer_bytes(out, len ? s : "\uFFFD", len ? len : 3);
	return len ? len : 1;
}

/// ASCII that stands as it is. Unsigned, because char is so on arm64 and not on amd64.
static bool is_plain(unsigned char c)
{
	return c > 0 && c < 0x80 && c != '\\' && c != '\n' && c != '"';
}

static void put_escaped(struct buffer *out, const char *text, bool escape_quotes)
{
	for (;;) {
		const char *start = text;

		while (is_plain((unsigned char)*text))
			text++;
		buffer_bytes(out, start, (size_t)(text - start));
		if (!*text)
			return;
		text += put_special(out, text, escape_quotes);
	}
}

/// Writes `number` at `text`; returns its length.
static size_t format_integer(char *text, uint64_t number)
{
	char digits[NUMBER_MAX];
	size_t len = 0;

	do {
		digits[sizeof(digits) - ++len] = (char)('0' + number % 10);
		number /= 10;
	} while (number > 0);
	memcpy(text, digits + sizeof(digits) - len, len);
	return len;
}

/// Whole nanounits below 2^22: nearly every time and ratio that we publish. Doubles are closer together than
/// 1e-9 there, so no two such decimals share one, and the division rounds once: if it gives the value again,
/// the digits are the shortest ones. (Up to 2^23 that holds, too, but not for adding 0.5.) 0 if `value` is
/// something else.
static size_t format_decimal(char *text, double value)
{
	uint64_t nanounits, fraction;
	size_t len;

	if (value >= 1 << 22)
		return 0;
	nanounits = (uint64_t)(value * 1e9 + 0.5);
	if ((double)nanounits / 1e9 != value)
		return 0;
	len = format_integer(text, nanounits / 1000000000);
	fraction = nanounits % 1000000000;
	if (fraction == 0)
		return len;
	text[len++] = '.';
	for (; fraction > 0; fraction = fraction * 10 % 1000000000)
		text[len++] = (char)('0' + fraction / 100000000);
	return len;
}

static size_t format_special(char *text, double value)
{
	const char *name = isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

	return (size_t)(stpcpy(text, name) - text);
}

/// `text` has room for NUMBER_MAX bytes and is not terminated.
static size_t format_double(char *text, double value)
{
	double magnitude = fabs(value);
	size_t sign = value < 0, len;

	if (!isfinite(value))
		return format_special(text, value);
	text[0] = '-';
	if (magnitude < 1e15 && magnitude == (double)(uint64_t)magnitude)
		return sign + format_integer(text + sign, (uint64_t)magnitude);
	len = format_decimal(text + sign, magnitude);
	if (len > 0)
		return sign + len;
	len = (size_t)snprintf(text, NUMBER_MAX, "%.15g", value);
	return strtod(text, NULL) == value ? len : (size_t)snprintf(text, NUMBER_MAX, "%.17g", value);
}

/// Label values of le and quantile as Go writes them, which is what makes them the same series everywhere;
/// OpenMetrics adds ".0" to whole numbers ("Numbers" and "Considerations: canonical numbers" in its
/// specification).
static size_t format_bound(char *text, double bound, enum exposition_format format)
{
	double magnitude = fabs(bound);
	size_t len = 0;

	if (isfinite(bound) && bound != 0 && (magnitude < 1e-4 || magnitude >= 1e6)) {
		// 16 digits behind the point are enough for any double.
		for (int precision = 0; precision <= 16; precision++) {
			len = (size_t)snprintf(text, NUMBER_MAX, "%.*e", precision, bound);
			if (strtod(text, NULL) == bound)
				break;
		}
		return len;
	}
	len = format_double(text, bound);
	if (format == EXPOSITION_OPENMETRICS && isfinite(bound) && !memchr(text, '.', len)) {
		text[len++] = '.';
		text[len++] = '0';
	}
	return len;
}

/// The labels as they stand between the braces. Made once for a sample or a whole histogram, owned by the
/// caller.
static struct buffer escape_labels(const struct label *labels, size_t labels_len)
{
	struct buffer text = {0};

	for (size_t i = 0; i < labels_len; i++) {
		buffer_text(&text, i > 0 ? "," : "");
		buffer_text(&text, labels[i].name);
		buffer_bytes(&text, "=\"", 2);
		put_escaped(&text, labels[i].value, true);
		buffer_bytes(&text, "\"", 1);
	}
	return text;
}

/// All of a sample's line but its value.
static void put_series(struct exposition *exposition, const char *suffix, const struct buffer *labels)
{
	struct buffer *out = exposition->out;

	exposition->series++;
	out->failed |= labels->failed;
	buffer_text(out, exposition->family);
	buffer_text(out, suffix);
	if (labels->len > 0) {
		buffer_bytes(out, "{", 1);
		buffer_bytes(out, labels->data, labels->len);
		buffer_bytes(out, "}", 1);
	}
	buffer_bytes(out, " ", 1);
}

/// The same for a bucket or a quantile, whose last label `name` ("le", "quantile") is a number.
static void put_bounded_series(struct exposition *exposition, const char *suffix, const struct buffer *labels,
			       const char *name, double bound)
{
	struct buffer *out = exposition->out;
	char number[NUMBER_MAX];

	exposition->series++;
	out->failed |= labels->failed;
	buffer_text(out, exposition->family);
	buffer_text(out, suffix);
	buffer_bytes(out, "{", 1);
	buffer_bytes(out, labels->data, labels->len);
	buffer_text(out, labels->len > 0 ? "," : "");
	buffer_text(out, name);
	buffer_bytes(out, "=\"", 2);
	buffer_bytes(out, number, format_bound(number, bound, exposition->format));
	buffer_bytes(out, "\"} ", 3);
}

static void put_integer(struct exposition *exposition, uint64_t number)
{
	char text[NUMBER_MAX];
	size_t len = format_integer(text, number);

	text[len++] = '\n';
	buffer_bytes(exposition->out, text, len);
}

static void put_double(struct exposition *exposition, double value)
{
	char text[NUMBER_MAX];
	size_t len = format_double(text, value);

	text[len++] = '\n';
	buffer_bytes(exposition->out, text, len);
}

/// FNV-1a; names of families are few and ours, so 64 bits tell them apart.
static uint64_t hash_name(const char *name, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)name[i]) * 0x100000001b3;
	return hash;
}

/// Marks a family's OpenMetrics name as used. False if it was used before.
static bool claim_name(struct exposition *exposition, const char *name, size_t len)
{
	uint64_t hash = hash_name(name, len);

	for (size_t i = 0; i < exposition->names_len; i++)
		if (exposition->names[i] == hash)
			return false;
	if (exposition->names_len < EXPOSITION_NAMES_MAX)
		exposition->names[exposition->names_len++] = hash;
	return true;
}

static size_t length_without_total(const char *name)
{
	static const size_t suffix_len = sizeof("_total") - 1;
	size_t len = strlen(name);

	return len > suffix_len && strcmp(name + len - suffix_len, "_total") == 0 ? len - suffix_len : len;
}

static void put_metadata(struct buffer *out, const char *keyword, const char *name, size_t name_len)
{
	buffer_bytes(out, "# ", 2);
	buffer_text(out, keyword);
	buffer_bytes(out, " ", 1);
	buffer_bytes(out, name, name_len);
	buffer_bytes(out, " ", 1);
}

/// OpenMetrics names a counter without the "_total" of its samples. That fails for a counter that has no
/// "_total", and for one beside a gauge of the shorter name (go_memstats_alloc_bytes and …_total:
/// prometheus/client_golang#829). Both are written as "unknown" under their full names, as client_golang does
/// the first: the series are then the same in all formats.
void exposition_family(struct exposition *exposition, const char *name, enum metric_type type,
		       const char *help)
{
	bool openmetrics = exposition->format == EXPOSITION_OPENMETRICS;
	const char *type_name = type_names[type];
	size_t len = strlen(name);

	exposition->family = name;
	exposition->type = type;
	if (openmetrics && type == METRIC_COUNTER) {
		size_t short_len = length_without_total(name);

		if (short_len < len && claim_name(exposition, name, short_len))
			len = short_len;
		else
			type_name = "unknown";
	}
	if (openmetrics)
		claim_name(exposition, name, len);
	if (help && *help) {
		put_metadata(exposition->out, "HELP", name, len);
		put_escaped(exposition->out, help, openmetrics);
		buffer_bytes(exposition->out, "\n", 1);
	}
	put_metadata(exposition->out, "TYPE", name, len);
	buffer_text(exposition->out, type_name);
	buffer_bytes(exposition->out, "\n", 1);
}

void exposition_value(struct exposition *exposition, const struct label *labels, size_t labels_len,
		      double value)
{
	struct buffer text = escape_labels(labels, labels_len);

	put_series(exposition, "", &text);
	put_double(exposition, value);
	buffer_free(&text);
}

static void put_totals(struct exposition *exposition, const struct buffer *labels, uint64_t count, double sum)
{
	put_series(exposition, "_sum", labels);
	put_double(exposition, sum);
	put_series(exposition, "_count", labels);
	put_integer(exposition, count);
}

void exposition_histogram(struct exposition *exposition, const struct label *labels, size_t labels_len,
			  const double *bounds, size_t bounds_len, const uint64_t *counts, double sum)
{
	struct buffer text = escape_labels(labels, labels_len);
	uint64_t count = 0;

	for (size_t i = 0; i <= bounds_len; i++) {
		count += counts[i];
		put_bounded_series(exposition, "_bucket", &text, "le", i < bounds_len ? bounds[i] : INFINITY);
		put_integer(exposition, count);
	}
	put_totals(exposition, &text, count, sum);
	buffer_free(&text);
}

void exposition_summary(struct exposition *exposition, const struct label *labels, size_t labels_len,
			const double *quantiles, const double *values, size_t quantiles_len, uint64_t count,
			double sum)
{
	struct buffer text = escape_labels(labels, labels_len);

	for (size_t i = 0; i < quantiles_len; i++) {
		put_bounded_series(exposition, "", &text, "quantile", quantiles[i]);
		put_double(exposition, values[i]);
	}
	put_totals(exposition, &text, count, sum);
	buffer_free(&text);
}

void exposition_end(struct exposition *exposition)
{
	if (exposition->format == EXPOSITION_OPENMETRICS)
		buffer_text(exposition->out, "# EOF\n");
}
