// SPDX-License-Identifier: Apache-2.0
// Reads the headers of DTLS records. webrtc_sessions.c follows handshakes and ends by them.
#include "dtls.h"

/* RFC 6347 section 4.1 with what encryption may add (RFC 5246 section 6.2.3). */
#define LEN_MAX ((1 << 14) + 2048)

/* The bits of a short header: 001CSLEE. */
enum { SHORT_CID = 0x10, SHORT_SEQUENCE_16 = 0x08, SHORT_LEN = 0x04, SHORT_EPOCH = 0x03 };

static uint64_t number(const char *bytes, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value = value << 8 | (uint8_t)bytes[i];
	return value;
}

static void take(struct slice *bytes, size_t *left, size_t len)
{
	size_t there = len < bytes->len ? len : bytes->len;

	*bytes = (struct slice){bytes->data + there, bytes->len - there};
	*left -= len;
}

static void clear_take(struct dtls_record *record, struct slice content)
{
	if (record->epoch)
		return;
	if (record->type == DTLS_HANDSHAKE && record->len && content.len) {
		record->has_message = true;
		record->message = (uint8_t)content.data[0];
	}
	if (record->type == DTLS_ALERT && record->len == 2 && content.len >= 2) {
		record->has_alert = true;
		record->alert_level = (uint8_t)content.data[0];
		record->alert = (uint8_t)content.data[1];
	}
}

static enum dtls_step plain_read(struct slice *bytes, size_t *left, struct dtls_record *ret_record)
{
	const char *header = bytes->data;
	struct dtls_record record;

	if (*left < DTLS_HEADER_LEN)
		return DTLS_MALFORMED;
	if (bytes->len < DTLS_HEADER_LEN)
		return DTLS_CUT;
	record = (struct dtls_record){
		.type = (uint8_t)header[0],
		.version = number(header + 1, 2),
		.epoch = number(header + 3, 2),
		.sequence = number(header + 5, 6),
		.len = number(header + 11, 2),
	};
	if ((record.version != 0xfeff && record.version != 0xfefd) || record.len > LEN_MAX ||
	    record.len > *left - DTLS_HEADER_LEN)
		return DTLS_MALFORMED;
	take(bytes, left, DTLS_HEADER_LEN);
	clear_take(&record, *bytes);
	take(bytes, left, record.len);
	*ret_record = record;
	return DTLS_RECORD;
}

/* Without a length it fills the datagram. WebRTC has no connection ids, whose length a record does not say.
 */
static enum dtls_step short_read(struct slice *bytes, size_t *left, struct dtls_record *ret_record)
{
	uint8_t bits = (uint8_t)bytes->data[0];
	size_t sequence_len = bits & SHORT_SEQUENCE_16 ? 2 : 1;
	size_t header_len = 1 + sequence_len + (bits & SHORT_LEN ? 2 : 0);
	size_t len;

	if (bits & SHORT_CID || *left < header_len)
		return DTLS_MALFORMED;
	if (bytes->len < header_len)
		return DTLS_CUT;
	len = bits & SHORT_LEN ? number(bytes->data + 1 + sequence_len, 2) : *left - header_len;
	if (len > LEN_MAX || len > *left - header_len)
		return DTLS_MALFORMED;
	*ret_record = (struct dtls_record){
		.type = DTLS_CIPHERTEXT,
		.epoch = bits & SHORT_EPOCH,
		.sequence = number(bytes->data + 1, sequence_len),
		.len = len,
	};
	take(bytes, left, header_len);
	take(bytes, left, len);
	return DTLS_RECORD;
}

enum dtls_step dtls_read(struct slice *bytes, size_t *left, struct dtls_record *ret_record)
{
	uint8_t first;

	if (!*left)
		return DTLS_END;
	if (!bytes->len)
		return DTLS_CUT;
	first = (uint8_t)bytes->data[0];
	if (first >= 64 || first < DTLS_CHANGE_CIPHER_SPEC)
		return DTLS_MALFORMED;
	return first < DTLS_CIPHERTEXT ? plain_read(bytes, left, ret_record)
				       : short_read(bytes, left, ret_record);
}

/* In 1.3, epoch 1 is early data and 2 the rest of the handshake (RFC 9147 section 6.1): those of an
 * application begin with 3, and later ones may look like any. */
bool dtls_is_protected(const struct dtls_record *record)
{
	return record->type == DTLS_CIPHERTEXT ? record->epoch == 3 : record->epoch > 0;
}

bool dtls_ends(const struct dtls_record *record)
{
	if (record->type != DTLS_ALERT)
		return false;
	return record->has_alert ? record->alert_level == DTLS_FATAL || record->alert == DTLS_CLOSE_NOTIFY
				 : record->epoch > 0;
}
