// SPDX-License-Identifier: Apache-2.0
// Makes sessions of datagrams: which check is whose, what its answer proves, what came of the handshake.
// webrtc_session.c knows what a session becomes by that; who has the services writes it out.
#include "webrtc_sessions.h"

#include <stdlib.h>
#include <string.h>

#include "protocols/dtls.h"
#include "webrtc_candidates.h"
#include "webrtc_checks.h"
#include "webrtc_relays.h"
#include "webrtc_tables.h"

struct webrtc_sessions {
	struct webrtc_tables tables;
	struct webrtc_checks *checks;
	webrtc_on_rtt *on_rtt;
	void *context;
	struct webrtc_relays relays;
};

struct webrtc_sessions *webrtc_sessions_new(webrtc_on_rtt *on_rtt, void *context)
{
	struct webrtc_sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return NULL;
	sessions->on_rtt = on_rtt;
	sessions->context = context;
	sessions->checks = webrtc_checks_new();
	if (!sessions->checks) {
		free(sessions);
		return NULL;
	}
	return sessions;
}

void webrtc_sessions_free(struct webrtc_sessions *sessions)
{
	if (!sessions)
		return;
	webrtc_tables_free(&sessions->tables);
	webrtc_checks_free(sessions->checks);
	free(sessions);
}

static struct webrtc_pair *pair_of(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
				   const struct webrtc_check *check)
{
	struct webrtc_key key = {check->local, check->remote};

	if (!webrtc_socket_find(&sessions->tables.paths, datagram->socket) &&
	    webrtc_relays_have(&sessions->relays, datagram))
		return NULL;
	return webrtc_tables_pair(&sessions->tables, datagram, &check->path, &key);
}

/* A check says "peer:own" of who sends it (RFC 8445 section 7.2.2). */
static void on_request(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
		       const struct webrtc_path *path, const struct stun_message *message)
{
	struct webrtc_check check = {
		.sent_ns = datagram->time_ns,
		.path = *path,
		.method = message->method,
		.out = datagram->out,
		.nominates = message->has & STUN_HAS_USE_CANDIDATE,
	};
	bool is_ice = message->method == STUN_BINDING && message->has & STUN_HAS_USERNAME;
	struct webrtc_pair *pair;

	/* What others ask of a server of ours begins nothing but by our answer. */
	if (!is_ice && !datagram->out)
		return;
	memcpy(check.transaction, message->transaction, sizeof(check.transaction));
	if (is_ice) {
		check.local = message->fragments[datagram->out ? 1 : 0];
		check.remote = message->fragments[datagram->out ? 0 : 1];
	}
	webrtc_checks_add(sessions->checks, &check);
	if (is_ice && datagram->out) {
		pair = pair_of(sessions, datagram, &check);
		if (pair)
			webrtc_candidates_check(pair->base, message, path->channel == WEBRTC_DIRECT);
	} else if (is_ice) {
		pair = webrtc_pair_find(&sessions->tables.paths, path);
		if (pair)
			webrtc_tables_touch(&sessions->tables, pair->base->session, datagram);
	}
}

/* The peer's nomination stands once the path is known to work both ways (RFC 8445 section 7.3.1.5): an answer
 * of ours may not have come to it. */
static void pair_proven(struct webrtc_pair *pair)
{
	if (!pair->nominated || (!pair->succeeded && !pair->heard))
		return;
	webrtc_session_connect(pair->base->session);
}

/* The peer answered a check of ours. */
static void on_success_in(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
			  const struct webrtc_check *check, const struct stun_message *message)
{
	struct webrtc_pair *pair = webrtc_pair_find(&sessions->tables.paths, &check->path);
	struct webrtc_session *session;

	if (!pair)
		return;
	session = pair->base->session;
	webrtc_tables_touch(&sessions->tables, session, datagram);
	session->success_ns = datagram->time_ns;
	pair->succeeded = true;
	if (check->nominates)
		webrtc_session_connect(session);
	pair_proven(pair);
	if (sessions->on_rtt && session->owner && !check->resent && datagram->time_ns >= check->sent_ns)
		sessions->on_rtt(sessions->context, session->owner->owner,
				 datagram->time_ns - check->sent_ns);
	if (check->path.channel == WEBRTC_DIRECT)
		webrtc_candidates_answer(pair->base, datagram, message);
}

/* We answer a check of the peer's. */
static void on_success_out(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
			   const struct webrtc_check *check)
{
	struct webrtc_pair *pair = pair_of(sessions, datagram, check);

	if (!pair || !check->nominates)
		return;
	pair->nominated = true;
	pair_proven(pair);
}

/* A server tells the socket of an address that it can be reached at. */
static void on_gathered(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
			const struct webrtc_check *check, const struct stun_message *message)
{
	struct webrtc_socket *socket =
		webrtc_socket_get(&sessions->tables.paths, datagram->socket, datagram->time_ns);

	if (!socket) {
		sessions->tables.losses.table_full++;
		return;
	}
	if (check->method == STUN_BINDING)
		webrtc_candidates_mapped(socket, datagram, message);
	else
		webrtc_candidates_allocated(socket);
}

