// SPDX-License-Identifier: Apache-2.0
// Local candidates by what sockets do, and sessions through TURN: from the client's side, and none on the
// server's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "webrtc_stage.h"

#define assert_candidates(stage, host, srflx, prflx, relay)                 \
	do {                                                                \
		struct webrtc_stats found_ = stats_of(stage, &stage_owner); \
                                                                            \
		assert_int_equal(found_.candidates[ICE_HOST], host);        \
		assert_int_equal(found_.candidates[ICE_SRFLX], srflx);      \
		assert_int_equal(found_.candidates[ICE_PRFLX], prflx);      \
		assert_int_equal(found_.candidates[ICE_RELAY], relay);      \
	} while (0)

/* Asks a STUN server, which sees the socket at `port`. */
static void gather(struct stage *stage, unsigned transaction, uint16_t port)
{
	uint16_t peer = stage->remote_port;

	stage->remote_port = 3478;
	message_begin(stage, 0x0001, transaction);
	stage_send(stage, OUT);
	message_begin(stage, 0x0101, transaction);
	put_address(stage, 0x0020, 1, port);
	message_end(stage);
	stage_send(stage, IN);
	stage->remote_port = peer;
}

static void allocate(struct stage *stage, unsigned transaction, bool out)
{
	uint16_t peer = stage->remote_port;

	stage->remote_port = 3478;
	message_begin(stage, 0x0003, transaction);
	stage_send(stage, out);
	message_begin(stage, 0x0103, transaction);
	put_address(stage, 0x0016, 9, 6000);
	message_end(stage);
	stage_send(stage, !out);
	stage->remote_port = peer;
}

/* What is in the stage, within a Send or Data indication. */
static void send_in_indication(struct stage *stage, bool out, bool to_client)
{
	uint16_t peer = stage->remote_port;
	char carried[512];
	size_t len = stage->len;

	memcpy(carried, stage->bytes, len);
	message_begin(stage, to_client ? 0x0017 : 0x0016, 99);
	put_address(stage, 0x0012, 3, peer);
	put_attribute(stage, 0x0013, carried, len);
	message_end(stage);
	stage->remote_port = 3478;
	stage_send(stage, out);
	stage->remote_port = peer;
}

static void send_in_channel(struct stage *stage, bool out)
{
	uint16_t peer = stage->remote_port;
	char carried[512];
	size_t len = stage->len;

	memcpy(carried, stage->bytes, len);
	stage->len = 0;
	put16(stage, 0x4001);
	put16(stage, len);
	put(stage, carried, len);
	stage->remote_port = 3478;
	stage_send(stage, out);
	stage->remote_port = peer;
}

static void a_socket_that_checks_is_a_host_candidate_of_each_session(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, false);
	exchange(&stage, OUT, 2, true);
	assert_candidates(&stage, 1, 0, 0, 0);
	stage.socket = 8;
	exchange(&stage, OUT, 3, true);
	assert_candidates(&stage, 2, 0, 0, 0);
	stage.remote = "third";
	stage.remote_port = 5001;
	exchange(&stage, OUT, 4, true);
	assert_candidates(&stage, 3, 0, 0, 0);
	stage_end(&stage);
}

static void what_a_stun_server_saw_is_one_before_and_after_the_checks(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	gather(&stage, 1, 4444);
	assert_null(webrtc_sessions_stats(stage.sessions, &stage_owner));
	stage.mapped_port = 4444;
	exchange(&stage, OUT, 2, false);
	assert_candidates(&stage, 1, 1, 0, 0);
	gather(&stage, 3, 4444);
	assert_candidates(&stage, 1, 1, 0, 0);
	stage.socket = 8;
	exchange(&stage, OUT, 4, false);
	assert_candidates(&stage, 2, 1, 1, 0);
	gather(&stage, 5, 4445);
	assert_candidates(&stage, 2, 2, 1, 0);
	stage_end(&stage);
}

static void the_own_address_is_no_other(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	gather(&stage, 1, stage.local_port);
	exchange(&stage, OUT, 2, false);
	assert_candidates(&stage, 1, 0, 0, 0);
	stage_end(&stage);
}

