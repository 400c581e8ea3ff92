// SPDX-License-Identifier: Apache-2.0
// ICE candidates in text, whatever the signalling is: lines of SDP (`a=candidate:…`) or what browsers put
// into JSON (`"candidate":"candidate:…"`), both as RFC 8839 section 5.1 has them. Pure: bytes in, facts out.
// Those of component 2, RTCP, do not count: in WebRTC it shares the port of RTP (RFC 8834 section 4.5), but
// pion writes each candidate a second time for it.
#ifndef RINGSIDE_PROTOCOLS_CANDIDATES_H
#define RINGSIDE_PROTOCOLS_CANDIDATES_H

#include "../exchange.h"

enum ice_type {
	ICE_HOST,
	ICE_SRFLX, ///< server-reflexive: what a STUN server saw
	ICE_PRFLX, ///< peer-reflexive: what the other peer saw
	ICE_RELAY,
	ICE_TYPES,
};

/// Zeroed at a text's beginning; the text may come in any pieces.
struct candidates_reader {
	uint64_t found[ICE_TYPES];
	uint8_t prefix; ///< bytes of "candidate:" that have just been read
	uint8_t field;  ///< of the candidate that goes on, from 1 on; 0 outside of one
	uint8_t len;    ///< bytes of the field
	uint8_t types;  ///< the types that the last field may still be, a bit each
};

void candidates_read(struct candidates_reader *reader, struct slice text);
/// The text is over, which a candidate at its end may have waited for.
void candidates_end(struct candidates_reader *reader);

/// As in SDP, and in the label `type`.
const char *ice_type_name(enum ice_type type);

#endif
