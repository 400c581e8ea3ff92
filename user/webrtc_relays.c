// SPDX-License-Identifier: Apache-2.0
// Remembers the last allocations of TURN servers. webrtc_sessions.c asks before it makes a session.
#include "webrtc_relays.h"

#include "webrtc_sessions.h"

void webrtc_relays_add(struct webrtc_relays *relays, const struct webrtc_datagram *datagram,
		       const struct stun_message *answer)
{
	relays->last[relays->next++ % WEBRTC_RELAYS] = (struct webrtc_relay){
		.owner = datagram->owner,
		.port = answer->relayed.port,
	};
}

/* The address may be that of a NAT before the server; the port is the socket's. Who owns either may not have
 * been known yet. */
bool webrtc_relays_have(const struct webrtc_relays *relays, const struct webrtc_datagram *datagram)
{
	for (unsigned i = 0; i < WEBRTC_RELAYS; i++) {
		const struct webrtc_relay *relay = &relays->last[i];

		if (relay->port && relay->port == datagram->local.port &&
		    (relay->owner == datagram->owner || !relay->owner || !datagram->owner))
			return true;
	}
	return false;
}
