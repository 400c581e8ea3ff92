// SPDX-License-Identifier: Apache-2.0
// Requests of STUN that wait for their answer, which says of what it answers no more than the transaction.
// Owned by webrtc_sessions.c.
#ifndef RINGSIDE_WEBRTC_CHECKS_H
#define RINGSIDE_WEBRTC_CHECKS_H

#include "webrtc_paths.h"

struct webrtc_checks;

/// Without holes between the fields.
struct webrtc_check {
	uint64_t sent_ns; ///< or received
	struct webrtc_path path;
	uint64_t local; ///< hashes of the fragments; 0 both if it is none of ICE
	uint64_t remote;
	uint8_t transaction[STUN_TRANSACTION_LEN];
	uint16_t method;
	bool out;
	bool nominates; ///< USE-CANDIDATE
	bool resent;    ///< which of them is answered is not known
};

/// NULL without memory.
struct webrtc_checks *webrtc_checks_new(void);
void webrtc_checks_free(struct webrtc_checks *checks);

/// A request, or the same again.
void webrtc_checks_add(struct webrtc_checks *checks, const struct webrtc_check *check);
/// The request that is answered, which is then forgotten. `out`: the request's direction, not the answer's.
bool webrtc_checks_take(struct webrtc_checks *checks, uint64_t socket,
			const uint8_t transaction[STUN_TRANSACTION_LEN], bool out,
			struct webrtc_check *ret_check);
/// Requests that were forgotten while their answers may yet have come.
uint64_t webrtc_checks_lost(const struct webrtc_checks *checks);

#endif
