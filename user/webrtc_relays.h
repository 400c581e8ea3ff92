// SPDX-License-Identifier: Apache-2.0
// The ports at which TURN servers on this host relay for others. What passes there looks like an agent's own
// checks and answers, and is none of the server's sessions. Owned by webrtc_sessions.c.
#ifndef RINGSIDE_WEBRTC_RELAYS_H
#define RINGSIDE_WEBRTC_RELAYS_H

#include "protocols/stun.h"

struct webrtc_datagram;

/// Allocations that are remembered: of each only until its first check.
#define WEBRTC_RELAYS 256

struct webrtc_relay {
	const void *owner;
	uint16_t port; ///< 0: none
};

/// Zeroed at the beginning.
struct webrtc_relays {
	struct webrtc_relay last[WEBRTC_RELAYS];
	unsigned next;
};

/// The answer by which a server gives a client a relayed address.
void webrtc_relays_add(struct webrtc_relays *relays, const struct webrtc_datagram *datagram,
		       const struct stun_message *answer);
/// Whether this end of the datagram is such an address.
bool webrtc_relays_have(const struct webrtc_relays *relays, const struct webrtc_datagram *datagram);

#endif
