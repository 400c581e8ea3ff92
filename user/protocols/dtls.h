// SPDX-License-Identifier: Apache-2.0
// Records of DTLS: 1.0 and 1.2 (RFC 6347 section 4.1), and 1.3 with its short header (RFC 9147 section 4).
// Pure: bytes in, facts out. What is encrypted is not looked into.
#ifndef RINGSIDE_PROTOCOLS_DTLS_H
#define RINGSIDE_PROTOCOLS_DTLS_H

#include "../exchange.h"

enum dtls_type {
	DTLS_CHANGE_CIPHER_SPEC = 20,
	DTLS_ALERT = 21,
	DTLS_HANDSHAKE = 22,
	DTLS_APPLICATION_DATA = 23,
	DTLS_CIPHERTEXT = 32, ///< 1.3: which type is encrypted, too
};

/// Types of handshake messages that mean something to us.
enum dtls_message { DTLS_CLIENT_HELLO = 1, DTLS_SERVER_HELLO = 2, DTLS_FINISHED = 20 };

enum { DTLS_CLOSE_NOTIFY = 0, DTLS_FATAL = 2 };

#define DTLS_HEADER_LEN 13

struct dtls_record {
	uint64_t sequence; ///< of DTLS_CIPHERTEXT, its last bits
	uint16_t version; ///< 0xfeff (1.0), 0xfefd (1.2, and 1.3 before there are keys); 0 of DTLS_CIPHERTEXT
	uint16_t epoch;   ///< of DTLS_CIPHERTEXT, its last two bits
	uint16_t len;     ///< behind the header
	uint8_t type;     ///< enum dtls_type, or one that is not known
	bool has_message; ///< of a handshake in clear: its type …
	uint8_t message;
	bool has_alert; ///< of an alert in clear: its level and description
	uint8_t alert_level;
	uint8_t alert;
};

enum dtls_step {
	DTLS_RECORD,    ///< one was taken off the front
	DTLS_END,       ///< the datagram is over
	DTLS_CUT,       ///< there is more, but not here
	DTLS_MALFORMED, ///< no record begins so
};

/// `bytes` is what is there of the last `left` bytes of a datagram; both go on behind the record. Of one that
/// is not all there, what is missing in the clear is not said.
enum dtls_step dtls_read(struct slice *bytes, size_t *left, struct dtls_record *ret_record);

/// Whether the record is protected by the keys that a handshake ends in: who sends it has done, or does with
/// it, the last step of the handshake.
bool dtls_is_protected(const struct dtls_record *record);
/// Whether the record ends the connection: close_notify, or a fatal alert. What an encrypted alert says is
/// not known, but nothing else is sent in practice once there are keys. Alerts of 1.3 are not seen at all.
bool dtls_ends(const struct dtls_record *record);

#endif
