// SPDX-License-Identifier: Apache-2.0
// Sessions of WebRTC under test, with datagrams as agents send them: one agent of this host, named by its
// fragment, its socket and its owner, and peers that are nothing but a fragment and an address.
#ifndef RINGSIDE_TESTS_WEBRTC_STAGE_H
#define RINGSIDE_TESTS_WEBRTC_STAGE_H

#include <stdio.h>

#include "guarded.h"
#include "webrtc_session.h"

#define SECOND 1000000000ULL
#define MS 1000000ULL

enum { IN, OUT };

struct stage {
	struct webrtc_sessions *sessions;
	uint64_t now;
	uint64_t socket; ///< of this end …
	void *owner;
	const char *local;  ///< … and its fragment
	const char *remote; ///< the peer's
	uint16_t local_port;
	uint16_t remote_port; ///< the peer's address is 10.0.0.2
	uint16_t mapped_port; ///< what the peer sees; else local_port
	uint64_t rtt, rtts;   ///< the last, and how many
	const void *rtt_owner;
	char bytes[512];
	size_t len;
};

static inline void stage_on_rtt(void *context, void *owner, uint64_t rtt_ns)
{
	struct stage *stage = context;

	stage->rtt = rtt_ns;
	stage->rtt_owner = owner;
	stage->rtts++;
}

static int stage_owner, stage_other;

static inline struct stage stage_new(void)
{
	return (struct stage){
		.now = 1000 * SECOND,
		.socket = 7,
		.owner = &stage_owner,
		.local = "mine",
		.remote = "their",
		.local_port = 4000,
		.remote_port = 5000,
	};
}

static inline void stage_begin(struct stage *stage)
{
	*stage = stage_new();
	stage->sessions = webrtc_sessions_new(stage_on_rtt, stage);
}

static inline void stage_end(struct stage *stage)
{
	webrtc_sessions_free(stage->sessions);
}

static inline void put(struct stage *stage, const void *bytes, size_t len)
{
	memcpy(stage->bytes + stage->len, bytes, len);
	stage->len += len;
}

static inline void put16(struct stage *stage, unsigned value)
{
	put(stage, (const uint8_t[]){value >> 8, value}, 2);
}

static inline void message_begin(struct stage *stage, unsigned type, unsigned transaction)
{
	char id[STUN_TRANSACTION_LEN + 1];

	snprintf(id, sizeof(id), "%012u", transaction);
	stage->len = 0;
	put16(stage, type);
	put16(stage, 0);
	put(stage, "\x21\x12\xa4\x42", 4);
	put(stage, id, STUN_TRANSACTION_LEN);
}

static inline void message_end(struct stage *stage)
{
	size_t len = stage->len - STUN_HEADER_LEN;

	stage->bytes[2] = (char)(len >> 8);
	stage->bytes[3] = (char)len;
}

static inline void put_attribute(struct stage *stage, unsigned type, const void *value, size_t len)
{
	put16(stage, type);
	put16(stage, len);
	put(stage, value, len);
	put(stage, "\0\0\0", -len & 3);
}

/* 10.0.0.LAST, in the attribute's disguise. */
static inline void put_address(struct stage *stage, unsigned type, uint8_t last, uint16_t port)
{
	uint8_t value[8] = {0,    1,    (port >> 8) ^ 0x21, (port & 0xff) ^ 0x12, 10 ^ 0x21,
			    0x12, 0xa4, last ^ 0x42};

	put_attribute(stage, type, value, sizeof(value));
}

static inline struct stun_address address_of(uint8_t last, uint16_t port)
{
	return (struct stun_address){.ip = {[10] = 0xff, [11] = 0xff, 10, 0, 0, last}, .port = port};
}

static inline void stage_send(struct stage *stage, bool out)
{
	struct webrtc_datagram datagram = {
		.time_ns = stage->now,
		.socket = stage->socket,
		.owner = stage->owner,
		.local = address_of(1, stage->local_port),
		.remote = address_of(2, stage->remote_port),
		.bytes = {guarded(stage->bytes, stage->len), stage->len},
		.len = stage->len,
		.out = out,
	};

	webrtc_sessions_feed(stage->sessions, &datagram);
}

static inline void make_check(struct stage *stage, bool out, unsigned transaction, bool nominates,
			      uint8_t preference)
{
	char username[64];

	snprintf(username, sizeof(username), "%s:%s", out ? stage->remote : stage->local,
		 out ? stage->local : stage->remote);
	message_begin(stage, 0x0001, transaction);
	put_attribute(stage, 0x0006, username, strlen(username));
	put_attribute(stage, 0x0024, (const uint8_t[]){preference, 0, 1, 0xff}, 4);
	if (nominates)
		put_attribute(stage, 0x0025, "", 0);
	message_end(stage);
}

static inline void make_success(struct stage *stage, unsigned transaction)
{
	message_begin(stage, 0x0101, transaction);
	put_address(stage, 0x0020, 1, stage->mapped_port ? stage->mapped_port : stage->local_port);
	message_end(stage);
}

static inline void check(struct stage *stage, bool out, unsigned transaction, bool nominates)
{
	make_check(stage, out, transaction, nominates, 110);
	stage_send(stage, out);
}

static inline void success(struct stage *stage, bool out, unsigned transaction)
{
	make_success(stage, transaction);
	stage_send(stage, out);
}

/* A check and its answer, 5 ms later. */
static inline void exchange(struct stage *stage, bool out, unsigned transaction, bool nominates)
{
	check(stage, out, transaction, nominates);
	stage->now += 5 * MS;
	success(stage, !out, transaction);
}

static inline void dtls(struct stage *stage, bool out, uint8_t type, uint8_t epoch)
{
	stage->len = 0;
	put(stage, (const uint8_t[]){type, 0xfe, 0xfd, 0, epoch, 0, 0, 0, 0, 0, 1, 0, 2, 1, 0}, 15);
	stage_send(stage, out);
}

static inline void rtp(struct stage *stage, bool out)
{
	stage->len = 0;
	put(stage, (const uint8_t[12]){0x80, 96}, 12);
	stage_send(stage, out);
}

/* Ticks a second each. */
static inline void stage_wait(struct stage *stage, unsigned seconds)
{
	for (unsigned i = 0; i < seconds; i++) {
		stage->now += SECOND;
		webrtc_sessions_tick(stage->sessions, stage->now);
	}
}

static inline struct webrtc_stats stats_of(struct stage *stage, const void *owner)
{
	const struct webrtc_stats *stats = webrtc_sessions_stats(stage->sessions, owner);

	return stats ? *stats : (struct webrtc_stats){0};
}

#define assert_counts(stage, owner_, connected_, failed_, closed_)         \
	do {                                                               \
		struct webrtc_stats stats_ = stats_of(stage, owner_);      \
                                                                           \
		assert_int_equal(stats_.connected, connected_);            \
		assert_int_equal(stats_.failed, failed_);                  \
		assert_int_equal(stats_.closed, closed_);                  \
		assert_int_equal(stats_.active, (connected_) - (closed_)); \
	} while (0)

#endif