static void a_check_that_says_what_it_is_from(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	make_check(&stage, OUT, 1, false, 100);
	stage_send(&stage, OUT);
	assert_candidates(&stage, 0, 1, 0, 0);
	stage_end(&stage);
}

static void through_turn_by_indications(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	allocate(&stage, 1, OUT);
	make_check(&stage, OUT, 2, true, 110);
	send_in_indication(&stage, OUT, false);
	assert_candidates(&stage, 0, 0, 0, 1);
	stage.now += 5 * MS;
	make_success(&stage, 2);
	send_in_indication(&stage, IN, true);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	assert_candidates(&stage, 0, 0, 0, 1);
	stage_end(&stage);
}

static void through_turn_by_a_channel(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	allocate(&stage, 1, OUT);
	make_check(&stage, OUT, 2, true, 110);
	send_in_channel(&stage, OUT);
	make_success(&stage, 2);
	send_in_channel(&stage, IN);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	assert_candidates(&stage, 0, 0, 0, 1);
	stage_end(&stage);
}

static void a_turn_server_has_no_sessions(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	allocate(&stage, 1, IN);
	/* From the client, in either way … */
	make_check(&stage, OUT, 2, true, 110);
	send_in_indication(&stage, IN, false);
	make_check(&stage, OUT, 2, true, 110);
	send_in_channel(&stage, IN);
	/* … and on to the peer, from the relayed address. */
	stage.socket = 70;
	stage.local_port = 6000;
	exchange(&stage, OUT, 2, true);
	exchange(&stage, IN, 3, true);
	assert_null(webrtc_sessions_stats(stage.sessions, &stage_owner));
	/* An agent of its own is none of that … */
	stage.socket = 72;
	stage.local_port = 6001;
	exchange(&stage, OUT, 5, true);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	/* … and another service may have the same port elsewhere. */
	stage.remote = "another";
	stage.local_port = 6000;
	stage.owner = &stage_other;
	stage.socket = 71;
	exchange(&stage, OUT, 4, true);
	assert_counts(&stage, &stage_other, 1, 0, 0);
	stage_end(&stage);
}

/* Both send the same check, one within an indication. */
static void a_client_and_its_turn_server_on_one_host(void **state)
{
	struct stage stage, server;

	(void)state;
	stage_begin(&stage);
	server = stage_new();
	server.sessions = stage.sessions;
	server.owner = &stage_other;
	server.socket = 70;
	server.local_port = 6000;
	allocate(&server, 1, IN);
	allocate(&stage, 1, OUT);
	make_check(&stage, OUT, 2, true, 110);
	send_in_indication(&stage, OUT, false);
	server.socket = 71;
	exchange(&server, OUT, 2, true);
	assert_counts(&stage, &stage_owner, 0, 0, 0);
	make_success(&stage, 2);
	send_in_indication(&stage, IN, true);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	assert_int_equal(stage.rtts, 1);
	assert_null(webrtc_sessions_stats(stage.sessions, &stage_other));
	stage_end(&stage);
}

static void a_channel_of_nobodys_is_not_looked_into(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	check(&stage, OUT, 1, false);
	stage.remote = "other";
	make_check(&stage, OUT, 2, true, 110);
	send_in_channel(&stage, OUT);
	make_success(&stage, 2);
	send_in_channel(&stage, IN);
	assert_counts(&stage, &stage_owner, 0, 0, 0);
	assert_candidates(&stage, 1, 0, 0, 0);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_socket_that_checks_is_a_host_candidate_of_each_session),
		cmocka_unit_test(what_a_stun_server_saw_is_one_before_and_after_the_checks),
		cmocka_unit_test(the_own_address_is_no_other),
		cmocka_unit_test(a_check_that_says_what_it_is_from),
		cmocka_unit_test(through_turn_by_indications),
		cmocka_unit_test(through_turn_by_a_channel),
		cmocka_unit_test(a_turn_server_has_no_sessions),
		cmocka_unit_test(a_client_and_its_turn_server_on_one_host),
		cmocka_unit_test(a_channel_of_nobodys_is_not_looked_into),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
