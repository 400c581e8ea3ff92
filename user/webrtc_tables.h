// SPDX-License-Identifier: Apache-2.0
// All sessions of WebRTC, and whose they are: found, made, ended. Owned by webrtc_sessions.c.
#ifndef RINGSIDE_WEBRTC_TABLES_H
#define RINGSIDE_WEBRTC_TABLES_H

#include "webrtc_session.h"

/// Zeroed at the beginning.
struct webrtc_tables {
	struct webrtc_paths paths;
	struct webrtc_session *sessions;
	struct webrtc_owner *owners;
	struct webrtc_losses losses;
};

void webrtc_tables_free(struct webrtc_tables *tables);

/// NULL if there is none.
struct webrtc_owner *webrtc_owner_find(struct webrtc_tables *tables, const void *owner);
struct webrtc_session *webrtc_session_find(struct webrtc_tables *tables, const struct webrtc_key *key);

/// The datagram is one of the session's.
void webrtc_tables_touch(struct webrtc_tables *tables, struct webrtc_session *session,
			 const struct webrtc_datagram *datagram);
/// The pair of a path and a session that this end uses, all made if need be. NULL where there is no room,
/// which is counted, and where the session has ended.
struct webrtc_pair *webrtc_tables_pair(struct webrtc_tables *tables, const struct webrtc_datagram *datagram,
				       const struct webrtc_path *path, const struct webrtc_key *key);

/// A socket has ended, and with it each session that has no other.
void webrtc_tables_close(struct webrtc_tables *tables, uint64_t socket);
void webrtc_tables_tick(struct webrtc_tables *tables, uint64_t now_ns);
void webrtc_tables_forget_owner(struct webrtc_tables *tables, const void *owner);

#endif
