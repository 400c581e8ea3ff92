// SPDX-License-Identifier: Apache-2.0
// A request of HTTP/2 with text of its own, and its end cut into phases: threads share a connection, so that
// what lies between the read and the answer is the application's as a whole.
#include "http2_stream.h"

#include <string.h>

#include "http2_fields.h"

static size_t size_of(const struct http2_stream *stream)
{
	return sizeof(*stream) + stream->exchange.method.len + stream->exchange.target.len;
}

struct http2_stream *http2_stream_new(uint32_t id, const struct http2_fields *fields,
				      struct memory_budget *budget)
{
	struct slice method = {fields->method, fields->method_len};
	struct slice target = {fields->target, fields->target_len};
	struct http2_stream *stream;

	if (!method.len)
		method = (struct slice){"_OTHER", 6};
	/* An authority is a target where there is no path (CONNECT); here there may be one. */
	if (!target.len || (fields->unknown && !fields->has_path))
		target = (struct slice){"*", 1};
	stream = budget_alloc(budget, sizeof(*stream) + method.len + target.len);
	if (!stream)
		return NULL;
	memset(stream, 0, sizeof(*stream));
	memcpy(stream->text, method.data, method.len);
	memcpy(stream->text + method.len, target.data, target.len);
	stream->id = id;
	stream->grpc_status = GRPC_NO_STATUS;
	stream->exchange.grpc = fields->grpc;
	stream->exchange.method = (struct slice){stream->text, method.len};
	stream->exchange.target = (struct slice){stream->text + method.len, target.len};
	return stream;
}

void http2_stream_free(struct http2_stream *stream, struct memory_budget *budget)
{
	budget_free(budget, stream, size_of(stream));
}

static uint64_t between(uint64_t from_ns, uint64_t to_ns)
{
	return to_ns > from_ns ? to_ns - from_ns : 0;
}

/* How gRPC tells the end of a call that has no grpc-status (its "HTTP2 Transport Mapping"). */
static uint8_t grpc_status_of(const struct http2_stream *stream, uint16_t status)
{
	if (stream->grpc_status != GRPC_NO_STATUS)
		return stream->grpc_status;
	if (status == EXCHANGE_ABORTED)
		return GRPC_CANCELLED;
	return status == EXCHANGE_NONE || status >= 500 ? GRPC_UNAVAILABLE : GRPC_UNKNOWN;
}

void http2_stream_finish(struct http2_stream *stream, uint16_t status, uint64_t end_ns)
{
	struct exchange *exchange = &stream->exchange;
	uint64_t arrival_ns = exchange->arrival_ns, first_ns = stream->first_ns ? stream->first_ns : end_ns;
	uint64_t *phase = exchange->phase_ns, before_first;

	if (first_ns < arrival_ns)
		first_ns = arrival_ns;
	if (end_ns < first_ns)
		end_ns = first_ns;
	before_first = first_ns - arrival_ns;
	exchange->status = status;
	exchange->grpc_status = exchange->grpc ? grpc_status_of(stream, status) : 0;
	exchange->duration_ns = end_ns - arrival_ns;
	exchange->first_byte_ns = stream->first_ns ? before_first : 0;
	if (stream->read_ns)
		phase[PHASE_SOCKET_WAIT] = between(arrival_ns, stream->read_ns);
	if (phase[PHASE_SOCKET_WAIT] > before_first)
		phase[PHASE_SOCKET_WAIT] = before_first;
	phase[PHASE_APP] = before_first - phase[PHASE_SOCKET_WAIT];
	phase[PHASE_SEND] = end_ns - first_ns;
}
