// SPDX-License-Identifier: Apache-2.0
// Writes metric families as Prometheus text 0.0.4 or OpenMetrics 1.0.0 into a buffer, which the server sends.
// Whatever a stranger can put into a label goes through put_escaped; numbers are number.c's.
#include "exposition.h"
#include <math.h>
#include <string.h>

#include "number.h"
#include "utf8.h"

static const char *const type_names[] = {
	[METRIC_COUNTER] = "counter",
	[METRIC_GAUGE] = "gauge",
	[METRIC_HISTOGRAM] = "histogram",
	[METRIC_SUMMARY] = "summary",
};

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
	bool openmetrics = exposition->format == EXPOSITION_OPENMETRICS;
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
	buffer_bytes(out, number, number_write_bound(number, bound, openmetrics));
	buffer_bytes(out, "\"} ", 3);
}

static void put_integer(struct exposition *exposition, uint64_t number)
{
	char text[NUMBER_MAX];
	size_t len = number_write_integer(text, number);

	text[len++] = '\n';
	buffer_bytes(exposition->out, text, len);
}

static void put_double(struct exposition *exposition, double value)
{
	char text[NUMBER_MAX];
	size_t len = number_write_double(text, value);

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
