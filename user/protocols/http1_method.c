// SPDX-License-Identifier: Apache-2.0
// The methods that become label values as they are. Any other is "_OTHER": no stranger mints series by them.
#include "http1.h"

#include <string.h>

/// https://www.iana.org/assignments/http-methods as of 2026-06-17, the usual ones first.
static const struct {
	const char *name;
	size_t len;
} methods[] = {
#define METHOD(name) {name, sizeof(name) - 1}
	METHOD("GET"),
	METHOD("POST"),
	METHOD("PUT"),
	METHOD("DELETE"),
	METHOD("PATCH"),
	METHOD("HEAD"),
	METHOD("OPTIONS"),
	METHOD("QUERY"),
	METHOD("ACL"),
	METHOD("BASELINE-CONTROL"),
	METHOD("BIND"),
	METHOD("CHECKIN"),
	METHOD("CHECKOUT"),
	METHOD("CONNECT"),
	METHOD("COPY"),
	METHOD("LABEL"),
	METHOD("LINK"),
	METHOD("LOCK"),
	METHOD("MERGE"),
	METHOD("MKACTIVITY"),
	METHOD("MKCALENDAR"),
	METHOD("MKCOL"),
	METHOD("MKREDIRECTREF"),
	METHOD("MKWORKSPACE"),
	METHOD("MOVE"),
	METHOD("ORDERPATCH"),
	METHOD("PRI"),
	METHOD("PROPFIND"),
	METHOD("PROPPATCH"),
	METHOD("REBIND"),
	METHOD("REPORT"),
	METHOD("SEARCH"),
	METHOD("TRACE"),
	METHOD("UNBIND"),
	METHOD("UNCHECKOUT"),
	METHOD("UNLINK"),
	METHOD("UNLOCK"),
	METHOD("UPDATE"),
	METHOD("UPDATEREDIRECTREF"),
	METHOD("VERSION-CONTROL"),
#undef METHOD
};

const char *http1_method_name(struct slice method)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (method.len == methods[i].len && memcmp(method.data, methods[i].name, method.len) == 0)
			return methods[i].name;
	return "_OTHER";
}
