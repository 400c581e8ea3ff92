// SPDX-License-Identifier: Apache-2.0
// Decodes HTTP/1.0 and 1.1 heads and walks chunked bodies. Connections feed it what was captured of a message
// and make exchanges of what it returns. Once per observed message, so it looks at each byte about once.
#include "http1.h"
#include "http1_fields.h"

#include <string.h>

/// The longest registered name has 17 bytes. Without a bound, any run of letters might still become a method.
enum { METHOD_MAX = 32 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool ends_line(char c)
{
	return c == '\r' || c == '\n';
}

static bool slice_equals(struct slice a, const char *text, size_t len)
{
	return a.len == len && memcmp(a.data, text, len) == 0;
}

/// RFC 9112 section 6.3, points 3 to 8: transfer codings win over Content-Length. `odd_coding` is for a last
/// coding other than chunked, `neither` for a head that has neither field.
static enum http1_framing fields_framing(const struct http1_fields *fields, enum http1_framing odd_coding,
					 enum http1_framing neither)
{
	if (fields->coding != CODING_ABSENT)
		return fields->coding == CODING_CHUNKED ? FRAMING_CHUNKED : odd_coding;
	if (fields->length != LENGTH_ABSENT)
		return fields->length == LENGTH_VALID ? FRAMING_LENGTH : FRAMING_UNKNOWN;
	return neither;
}

/// tchar of RFC 9110 section 5.6.2.
static bool is_token(char c)
{
	static const uint64_t set[4] = {0x03ff6cfa00000000, 0x57ffffffc7fffffe, 0, 0};
	unsigned char byte = (unsigned char)c;

	return set[byte / 64] >> (byte % 64) & 1;
}

/// Reads the request line at *at and moves *at behind it. Spaces in the target are let through: servers
/// answer them with a 400, which we want to count under what was asked for.
static enum decode request_line_read(const char **at, const char *end, struct http1_request *request)
{
	static const char version[] = " HTTP/1.x";
	const size_t version_len = sizeof(version) - 1;
	const char *method = *at, *space = method;

	while (space < end && space - method < METHOD_MAX && is_token(*space))
		space++;
	if (space == end)
		return DECODE_MORE;
	if (*space != ' ' || space == method)
		return DECODE_MALFORMED;
	request->method = (struct slice){method, (size_t)(space - method)};

	const char *target = space + 1;
	const char *line_end = memchr(target, '\n', (size_t)(end - target));
	if (!line_end) {
		const char *target_end = memchr(target, ' ', (size_t)(end - target));
		request->target_cut = !target_end;
		request->target = (struct slice){target, (size_t)((target_end ? target_end : end) - target)};
		return target_end == target ? DECODE_MALFORMED : DECODE_MORE;
	}
	*at = line_end + 1;
	if (line_end[-1] == '\r')
		line_end--;
	if ((size_t)(line_end - target) <= version_len || *target == ' ')
		return DECODE_MALFORMED;
	if (memcmp(line_end - version_len, version, version_len - 1) != 0 || !is_digit(line_end[-1]))
		return DECODE_MALFORMED;
	request->target = (struct slice){target, (size_t)(line_end - target) - version_len};
	return DECODE_OK;
}

enum decode http1_request_decode(const char *data, size_t len, struct http1_request *ret_request)
{
	struct http1_request request = {0};
	struct http1_fields fields = {0};
	const char *at = data, *end = data + len;

	while (at < end && (*at == '\n' || (*at == '\r' && (at + 1 == end || at[1] == '\n'))))
		at++;
	enum decode line = request_line_read(&at, end, &request);
	if (line == DECODE_MALFORMED)
		return DECODE_MALFORMED;
	const char *body = line == DECODE_OK ? http1_fields_read(at, end, &fields) : NULL;
	request.traceparent = fields.traceparent;
	request.expects_continue = fields.expects_continue;
	if (body) {
		request.head_len = (size_t)(body - data);
		request.framing = fields_framing(&fields, FRAMING_UNKNOWN, FRAMING_NONE);
	}
	if (request.framing == FRAMING_LENGTH)
		request.content_length = fields.content_length;
	*ret_request = request;
	return body ? DECODE_OK : DECODE_MORE;
}

/// The status is known once the byte after its digits is. The reason may be missing, and the space before it.
static enum decode status_line_read(const char *data, size_t len, uint16_t *ret_status)
{
	static const char shape[] = "HTTP/1.d Ddd"; // d: 0 to 9, D: 1 to 9
	const size_t shape_len = sizeof(shape) - 1;

	for (size_t i = 0; i < shape_len; i++) {
		if (i == len)
			return DECODE_MORE;
		if (shape[i] == 'd' || shape[i] == 'D' ? !is_digit(data[i]) : data[i] != shape[i])
			return DECODE_MALFORMED;
		if (shape[i] == 'D' && data[i] == '0')
			return DECODE_MALFORMED;
	}
	if (len == shape_len)
		return DECODE_MORE;
	if (data[shape_len] != ' ' && !ends_line(data[shape_len]))
		return DECODE_MALFORMED;
	*ret_status = (uint16_t)((data[9] - '0') * 100 + (data[10] - '0') * 10 + (data[11] - '0'));
	return DECODE_OK;
}

/// RFC 9112 section 6.3, points 1 and 2: what the status and the request decide whatever the fields say.
static enum http1_framing response_framing(uint16_t status, struct slice request_method,
					   const struct http1_fields *fields)
{
	if (status == 101)
		return FRAMING_UPGRADE;
	if (status < 200 || status == 204 || status == 304 || slice_equals(request_method, "HEAD", 4))
		return FRAMING_NONE;
	if (status < 300 && slice_equals(request_method, "CONNECT", 7))
		return FRAMING_UPGRADE;
	return fields_framing(fields, FRAMING_CLOSE, FRAMING_CLOSE);
}

enum decode http1_response_decode(const char *data, size_t len, struct slice request_method,
				  struct http1_response *ret_response)
{
	struct http1_response response = {0};
	struct http1_fields fields = {0};
	const char *body = NULL;

	enum decode line = status_line_read(data, len, &response.status);
	if (line == DECODE_MALFORMED)
		return DECODE_MALFORMED;
	if (line == DECODE_OK) {
		const char *line_end = memchr(data, '\n', len);
		body = line_end ? http1_fields_read(line_end + 1, data + len, &fields) : NULL;
		response.interim = response.status < 200 && response.status != 101;
	}
	response.trailers = fields.trailers;
	response.websocket = response.status == 101 && fields.websocket;
	response.h2c = response.status == 101 && fields.h2c;
	if (body) {
		response.head_len = (size_t)(body - data);
		response.framing = response_framing(response.status, request_method, &fields);
	}
	if (response.framing == FRAMING_LENGTH)
		response.content_length = fields.content_length;
	*ret_response = response;
	return body ? DECODE_OK : DECODE_MORE;
}
