// SPDX-License-Identifier: Apache-2.0
// Sessions of WebRTC seen from outside: connectivity checks of ICE, handshakes and ends of DTLS, by the
// datagrams of this host's sockets. What they add up to is each owner's, which is the service that has the
// socket.
//
// A session is what one end has with one other: all paths that are checked with one pair of username
// fragments. If both ends are on this host, each has its own; if in one service, that has two, as it has two
// peer connections. It is
//   connected  when a check that nominates was answered, and the peer can be heard: to a check of ours by a
//              success; to a check of the peer's, if the path has been proven to work the other way, too, by
//              the answer to a check of ours or by what peers only send after an answer (DTLS, RTP). Or when
//              DTLS is done, that is, something under its keys went either way;
//   failed     when that did not come about within WEBRTC_FAILED_NS, or until its sockets were closed;
//   closed     when it had been connected, and an alert of DTLS, its sockets' end, or silence of
//              WEBRTC_CONSENT_NS ended it.
// A failed session may connect later and counts as both. What a stranger sends begins no session: only what
// this end sends does.
//
// Candidates are this end's own, as far as they are seen to be used: `host` for a socket that checks
// directly, `srflx` if a STUN server told it another address than its own (or its checks say that they are of
// one), `prflx` if only the peer did, `relay` for what goes through TURN. Each counts once a session and
// socket.
//
// Not known: that a session on other sockets with other fragments is the same one, restarted (RFC 8445
// section 9); what goes over TCP; that an address is a TURN server's for others, where its allocation was not
// seen.
//
// What the kernel is to tell (to become EVENT_DATAGRAM, 272 bytes, fixed, in include/event.h):
//
//   struct datagram_event {
//           struct event_header header; flags: EVENT_OUT; EVENT_CLOSE of its socket is an event_header alone
//           __u64 cgroup;
//           __u32 tgid;
//           __u16 local_port;           host byte order, as the next
//           __u16 remote_port;
//           __u8  local_address[16];    IPv4 as IPv6 maps it; as they stand in the packet
//           __u8  remote_address[16];
//           __u16 len;                  of the UDP payload …
//           __u16 captured;             … and of its beginning that is here
//           __u32 reserved;
//           __u8  data[192];
//   };
//
// from cgroup_skb, of UDP only, by the first byte of the payload (RFC 7983):
//   0–3      with the cookie 0x2112a442 at byte 4: all. A check is 90 to 150 bytes, through TURN up to 40
//            more; its username, priority and nomination stand before its integrity;
//   20–63    DTLS: all handshakes, alerts and changes of cipher; application data (23, and 32–63 of 1.3)
//   128–191  and RTP or RTCP: one in two seconds for each path and direction (an LRU hash by cookie,
//            remote address and direction), enough to know that the peer is there;
//   64–79    TURN's ChannelData: by the byte behind its four, as above.
// DTLS and RTP only of sockets that have sent STUN (a flag in the socket's storage): others are not WebRTC.
// That a socket has ended is told by cgroup/sock_release (5.9), of sockets with that flag.
#ifndef RINGSIDE_WEBRTC_SESSIONS_H
#define RINGSIDE_WEBRTC_SESSIONS_H

#include "protocols/stun.h"

struct webrtc_sessions;

struct webrtc_datagram {
	uint64_t time_ns;
	uint64_t socket;            ///< its cookie
	void *owner;                ///< NULL while it is not known
	struct slice bytes;         ///< the beginning …
	size_t len;                 ///< … of so many
	struct stun_address local;  ///< as they stand in the packet
	struct stun_address remote; ///< where it came from, or goes
	bool out;
};

struct webrtc_stats {
	uint64_t connected;
	uint64_t failed;
	uint64_t closed;
	uint64_t active; ///< connected and not closed
	uint64_t candidates[ICE_TYPES];
};

struct webrtc_losses {
	uint64_t table_full;  ///< datagrams of sessions that are not followed
	uint64_t checks_lost; ///< checks whose answer says nothing any more
	uint64_t unowned;     ///< sessions whose owner was not known by their end
};

/// The time from a check to its answer. Called within webrtc_sessions_feed; `owner` is never NULL.
typedef void webrtc_on_rtt(void *context, void *owner, uint64_t rtt_ns);

/// `on_rtt` may be NULL. NULL without memory.
struct webrtc_sessions *webrtc_sessions_new(webrtc_on_rtt *on_rtt, void *context);
void webrtc_sessions_free(struct webrtc_sessions *sessions);

void webrtc_sessions_feed(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram);
/// A socket, of whatever kind, has ended.
void webrtc_sessions_on_close(struct webrtc_sessions *sessions, uint64_t socket);
/// Once a second, with the clock of the datagrams.
void webrtc_sessions_tick(struct webrtc_sessions *sessions, uint64_t now_ns);

/// NULL before its first session.
const struct webrtc_stats *webrtc_sessions_stats(struct webrtc_sessions *sessions, const void *owner);
/// The owner is about to be freed. Its sessions go on, and are those of whom they are next said to be.
void webrtc_sessions_forget_owner(struct webrtc_sessions *sessions, const void *owner);
struct webrtc_losses webrtc_sessions_losses(const struct webrtc_sessions *sessions);

#endif
