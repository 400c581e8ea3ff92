// SPDX-License-Identifier: Apache-2.0
// Picks the few fields of a header block that make an exchange (RFC 9113 section 8.3, gRPC over HTTP/2), for
// http2_connection.c.
#include "http2_fields.h"

#include <stddef.h>
#include <string.h>

void http2_fields_init(struct http2_fields *fields)
{
	/* All but the texts, which their lengths guard. */
	memset(&fields->method_len, 0, sizeof(*fields) - offsetof(struct http2_fields, method_len));
	fields->grpc_status = GRPC_NO_STATUS;
}

static size_t keep(char *to, size_t room, struct slice value)
{
	size_t len = value.len < room ? value.len : room;

	memcpy(to, value.data, len);
	return len;
}

static void take_method(struct http2_fields *fields, struct slice value)
{
	fields->method_len = keep(fields->method, sizeof(fields->method), value);
}

static void take_path(struct http2_fields *fields, struct slice value)
{
	fields->target_len = keep(fields->target, sizeof(fields->target), value);
	fields->has_path = true;
}

static void take_authority(struct http2_fields *fields, struct slice value)
{
	if (!fields->has_path)
		fields->target_len = keep(fields->target, sizeof(fields->target), value);
}

static int number(struct slice value, int max)
{
	int number = 0;

	for (size_t i = 0; i < value.len; i++) {
		if (value.data[i] < '0' || value.data[i] > '9')
			return -1;
		number = number * 10 + (value.data[i] - '0');
		if (number > max)
			return -1;
	}
	return value.len ? number : -1;
}

static void take_status(struct http2_fields *fields, struct slice value)
{
	int status = value.len == 3 ? number(value, 999) : -1;

	fields->status = status >= 100 ? (uint16_t)status : 0;
}

static void take_content_type(struct http2_fields *fields, struct slice value)
{
	static const char grpc[] = "application/grpc";
	const size_t len = sizeof(grpc) - 1;

	/* Then "+proto", ";charset", or nothing; but gRPC-Web is not gRPC. */
	fields->grpc = value.len >= len && !memcmp(value.data, grpc, len) &&
		       (value.len == len || value.data[len] == '+' || value.data[len] == ';');
}

static void take_grpc_status(struct http2_fields *fields, struct slice value)
{
	int status = number(value, GRPC_MAX);

	fields->grpc_status = status < 0 ? GRPC_UNKNOWN : (uint8_t)status;
}

void http2_fields_add(void *context, struct slice name, struct slice value)
{
	static const struct {
		const char *name;
		size_t len;
		void (*take)(struct http2_fields *fields, struct slice value);
	} wanted[] = {
#define WANTED(name, take) {name, sizeof(name) - 1, take}
		WANTED(":method", take_method),
		WANTED(":path", take_path),
		WANTED(":authority", take_authority),
		WANTED(":status", take_status),
		WANTED("content-type", take_content_type),
		WANTED("grpc-status", take_grpc_status),
#undef WANTED
	};
	struct http2_fields *fields = context;

	if (!name.len)
		fields->unknown = true;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (name.len == wanted[i].len && !memcmp(name.data, wanted[i].name, name.len))
			wanted[i].take(fields, value);
}
