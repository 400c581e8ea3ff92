// SPDX-License-Identifier: Apache-2.0
// Reads the field lines of HTTP/1 heads: finds the six names that matter, line by line, and takes their
// values apart. http1.c turns them into a framing.
#include "http1_fields.h"

#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/// CR and LF count, too: they stand inside the value of a folded field line (RFC 9112 section 5.2).
static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static struct slice trim(const char *at, const char *end)
{
	while (at < end && is_space(*at))
		at++;
	while (at < end && is_space(end[-1]))
		end--;
	return (struct slice){at, (size_t)(end - at)};
}

/// Not strncasecmp, which asks the locale: in a Turkish one "I" is no capital "i".
static bool starts_with_word(const char *text, const char *word, size_t word_len)
{
	for (size_t i = 0; i < word_len; i++) {
		char c = text[i];
		if (c >= 'A' && c <= 'Z')
			c = (char)(c | 0x20);
		if (c != word[i])
			return false;
	}
	return true;
}

/// `word` in lower case.
static bool slice_is_word(struct slice text, const char *word)
{
	return text.len == strlen(word) && starts_with_word(text.data, word, text.len);
}

/// Takes the next element off a comma-separated list; empty elements do not count (RFC 9110 section 5.6.1.2).
static bool list_next(struct slice *list, struct slice *ret_element)
{
	while (list->len > 0) {
		const char *end = list->data + list->len;
		const char *comma = memchr(list->data, ',', list->len);
		const char *stop = comma ? comma : end;
		struct slice element = trim(list->data, stop);
		const char *rest = comma ? comma + 1 : end;

		*list = (struct slice){rest, (size_t)(end - rest)};
		if (element.len > 0) {
			*ret_element = element;
			return true;
		}
	}
	return false;
}

static bool parse_length(struct slice digits, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < digits.len; i++) {
		if (!is_digit(digits.data[i]) || value > HTTP1_LENGTH_MAX / 10)
			return false;
		value = value * 10 + (uint64_t)(digits.data[i] - '0');
		if (value >= HTTP1_LENGTH_MAX)
			return false;
	}
	*ret_value = value;
	return true;
}

/// Equal repetitions are one length, unequal ones are none (RFC 9110 section 8.6).
static void take_content_length(struct http1_fields *fields, struct slice value)
{
	struct slice element;
	bool any = false;

	while (list_next(&value, &element)) {
		uint64_t length = 0;
		bool valid = parse_length(element, &length);
		if (!valid || (fields->length == LENGTH_VALID && fields->content_length != length))
			fields->length = LENGTH_INVALID;
		if (fields->length == LENGTH_INVALID)
			return;
		fields->length = LENGTH_VALID;
		fields->content_length = length;
		any = true;
	}
	if (!any)
		fields->length = LENGTH_INVALID;
}

/// Only the last coding decides. "identity", a coding until RFC 7230 and still sent, never meant anything.
static void take_transfer_encoding(struct http1_fields *fields, struct slice value)
{
	struct slice element;

	while (list_next(&value, &element))
		if (!slice_is_word(element, "identity"))
			fields->coding = slice_is_word(element, "chunked") ? CODING_CHUNKED : CODING_OTHER;
}

static void take_traceparent(struct http1_fields *fields, struct slice value)
{
	if (fields->traceparent.len == 0)
		fields->traceparent = value;
}

static void take_trailer(struct http1_fields *fields, struct slice value)
{
	(void)value;
	fields->trailers = true;
}

static void take_expect(struct http1_fields *fields, struct slice value)
{
	if (slice_is_word(value, "100-continue"))
		fields->expects_continue = true;
}

static void take_upgrade(struct http1_fields *fields, struct slice value)
{
	if (slice_is_word(value, "websocket"))
		fields->websocket = true;
	if (slice_is_word(value, "h2c"))
		fields->h2c = true;
}

static const struct field {
	const char *name; ///< in lower case
	size_t len;
	void (*take)(struct http1_fields *fields, struct slice value);
} known_fields[] = {
	{"content-length", 14, take_content_length},
	{"transfer-encoding", 17, take_transfer_encoding},
	{"traceparent", 11, take_traceparent},
	{"trailer", 7, take_trailer},
	{"expect", 6, take_expect},
	{"upgrade", 7, take_upgrade},
};

/// The known field whose name the line carries, with the place of its colon; NULL for the many others. The
/// byte after the name comes first: it tells "content-length" from "content-type" without comparing them.
static const struct field *field_find(const char *line, const char *line_end, const char **ret_colon)
{
	size_t len = (size_t)(line_end - line);

	switch (line[0] | 0x20) {
	case 'c':
	case 'e':
	case 't':
	case 'u':
		break;
	default:
		return NULL;
	}
	for (size_t i = 0; i < sizeof(known_fields) / sizeof(*known_fields); i++) {
		const struct field *field = &known_fields[i];
		if (len <= field->len || (line[field->len] != ':' && !is_space(line[field->len])))
			continue;
		if (!starts_with_word(line, field->name, field->len))
			continue;
		// A space before the colon is forbidden; who puts up with it reads the field all the same.
		const char *colon = line + field->len;
		while (colon < line_end && is_space(*colon))
			colon++;
		*ret_colon = colon;
		return colon < line_end && *colon == ':' ? field : NULL;
	}
	return NULL;
}

/// The LF that ends a field, given that of its first line: lines that begin with a blank continue it. NULL if
/// the last of them is cut off.
static const char *field_end(const char *line_end, const char *end)
{
	while (line_end && line_end + 1 < end && (line_end[1] == ' ' || line_end[1] == '\t'))
		line_end = memchr(line_end + 1, '\n', (size_t)(end - line_end - 1));
	return line_end;
}

const char *http1_fields_read(const char *at, const char *end, struct http1_fields *fields)
{
	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		const char *colon;

		if (!line_end)
			return NULL;
		if (line_end == at || (line_end == at + 1 && *at == '\r'))
			return line_end + 1;
		const struct field *field = field_find(at, line_end, &colon);
		if (field) {
			line_end = field_end(line_end, end);
			if (!line_end)
				return NULL;
			field->take(fields, trim(colon + 1, line_end));
		}
		at = line_end + 1;
	}
	return NULL;
}
