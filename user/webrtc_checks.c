// SPDX-License-Identifier: Apache-2.0
// A table of fixed size, in which new requests take the place of the oldest: most of what an agent sends is
// never answered. webrtc_sessions.c fills it.
#include "webrtc_checks.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

/* Most wait in vain: a thousand sessions that begin at once send ten thousand checks in their first seconds.
 */
#define SETS 2048
#define WAYS 8
/* Nothing is answered that late but over paths on which nobody would hold a session. */
#define ANSWERED_NS 5000000000ULL

struct webrtc_checks {
	uint64_t lost;
	/* What came in apart from what went out, lest strangers drive out our own; empty where sent_ns is 0.
	 */
	struct webrtc_check sets[2][SETS][WAYS];
};

struct webrtc_checks *webrtc_checks_new(void)
{
	return calloc(1, sizeof(struct webrtc_checks));
}

void webrtc_checks_free(struct webrtc_checks *checks)
{
	free(checks);
}

static struct webrtc_check *set_of(struct webrtc_checks *checks, const uint8_t *transaction, bool out)
{
	return checks->sets[out][XXH3_64bits(transaction, STUN_TRANSACTION_LEN) % SETS];
}

/* A TURN server on this host sends what its clients on this host send, too. */
static struct webrtc_check *check_find(struct webrtc_checks *checks, uint64_t socket,
				       const uint8_t *transaction, bool out)
{
	struct webrtc_check *set = set_of(checks, transaction, out);

	for (unsigned i = 0; i < WAYS; i++)
		if (set[i].sent_ns && set[i].path.socket == socket &&
		    !memcmp(set[i].transaction, transaction, STUN_TRANSACTION_LEN))
			return &set[i];
	return NULL;
}

void webrtc_checks_add(struct webrtc_checks *checks, const struct webrtc_check *check)
{
	struct webrtc_check *known = check_find(checks, check->path.socket, check->transaction, check->out);
	struct webrtc_check *set = set_of(checks, check->transaction, check->out);
	struct webrtc_check *oldest = set;

	if (known) {
		known->resent = true;
		known->nominates |= check->nominates;
		return;
	}
	for (unsigned i = 1; i < WAYS; i++)
		if (set[i].sent_ns < oldest->sent_ns)
			oldest = &set[i];
	if (oldest->sent_ns && check->sent_ns < oldest->sent_ns + ANSWERED_NS)
		checks->lost++;
	*oldest = *check;
}

bool webrtc_checks_take(struct webrtc_checks *checks, uint64_t socket,
			const uint8_t transaction[STUN_TRANSACTION_LEN], bool out,
			struct webrtc_check *ret_check)
{
	struct webrtc_check *check = check_find(checks, socket, transaction, out);

	if (!check)
		return false;
	*ret_check = *check;
	check->sent_ns = 0;
	return true;
}

uint64_t webrtc_checks_lost(const struct webrtc_checks *checks)
{
	return checks->lost;
}