static void on_success(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
		       const struct stun_message *message)
{
	struct webrtc_check check;

	if (datagram->out && message->method == STUN_ALLOCATE && message->has & STUN_HAS_RELAYED)
		webrtc_relays_add(&sessions->relays, datagram, message);
	if (!webrtc_checks_take(sessions->checks, datagram->socket, message->transaction, !datagram->out,
				&check) ||
	    check.method != message->method)
		return;
	if (!check.local && !check.remote)
		on_gathered(sessions, datagram, &check, message);
	else if (datagram->out)
		on_success_out(sessions, datagram, &check);
	else
		on_success_in(sessions, datagram, &check, message);
}

static void on_dtls(const struct webrtc_datagram *datagram, struct webrtc_session *session)
{
	struct slice bytes = datagram->bytes;
	size_t left = datagram->len;
	struct dtls_record record;

	while (dtls_read(&bytes, &left, &record) == DTLS_RECORD) {
		if (dtls_is_protected(&record))
			webrtc_session_protected(session, datagram->out);
		/* It had been connected, if ringside was not there to see it. */
		if (dtls_ends(&record) && dtls_is_protected(&record))
			webrtc_session_connect(session);
		if (dtls_ends(&record) && session->state == WEBRTC_CONNECTED)
			webrtc_session_end(session);
	}
}

/* What runs over a path, once it is a session's. */
static void on_traffic(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
		       const struct webrtc_path *path, enum datagram_kind kind)
{
	struct webrtc_pair *pair = webrtc_pair_find(&sessions->tables.paths, path);
	struct webrtc_session *session;

	if (!pair)
		return;
	session = pair->base->session;
	webrtc_tables_touch(&sessions->tables, session, datagram);
	if (!datagram->out) {
		pair->heard = true;
		pair_proven(pair);
	}
	if (kind == DATAGRAM_RTP)
		webrtc_session_protected(session, datagram->out);
	else
		on_dtls(datagram, session);
}

static void datagram_take(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
			  const struct webrtc_path *path);

/* What a client of TURN sends or gets through its server is as good as direct, on a path of its own. */
static void on_carried(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
		       const struct webrtc_path *path, struct slice data, size_t len)
{
	struct webrtc_datagram carried = *datagram;

	carried.bytes = data;
	carried.len = len;
	datagram_take(sessions, &carried, path);
}

/* A server's ends of the same have the other direction. */
static void on_indication(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
			  const struct webrtc_path *path, const struct stun_message *message)
{
	struct webrtc_path carried = {
		.socket = path->socket,
		.remote = message->peer,
		.channel = WEBRTC_INDICATIONS,
	};
	uint16_t has = STUN_HAS_PEER | STUN_HAS_DATA;

	if (path->channel == WEBRTC_DIRECT && message->method == (datagram->out ? STUN_SEND : STUN_DATA) &&
	    (message->has & has) == has)
		on_carried(sessions, datagram, &carried, message->data, message->data_len);
}

static void on_channel(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
		       const struct webrtc_path *path)
{
	const struct webrtc_socket *socket = webrtc_socket_find(&sessions->tables.paths, path->socket);
	struct webrtc_path carried = *path;
	struct slice data;
	size_t len;

	if (path->channel == WEBRTC_DIRECT && socket && socket->allocated &&
	    turn_channel_read(datagram->bytes, datagram->len, &carried.channel, &data, &len))
		on_carried(sessions, datagram, &carried, data, len);
}

static void on_stun(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
		    const struct webrtc_path *path)
{
	struct stun_message message;

	if (stun_read(datagram->bytes, datagram->len, &message) == STUN_NONE)
		return;
	switch (message.class) {
	case STUN_REQUEST:
		on_request(sessions, datagram, path, &message);
		break;
	case STUN_INDICATION:
		on_indication(sessions, datagram, path, &message);
		break;
	case STUN_SUCCESS:
		on_success(sessions, datagram, &message);
		break;
	default:
		break;
	}
}

static void datagram_take(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram,
			  const struct webrtc_path *path)
{
	enum datagram_kind kind;

	if (!datagram->bytes.len)
		return;
	kind = datagram_kind((uint8_t)datagram->bytes.data[0]);
	if (kind == DATAGRAM_STUN)
		on_stun(sessions, datagram, path);
	else if (kind == DATAGRAM_TURN_CHANNEL)
		on_channel(sessions, datagram, path);
	else if (kind != DATAGRAM_OTHER)
		on_traffic(sessions, datagram, path, kind);
}

void webrtc_sessions_feed(struct webrtc_sessions *sessions, const struct webrtc_datagram *datagram)
{
	struct webrtc_path path = {.socket = datagram->socket, .remote = datagram->remote};

	datagram_take(sessions, datagram, &path);
}

void webrtc_sessions_on_close(struct webrtc_sessions *sessions, uint64_t socket)
{
	webrtc_tables_close(&sessions->tables, socket);
}

void webrtc_sessions_tick(struct webrtc_sessions *sessions, uint64_t now_ns)
{
	webrtc_tables_tick(&sessions->tables, now_ns);
}

const struct webrtc_stats *webrtc_sessions_stats(struct webrtc_sessions *sessions, const void *owner)
{
	const struct webrtc_owner *found = webrtc_owner_find(&sessions->tables, owner);

	return found ? &found->stats : NULL;
}

void webrtc_sessions_forget_owner(struct webrtc_sessions *sessions, const void *owner)
{
	webrtc_tables_forget_owner(&sessions->tables, owner);
}

struct webrtc_losses webrtc_sessions_losses(const struct webrtc_sessions *sessions)
{
	struct webrtc_losses losses = sessions->tables.losses;

	losses.checks_lost = webrtc_checks_lost(sessions->checks);
	return losses;
}
