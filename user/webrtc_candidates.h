// SPDX-License-Identifier: Apache-2.0
// Which local candidates a session has, by what its sockets are seen to do: each counts once a base. Called
// by webrtc_sessions.c.
#ifndef RINGSIDE_WEBRTC_CANDIDATES_H
#define RINGSIDE_WEBRTC_CANDIDATES_H

#include "webrtc_session.h"

/// The base sent a check; `direct`: not through TURN.
void webrtc_candidates_check(struct webrtc_base *base, const struct stun_message *check, bool direct);
/// A peer answered a check that the base sent directly.
void webrtc_candidates_answer(struct webrtc_base *base, const struct webrtc_datagram *datagram,
			      const struct stun_message *answer);
/// A STUN server answered.
void webrtc_candidates_mapped(struct webrtc_socket *socket, const struct webrtc_datagram *datagram,
			      const struct stun_message *answer);
/// A TURN server did, which relays for the socket.
void webrtc_candidates_allocated(struct webrtc_socket *socket);

#endif
