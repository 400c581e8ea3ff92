// SPDX-License-Identifier: Apache-2.0
// What becomes of a session. webrtc_sessions.c says what was seen of it.
#include "webrtc_session.h"

/* A path that worked so lately works. */
#define RECENT_NS 10000000000ULL

static struct webrtc_stats *stats_of(struct webrtc_session *session)
{
	return session->owner ? &session->owner->stats : &session->unowned;
}

void webrtc_session_own(struct webrtc_session *session, struct webrtc_owner *owner)
{
	struct webrtc_stats *stats = &owner->stats;

	if (session->owner)
		return;
	stats->connected += session->unowned.connected;
	stats->failed += session->unowned.failed;
	stats->closed += session->unowned.closed;
	stats->active += session->unowned.active;
	for (unsigned type = 0; type < ICE_TYPES; type++)
		stats->candidates[type] += session->unowned.candidates[type];
	session->unowned = (struct webrtc_stats){0};
	session->owner = owner;
}

void webrtc_session_disown(struct webrtc_session *session)
{
	session->owner = NULL;
	session->unowned.connected = session->unowned.active = session->state == WEBRTC_CONNECTED;
}

void webrtc_session_candidate(struct webrtc_session *session, struct webrtc_base *base, enum ice_type type)
{
	if (base->candidates >> type & 1)
		return;
	base->candidates |= 1 << type;
	stats_of(session)->candidates[type]++;
}

void webrtc_session_connect(struct webrtc_session *session)
{
	struct webrtc_stats *stats = stats_of(session);

	if (session->state == WEBRTC_CONNECTED || session->state == WEBRTC_ENDED)
		return;
	session->state = WEBRTC_CONNECTED;
	stats->connected++;
	stats->active++;
}

void webrtc_session_end(struct webrtc_session *session)
{
	struct webrtc_stats *stats = stats_of(session);

	if (session->state == WEBRTC_CONNECTED) {
		stats->active--;
		stats->closed++;
	} else if (session->state == WEBRTC_CHECKING) {
		stats->failed++;
	}
	session->state = WEBRTC_ENDED;
}

void webrtc_session_protected(struct webrtc_session *session, bool out)
{
	*(out ? &session->protected_out : &session->protected_in) = true;
	if (session->protected_in && session->protected_out)
		webrtc_session_connect(session);
}

/* One that is older than ringside, or whose nomination was lost, is checked for consent only: it has not
 * failed if these checks are answered. */
static void checking_tick(struct webrtc_session *session, uint64_t now_ns)
{
	if (now_ns < session->started_ns + WEBRTC_FAILED_NS)
		return;
	if (session->success_ns && now_ns < session->success_ns + RECENT_NS) {
		webrtc_session_connect(session);
		return;
	}
	session->state = WEBRTC_FAILED;
	stats_of(session)->failed++;
}

bool webrtc_session_tick(struct webrtc_session *session, uint64_t now_ns)
{
	switch (session->state) {
	case WEBRTC_CHECKING:
		checking_tick(session, now_ns);
		return true;
	case WEBRTC_CONNECTED:
		if (now_ns >= session->heard_ns + WEBRTC_CONSENT_NS)
			webrtc_session_end(session);
		return true;
	default:
		return now_ns < session->touched_ns + WEBRTC_LINGER_NS;
	}
}
