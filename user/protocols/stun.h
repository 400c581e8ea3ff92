// SPDX-License-Identifier: Apache-2.0
// Messages of STUN (RFC 8489) with what ICE (RFC 8445) and TURN (RFC 8656) add to them, TURN's ChannelData,
// and what else shares a port with them. Pure: bytes in, facts out; slices borrow from the input.
#ifndef RINGSIDE_PROTOCOLS_STUN_H
#define RINGSIDE_PROTOCOLS_STUN_H

#include "candidates.h"

/// What a datagram is, by its first byte (RFC 7983 section 7).
enum datagram_kind {
	DATAGRAM_STUN,
	DATAGRAM_DTLS,
	DATAGRAM_TURN_CHANNEL,
	DATAGRAM_RTP, ///< or RTCP; in WebRTC both encrypted, but for their headers
	DATAGRAM_OTHER,
};

enum datagram_kind datagram_kind(uint8_t first_byte);

enum stun_class { STUN_REQUEST, STUN_INDICATION, STUN_SUCCESS, STUN_ERROR };

enum stun_method {
	STUN_BINDING = 1,
	STUN_ALLOCATE = 3,
	STUN_REFRESH = 4,
	STUN_SEND = 6,
	STUN_DATA = 7,
	STUN_CREATE_PERMISSION = 8,
	STUN_CHANNEL_BIND = 9,
};

/// Attributes that were there, and which of the fields below hold.
enum stun_has {
	STUN_HAS_USERNAME = 1 << 0, ///< of ICE: two fragments
	STUN_HAS_PRIORITY = 1 << 1,
	STUN_HAS_USE_CANDIDATE = 1 << 2,
	STUN_HAS_CONTROLLING = 1 << 3,
	STUN_HAS_CONTROLLED = 1 << 4,
	STUN_HAS_MAPPED = 1 << 5,
	STUN_HAS_RELAYED = 1 << 6,
	STUN_HAS_PEER = 1 << 7,
	STUN_HAS_ERROR = 1 << 8,
	STUN_HAS_LIFETIME = 1 << 9,
	STUN_HAS_DATA = 1 << 10,
	STUN_HAS_INTEGRITY = 1 << 11,
	STUN_HAS_FINGERPRINT = 1 << 12,
};

/// IPv4 as IPv6 maps it (::ffff:a.b.c.d). Without holes: it may be compared as bytes.
struct stun_address {
	uint8_t ip[16];
	uint16_t port; ///< host byte order
};

#define STUN_HEADER_LEN 20
#define STUN_TRANSACTION_LEN 12

struct stun_message {
	uint64_t fragments[2];       ///< hashes of USERNAME before and behind its colon
	struct slice data;           ///< DATA: the datagram that TURN carries, as much as is there …
	size_t data_len;             ///< … and its whole length
	struct stun_address mapped;  ///< XOR-MAPPED-ADDRESS
	struct stun_address relayed; ///< XOR-RELAYED-ADDRESS
	struct stun_address peer;    ///< XOR-PEER-ADDRESS
	uint32_t priority;
	uint32_t lifetime; ///< seconds
	uint16_t has;      ///< enum stun_has
	uint16_t method;   ///< enum stun_method, or one that is not known
	uint16_t error;    ///< 300 to 699
	uint8_t class;     ///< enum stun_class
	uint8_t transaction[STUN_TRANSACTION_LEN];
};

enum stun_outcome {
	STUN_WHOLE, ///< all that is in the message is known
	STUN_CUT,   ///< … all that stands before the cut
	STUN_NONE,  ///< no message of STUN, or too little of it
};

/// `bytes` is the beginning of a datagram of `len` bytes. `ret_message` is untouched at STUN_NONE.
enum stun_outcome stun_read(struct slice bytes, size_t len, struct stun_message *ret_message);

/// The candidate type that the preference in a priority stands for, where it is one that RFC 8445 section
/// 5.1.2.2 recommends. In a check, it is the type that the peer shall give to who sends it, always
/// peer-reflexive (section 7.1.1); some agents put their own candidate's there.
bool stun_candidate_type(uint32_t priority, enum ice_type *ret_type);

/// ChannelData (RFC 8656 section 12.4): what it carries, as much as is there, and its whole length.
bool turn_channel_read(struct slice bytes, size_t len, uint16_t *ret_channel, struct slice *ret_data,
		       size_t *ret_data_len);

#endif
