// SPDX-License-Identifier: Apache-2.0
// One session of WebRTC as one of its ends has it: a pair of ICE's username fragments, over however many
// paths; what becomes of it, and what of that its service has been told. Owned by webrtc_sessions.c.
#ifndef RINGSIDE_WEBRTC_SESSION_H
#define RINGSIDE_WEBRTC_SESSION_H

#include "webrtc_paths.h"
#include "webrtc_sessions.h"

/// Without success for so long, a session has failed: what pion gives up after; browsers do after 15 to 30
/// seconds.
#define WEBRTC_FAILED_NS 30000000000ULL
/// Consent to send expires so long after the peer was last heard (RFC 7675 section 5.1).
#define WEBRTC_CONSENT_NS 30000000000ULL
/// A session that has ended is remembered until so long after its last datagram, lest what one end still
/// sends begin it anew.
#define WEBRTC_LINGER_NS 60000000000ULL

enum webrtc_state {
	WEBRTC_CHECKING,
	WEBRTC_CONNECTED,
	WEBRTC_FAILED, ///< has waited too long; may connect all the same
	WEBRTC_ENDED,  ///< closed, or without sockets before it connected
};

/// Of one owner.
struct webrtc_owner {
	void *owner;
	struct webrtc_stats stats;
	UT_hash_handle hh;
};

struct webrtc_key {
	uint64_t local; ///< hash of this end's fragment
	uint64_t remote;
};

/// Zeroed but for its key and started_ns.
struct webrtc_session {
	struct webrtc_key key;
	uint64_t started_ns;         ///< this end checked, or answered, for the first time
	uint64_t success_ns;         ///< the peer answered a check; 0 before
	uint64_t heard_ns;           ///< the peer sent something
	uint64_t touched_ns;         ///< anybody did
	struct webrtc_owner *owner;  ///< NULL while not known …
	struct webrtc_stats unowned; ///< … and what it will be told
	struct webrtc_bases bases;
	enum webrtc_state state;
	bool protected_in;  ///< what only comes after the DTLS handshake came in …
	bool protected_out; ///< … or went out
	UT_hash_handle hh;
};

/// Its owner is known now, and is told what was counted until now.
void webrtc_session_own(struct webrtc_session *session, struct webrtc_owner *owner);
/// Its owner is about to be gone. For the next one it begins, if it is connected.
void webrtc_session_disown(struct webrtc_session *session);

/// A local candidate of the session, which counts once a base.
void webrtc_session_candidate(struct webrtc_session *session, struct webrtc_base *base, enum ice_type type);

void webrtc_session_connect(struct webrtc_session *session);
/// It is closed if it was connected, else it has failed, and that is that.
void webrtc_session_end(struct webrtc_session *session);
/// Something protected went one way; DTLS is done when it has gone both.
void webrtc_session_protected(struct webrtc_session *session, bool out);

/// Once a second. False: it may be removed.
bool webrtc_session_tick(struct webrtc_session *session, uint64_t now_ns);

#endif
