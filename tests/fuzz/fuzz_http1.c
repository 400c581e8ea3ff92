// SPDX-License-Identifier: Apache-2.0
// The HTTP/1 decoders on any bytes: they stay inside them, and a cut never changes what is said of the whole.
// The first input byte chooses the cut, the second the request's method; the rest is decoded.
#include "protocols/http1.h"
#include "protocols/http1_chunks.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

static bool is_inside(struct slice slice, const char *data, size_t len)
{
	return slice.len == 0 ||
	       (slice.data >= data && slice.len <= len && slice.data - data <= (ptrdiff_t)(len - slice.len));
}

static bool is_same_slice(struct slice a, struct slice b)
{
	return a.data == b.data && a.len == b.len;
}

static bool is_same_request(const struct http1_request *a, const struct http1_request *b)
{
	return is_same_slice(a->method, b->method) && is_same_slice(a->target, b->target) &&
	       is_same_slice(a->traceparent, b->traceparent) && a->content_length == b->content_length &&
	       a->head_len == b->head_len && a->framing == b->framing && a->target_cut == b->target_cut &&
	       a->expects_continue == b->expects_continue;
}

static bool is_same_response(const struct http1_response *a, const struct http1_response *b)
{
	return a->content_length == b->content_length && a->head_len == b->head_len &&
	       a->framing == b->framing && a->status == b->status && a->interim == b->interim &&
	       a->websocket == b->websocket && a->trailers == b->trailers;
}

/// What may be said of a beginning, given what is said of the whole.
static void check_cut(enum decode cut, enum decode whole)
{
	CHECK(cut != DECODE_OK || whole == DECODE_OK);
	CHECK(cut != DECODE_MALFORMED || whole == DECODE_MALFORMED);
}

static void check_request(const char *data, size_t len, size_t cut_len)
{
	struct http1_request whole = {0}, cut = {0}, head = {0};
	enum decode outcome = http1_request_decode(data, len, &whole);
	enum decode cut_outcome = http1_request_decode(data, cut_len, &cut);

	check_cut(cut_outcome, outcome);
	CHECK(is_inside(whole.method, data, len) && is_inside(whole.target, data, len));
	CHECK(is_inside(whole.traceparent, data, len) && is_inside(cut.target, data, cut_len));
	CHECK(strcmp(http1_method_name(whole.method), "") != 0);
	if (cut_outcome == DECODE_OK)
		CHECK(is_same_request(&cut, &whole));
	if (outcome != DECODE_OK) {
		CHECK(whole.head_len == 0 && whole.framing == FRAMING_UNKNOWN);
		return;
	}
	CHECK(whole.head_len > 0 && whole.head_len <= len && whole.method.len > 0 && whole.target.len > 0);
	CHECK(whole.framing != FRAMING_CLOSE && whole.framing != FRAMING_UPGRADE && !whole.target_cut);
	CHECK(whole.framing == FRAMING_LENGTH || whole.content_length == 0);
	CHECK(cut_outcome == (cut_len >= whole.head_len ? DECODE_OK : DECODE_MORE));
	CHECK(http1_request_decode(data, whole.head_len - 1, &head) == DECODE_MORE);
	CHECK(is_inside(whole.target, data, whole.head_len) &&
	      is_inside(whole.traceparent, data, whole.head_len));
}

static void check_response(const char *data, size_t len, size_t cut_len, struct slice method)
{
	struct http1_response whole = {0}, cut = {0};
	enum decode outcome = http1_response_decode(data, len, method, &whole);
	enum decode cut_outcome = http1_response_decode(data, cut_len, method, &cut);

	check_cut(cut_outcome, outcome);
	CHECK(cut.status == 0 || cut.status == whole.status);
	if (cut_outcome == DECODE_OK)
		CHECK(is_same_response(&cut, &whole));
	if (outcome != DECODE_OK) {
		CHECK(whole.head_len == 0 && whole.framing == FRAMING_UNKNOWN);
		return;
	}
	CHECK(whole.head_len > 0 && whole.head_len <= len && whole.status >= 100 && whole.status <= 999);
	CHECK(whole.framing == FRAMING_LENGTH || whole.content_length == 0);
	CHECK(cut_outcome == (cut_len >= whole.head_len ? DECODE_OK : DECODE_MORE));
	CHECK(http1_response_decode(data, whole.head_len - 1, method, &cut) == DECODE_MORE);
}

/* In two pieces as in one. */
static void check_chunks(const char *data, size_t len, size_t cut_len)
{
	struct http1_chunks whole = {0}, cut = {0};
	size_t whole_len = 0, cut_used = 0;
	enum decode outcome = http1_chunks_walk(&whole, (struct slice){data, len}, &whole_len);
	enum decode cut_outcome = http1_chunks_walk(&cut, (struct slice){data, cut_len}, &cut_used);

	check_cut(cut_outcome, outcome);
	if (cut_outcome == DECODE_MORE) {
		cut_outcome =
			http1_chunks_walk(&cut, (struct slice){data + cut_len, len - cut_len}, &cut_used);
		cut_used += cut_outcome == DECODE_OK ? cut_len : 0;
	}
	CHECK(cut_outcome == outcome && cut_used == whole_len && whole_len <= len);
	CHECK((outcome == DECODE_OK) == (whole_len > 0));
	CHECK(outcome != DECODE_MORE || (cut.state == whole.state && cut.left == whole.left));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const char *const methods[] = {"GET", "HEAD", "CONNECT", ""};

	if (size < 2)
		return 0;
	const char *method = methods[input[1] % 4];
	const char *data = (const char *)input + 2;
	size_t len = size - 2, cut_len = len * input[0] / 255;
	check_request(data, len, cut_len);
	check_response(data, len, cut_len, (struct slice){method, strlen(method)});
	check_chunks(data, len, cut_len);
	return 0;
}
