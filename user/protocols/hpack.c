// SPDX-License-Identifier: Apache-2.0
// Inflates header blocks with libnghttp2. http2_connection.c feeds it every block, also of streams that it
// does not follow: each may change the table that later ones refer to.
#include "hpack.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

/* As large a table as a peer may ask for with SETTINGS_HEADER_TABLE_SIZE (browsers and proxies: 65 536). It
 * takes no more memory than what is entered. */
#define TABLE_MAX 65536
/* RFC 7541 section 4.1: what an entry of nothing counts as, and how many fit. */
#define ENTRY_SIZE 32
#define TABLE_DEFAULT 4096

struct hpack {
	nghttp2_hd_inflater *inflater;
	bool forgot; /* the table's beginning is made up */
};

static void inflater_del(struct hpack *hpack)
{
	if (hpack->inflater)
		nghttp2_hd_inflate_del(hpack->inflater);
}

static int inflater_renew(struct hpack *hpack)
{
	nghttp2_hd_inflater *fresh;

	if (nghttp2_hd_inflate_new(&fresh))
		return -ENOMEM;
	if (nghttp2_hd_inflate_change_table_size(fresh, TABLE_MAX)) {
		nghttp2_hd_inflate_del(fresh);
		return -ENOMEM;
	}
	inflater_del(hpack);
	hpack->inflater = fresh;
	return 0;
}

struct hpack *hpack_new(void)
{
	struct hpack *hpack = calloc(1, sizeof(*hpack));

	if (hpack && inflater_renew(hpack)) {
		free(hpack);
		return NULL;
	}
	return hpack;
}

void hpack_free(struct hpack *hpack)
{
	if (!hpack)
		return;
	inflater_del(hpack);
	free(hpack);
}

static int inflate(struct hpack *hpack, struct slice block,
		   void (*on_field)(void *context, struct slice name, struct slice value), void *context)
{
	const uint8_t *at = (const uint8_t *)(block.len ? block.data : "");
	size_t left = block.len;

	for (;;) {
		nghttp2_nv field;
		int flags = 0;
		ssize_t used = nghttp2_hd_inflate_hd2(hpack->inflater, &field, &flags, at, left, 1);

		if (used < 0)
			return used == NGHTTP2_ERR_NOMEM ? -ENOMEM : -EPROTO;
		at += used;
		left -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT && on_field)
			on_field(context, (struct slice){(const char *)field.name, field.namelen},
				 (struct slice){(const char *)field.value, field.valuelen});
		if (flags & NGHTTP2_HD_INFLATE_FINAL) {
			nghttp2_hd_inflate_end_headers(hpack->inflater);
			return 0;
		}
		if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && !left)
			return -EPROTO;
	}
}

/* Indices count back from the newest entry. A table that is full of the smallest entries has as many of them
 * as the sender's can have of others: whatever it refers to is one of these, or came later and is right. */
static int table_fill(struct hpack *hpack, size_t size)
{
	/* Literal with incremental indexing, new name (section 6.2.1): name and value of no bytes. */
	static const char entry[] = {0x40, 0, 0};
	/* Dynamic table size update to 65 536 (section 6.3). */
	static const char enlarge[] = {0x3f, (char)0xe1, (char)0xff, 0x03};
	char block[sizeof(enlarge) + TABLE_MAX / ENTRY_SIZE * sizeof(entry)];
	size_t len = 0;

	if (size > TABLE_DEFAULT) {
		memcpy(block, enlarge, sizeof(enlarge));
		len = sizeof(enlarge);
	}
	for (size_t i = 0; i < size / ENTRY_SIZE; i++, len += sizeof(entry))
		memcpy(block + len, entry, sizeof(entry));
	return inflate(hpack, (struct slice){block, len}, NULL, NULL);
}

static int forget(struct hpack *hpack, size_t size)
{
	int error = inflater_renew(hpack);

	return error ? error : table_fill(hpack, size);
}

int hpack_forget(struct hpack *hpack)
{
	hpack->forgot = true;
	return forget(hpack, TABLE_DEFAULT);
}

int hpack_inflate(struct hpack *hpack, struct slice block,
		  void (*on_field)(void *context, struct slice name, struct slice value), void *context)
{
	int error = inflate(hpack, block, on_field, context);

	if (error != -EPROTO)
		return error;
	/* It refers to something older than a table of the usual size holds: from now on a large one. */
	error = forget(hpack, hpack->forgot ? TABLE_MAX : TABLE_DEFAULT);
	hpack->forgot = true;
	return error ? error : -EPROTO;
}
