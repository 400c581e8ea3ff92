// SPDX-License-Identifier: Apache-2.0
// Tells the types of local candidates apart (RFC 8445 section 5.1.1). webrtc_session.c counts them.
#include "webrtc_candidates.h"

#include <string.h>

static bool is_same(const struct stun_address *one, const struct stun_address *other)
{
	return !memcmp(one, other, sizeof(*one));
}

/* What a socket has beside its own address, it has for each session. */
static void base_candidates(struct webrtc_base *base)
{
	if (base->socket->mapped.port)
		webrtc_session_candidate(base->session, base, ICE_SRFLX);
	if (base->socket->allocated)
		webrtc_session_candidate(base->session, base, ICE_RELAY);
}

static void socket_candidates(struct webrtc_socket *socket)
{
	struct webrtc_base *base;

	LIST_FOREACH(base, &socket->bases, of_socket)
	base_candidates(base);
}

/* pion has a socket of its own for what a STUN server saw, and puts that candidate's priority into its
 * checks. Those that do as they should say "peer-reflexive" there, whatever they check from. */
static enum ice_type type_of(const struct stun_message *check)
{
	enum ice_type type;

	if (!(check->has & STUN_HAS_PRIORITY) || !stun_candidate_type(check->priority, &type))
		return ICE_HOST;
	return type == ICE_SRFLX ? ICE_SRFLX : ICE_HOST;
}

void webrtc_candidates_check(struct webrtc_base *base, const struct stun_message *check, bool direct)
{
	webrtc_session_candidate(base->session, base, direct ? type_of(check) : ICE_RELAY);
	base_candidates(base);
}

void webrtc_candidates_answer(struct webrtc_base *base, const struct webrtc_datagram *datagram,
			      const struct stun_message *answer)
{
	if (answer->has & STUN_HAS_MAPPED && !is_same(&answer->mapped, &datagram->local) &&
	    !is_same(&answer->mapped, &base->socket->mapped))
		webrtc_session_candidate(base->session, base, ICE_PRFLX);
}

void webrtc_candidates_mapped(struct webrtc_socket *socket, const struct webrtc_datagram *datagram,
			      const struct stun_message *answer)
{
	if (!(answer->has & STUN_HAS_MAPPED) || is_same(&answer->mapped, &datagram->local))
		return;
	socket->mapped = answer->mapped;
	socket_candidates(socket);
}

void webrtc_candidates_allocated(struct webrtc_socket *socket)
{
	socket->allocated = true;
	socket_candidates(socket);
}
