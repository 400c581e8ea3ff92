// SPDX-License-Identifier: Apache-2.0
// What a session of WebRTC stands on: the sockets of this host's end, and the paths from each to the other
// end's addresses. Owned by webrtc_sessions.c.
#ifndef RINGSIDE_WEBRTC_PATHS_H
#define RINGSIDE_WEBRTC_PATHS_H

#include <sys/queue.h>

#include <uthash.h>

#include "protocols/stun.h"

struct webrtc_session;

enum { WEBRTC_DIRECT = 0, WEBRTC_INDICATIONS = 1 };

/// From a socket to an address. Without holes: the key of a table.
struct webrtc_path {
	uint64_t socket;            ///< its cookie
	struct stun_address remote; ///< of the peer; of the TURN server where that gave it a channel
	uint16_t channel;           ///< of TURN, or WEBRTC_INDICATIONS of it, or WEBRTC_DIRECT
	uint16_t reserved[2];
};

/// A socket that belongs to a session: what ICE calls a base (RFC 8445 section 4).
struct webrtc_base {
	struct webrtc_socket *socket;
	struct webrtc_session *session;
	LIST_HEAD(, webrtc_pair) pairs;
	LIST_ENTRY(webrtc_base) of_socket;
	LIST_ENTRY(webrtc_base) of_session;
	uint8_t candidates; ///< a bit for each enum ice_type that was counted
};

LIST_HEAD(webrtc_bases, webrtc_base);

/// A path that a session has used.
struct webrtc_pair {
	struct webrtc_path path;
	struct webrtc_base *base;
	bool succeeded; ///< the peer answered a check of ours,
	bool nominated; ///< we answered one of its that nominates,
	bool heard;     ///< and it sent what is only sent to who has answered
	LIST_ENTRY(webrtc_pair) link;
	UT_hash_handle hh;
};

struct webrtc_socket {
	uint64_t socket;
	uint64_t touched_ns;
	struct stun_address mapped; ///< what a STUN server said of it; all zero before
	bool allocated;             ///< it is a client of TURN and has a relayed address
	struct webrtc_bases bases;
	UT_hash_handle hh;
};

/// Zeroed at the beginning.
struct webrtc_paths {
	struct webrtc_socket *sockets;
	struct webrtc_pair *pairs;
};

/// NULL if there is none.
struct webrtc_socket *webrtc_socket_find(struct webrtc_paths *paths, uint64_t socket);
struct webrtc_pair *webrtc_pair_find(struct webrtc_paths *paths, const struct webrtc_path *path);

/// Made if need be; NULL if there are too many, or no memory.
struct webrtc_socket *webrtc_socket_get(struct webrtc_paths *paths, uint64_t socket, uint64_t now_ns);
/// There is none of the path yet. NULL if there are too many, or no memory.
struct webrtc_pair *webrtc_pair_add(struct webrtc_paths *paths, const struct webrtc_path *path,
				    struct webrtc_socket *socket, struct webrtc_session *session,
				    struct webrtc_bases *of_session);

/// With its base, if that has no other.
void webrtc_pair_remove(struct webrtc_paths *paths, struct webrtc_pair *pair);
/// With its pairs, of which it has at least one.
void webrtc_base_remove(struct webrtc_paths *paths, struct webrtc_base *base);
/// It has no bases.
void webrtc_socket_remove(struct webrtc_paths *paths, struct webrtc_socket *socket);

#endif
