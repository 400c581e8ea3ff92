// SPDX-License-Identifier: Apache-2.0
// What becomes of sessions of WebRTC: connected, failed, closed, each once, from either end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "webrtc_stage.h"

static void who_nominates_is_connected_by_the_answer(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, false);
	assert_counts(&stage, &stage_owner, 0, 0, 0);
	exchange(&stage, OUT, 2, true);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	exchange(&stage, OUT, 3, true);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	stage_end(&stage);
}

static void who_is_nominated_is_connected_once_both_ways_work(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, IN, 1, true);
	assert_counts(&stage, &stage_owner, 0, 0, 0);
	exchange(&stage, OUT, 2, false);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	stage_end(&stage);

	stage_begin(&stage);
	exchange(&stage, OUT, 1, false);
	exchange(&stage, IN, 2, true);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	stage_end(&stage);
}

/* The peer's checks come, and our answers do not: Chrome nominates with each. */
static void a_nomination_whose_answer_does_not_come_through_fails(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	for (unsigned i = 0; i < 40; i++) {
		exchange(&stage, IN, 2 * i, true);
		check(&stage, OUT, 2 * i + 1, false);
		stage_wait(&stage, 1);
	}
	assert_counts(&stage, &stage_owner, 0, 1, 0);
	stage_end(&stage);
}

static void a_lite_agent_is_connected_by_what_comes_after(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, IN, 1, true);
	dtls(&stage, IN, 22, 0);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	stage_end(&stage);
}

static void a_handshake_that_is_done_connects(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	check(&stage, OUT, 1, false);
	dtls(&stage, OUT, 22, 0);
	dtls(&stage, IN, 22, 1);
	assert_counts(&stage, &stage_owner, 0, 0, 0);
	dtls(&stage, OUT, 22, 1);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	stage_end(&stage);
}

static void all_paths_of_one_pair_of_fragments_are_one_session(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	for (unsigned i = 0; i < 6; i++) {
		stage.socket = 7 + i % 2;
		stage.remote_port = 5000 + i;
		exchange(&stage, OUT, i, true);
		exchange(&stage, IN, 100 + i, false);
	}
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	webrtc_sessions_on_close(stage.sessions, 7);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	webrtc_sessions_on_close(stage.sessions, 8);
	assert_counts(&stage, &stage_owner, 1, 0, 1);
	webrtc_sessions_on_close(stage.sessions, 8);
	assert_counts(&stage, &stage_owner, 1, 0, 1);
	stage_end(&stage);
}

static void a_socket_has_many_sessions(void **state)
{
	struct stage stage;
	char remote[16];

	(void)state;
	stage_begin(&stage);
	stage.remote = remote;
	for (unsigned i = 0; i < 100; i++) {
		snprintf(remote, sizeof(remote), "peer%u", i);
		stage.remote_port = 5000 + i;
		exchange(&stage, OUT, i, true);
	}
	assert_counts(&stage, &stage_owner, 100, 0, 0);
	dtls(&stage, IN, 21, 1);
	assert_counts(&stage, &stage_owner, 100, 0, 1);
	webrtc_sessions_on_close(stage.sessions, 7);
	assert_counts(&stage, &stage_owner, 100, 0, 100);
	stage_end(&stage);
}

static void checks_that_are_never_answered_fail_once(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	for (unsigned i = 0; i < 29; i++) {
		check(&stage, OUT, i, false);
		stage_wait(&stage, 1);
	}
	assert_counts(&stage, &stage_owner, 0, 0, 0);
	for (unsigned i = 29; i < 100; i++) {
		check(&stage, OUT, i, false);
		stage_wait(&stage, 1);
	}
	webrtc_sessions_on_close(stage.sessions, 7);
	stage_wait(&stage, 100);
	assert_counts(&stage, &stage_owner, 0, 1, 0);
	stage_end(&stage);
}

static void who_gives_up_before_has_failed_too(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	check(&stage, OUT, 1, false);
	stage_wait(&stage, 10);
	webrtc_sessions_on_close(stage.sessions, 7);
	assert_counts(&stage, &stage_owner, 0, 1, 0);
	/* An event that comes late begins nothing. */
	check(&stage, OUT, 2, false);
	assert_int_equal(stats_of(&stage, &stage_owner).candidates[ICE_HOST], 1);
	stage_wait(&stage, 59);
	success(&stage, IN, 2);
	stage_wait(&stage, 200);
	assert_counts(&stage, &stage_owner, 0, 1, 0);
	stage_end(&stage);
}

static void an_error_answers_nothing(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	check(&stage, OUT, 1, true);
	message_begin(&stage, 0x0111, 1);
	put_attribute(&stage, 0x0009, "\0\0\4\x57", 4);
	message_end(&stage);
	stage_send(&stage, IN);
	check(&stage, OUT, 2, true);
	message_begin(&stage, 0x0103, 2); /* nor does a success of something else */
	message_end(&stage);
	stage_send(&stage, IN);
	stage_wait(&stage, 31);
	assert_counts(&stage, &stage_owner, 0, 1, 0);
	stage_end(&stage);
}

static void a_late_success_connects_all_the_same(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	check(&stage, OUT, 1, false);
	stage_wait(&stage, 31);
	exchange(&stage, OUT, 2, true);
	assert_counts(&stage, &stage_owner, 1, 1, 0);
	stage_end(&stage);
}

static void both_ends_on_this_host_have_a_session_each(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	for (unsigned i = 0; i < 4; i++) {
		struct stage here = stage_new(), there = stage_new();

		here.sessions = there.sessions = stage.sessions;
		there.socket = 8;
		there.owner = i < 2 ? (void *)&stage_other : (void *)&stage_owner;
		there.local = here.remote;
		there.remote = here.local;
		check(&here, OUT, i, i == 1 || i == 3);
		check(&there, IN, i, i == 1 || i == 3);
		success(&there, OUT, i);
		success(&here, IN, i);
		check(&there, OUT, 10 + i, false);
		check(&here, IN, 10 + i, false);
		success(&here, OUT, 10 + i);
		success(&there, IN, 10 + i);
		if (i != 1)
			continue;
		assert_counts(&stage, &stage_owner, 1, 0, 0);
		assert_counts(&stage, &stage_other, 1, 0, 0);
		webrtc_sessions_on_close(stage.sessions, 7);
		webrtc_sessions_on_close(stage.sessions, 8);
		stage.now += 100 * SECOND;
		stage_wait(&stage, 1);
	}
	assert_counts(&stage, &stage_owner, 3, 0, 1);
	stage_end(&stage);
}

static void close_notify_closes_and_what_follows_does_not_open(void **state)
{
	struct stage stage;

	(void)state;
	for (unsigned out = IN; out <= OUT; out++) {
		stage_begin(&stage);
		exchange(&stage, OUT, 1, true);
		dtls(&stage, out, 21, 1);
		assert_counts(&stage, &stage_owner, 1, 0, 1);
		for (unsigned i = 0; i < 40; i++) {
			exchange(&stage, IN, 2 * i, true);
			exchange(&stage, OUT, 2 * i + 1, true);
			stage_wait(&stage, 1);
		}
		webrtc_sessions_on_close(stage.sessions, 7);
		stage_wait(&stage, 70);
		assert_counts(&stage, &stage_owner, 1, 0, 1);
		stage_end(&stage);
	}
}

static void a_handshake_that_fails_closes(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, true);
	stage.len = 0;
	put(&stage, "\x15\xfe\xfd\0\0\0\0\0\0\0\1\0\2\2\x28", 15);
	stage_send(&stage, IN);
	assert_counts(&stage, &stage_owner, 1, 0, 1);
	stage_end(&stage);
}

static void consent_expires_when_the_peer_is_silent(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, true);
	for (unsigned i = 0; i < 60; i++) {
		if (i < 30)
			rtp(&stage, IN);
		check(&stage, OUT, 2 + i, true);
		stage_wait(&stage, 1);
		assert_counts(&stage, &stage_owner, 1, 0, i < 58 ? 0 : 1);
	}
	stage_end(&stage);
}

static void what_strangers_send_begins_no_session(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	check(&stage, IN, 1, true);
	success(&stage, IN, 2);
	dtls(&stage, IN, 22, 0);
	rtp(&stage, IN);
	stage_wait(&stage, 40);
	assert_null(webrtc_sessions_stats(stage.sessions, &stage_owner));
	success(&stage, OUT, 3); /* to nothing that was asked */
	assert_null(webrtc_sessions_stats(stage.sessions, &stage_owner));
	stage_end(&stage);
}

static void a_session_that_is_older_than_we_are_is_connected_by_its_consent_checks(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	for (unsigned i = 0; i < 7; i++) {
		exchange(&stage, OUT, 2 * i, false);
		exchange(&stage, IN, 2 * i + 1, false);
		stage_wait(&stage, 5);
	}
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	stage_end(&stage);
}

static void an_older_one_that_says_goodbye_was_connected(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, false);
	dtls(&stage, OUT, 21, 1);
	assert_counts(&stage, &stage_owner, 1, 0, 1);
	stage_end(&stage);
}

static void other_fragments_between_the_same_addresses_are_another_session(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, true);
	stage.local = "again";
	stage.remote = "anew";
	check(&stage, OUT, 2, true);
	assert_counts(&stage, &stage_owner, 1, 0, 1);
	success(&stage, IN, 2);
	assert_counts(&stage, &stage_owner, 2, 0, 1);
	stage_end(&stage);
}

static void round_trips_are_told_of_checks_that_were_sent_once(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, false);
	assert_int_equal(stage.rtts, 1);
	assert_int_equal(stage.rtt, 5 * MS);
	assert_ptr_equal(stage.rtt_owner, &stage_owner);
	check(&stage, OUT, 2, false);
	stage.now += 500 * MS;
	exchange(&stage, OUT, 2, false);
	exchange(&stage, IN, 3, false);
	success(&stage, IN, 1);
	assert_int_equal(stage.rtts, 1);
	stage_end(&stage);
}

static void an_owner_that_becomes_known_is_told_all(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	stage.owner = NULL;
	exchange(&stage, OUT, 1, true);
	assert_null(webrtc_sessions_stats(stage.sessions, &stage_owner));
	stage.owner = &stage_owner;
	rtp(&stage, IN);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	assert_int_equal(stats_of(&stage, &stage_owner).candidates[ICE_HOST], 1);
	stage_end(&stage);
}

static void a_session_without_an_owner_is_counted_lost(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	stage.owner = NULL;
	exchange(&stage, OUT, 1, true);
	stage_wait(&stage, 120);
	assert_int_equal(webrtc_sessions_losses(stage.sessions).unowned, 1);
	stage_end(&stage);
}

static void a_forgotten_owners_sessions_are_the_next_ones(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	exchange(&stage, OUT, 1, true);
	webrtc_sessions_forget_owner(stage.sessions, &stage_owner);
	assert_null(webrtc_sessions_stats(stage.sessions, &stage_owner));
	stage.owner = &stage_other;
	rtp(&stage, IN);
	assert_counts(&stage, &stage_other, 1, 0, 0);
	dtls(&stage, IN, 21, 1);
	assert_counts(&stage, &stage_other, 1, 0, 1);
	stage_end(&stage);
}

static void what_does_not_fit_is_counted(void **state)
{
	struct stage stage;
	char remote[16];

	(void)state;
	stage_begin(&stage);
	stage.remote = remote;
	for (unsigned i = 0; i < 32770; i++) {
		snprintf(remote, sizeof(remote), "peer%u", i);
		stage.remote_port = 5000 + i;
		check(&stage, OUT, i, true);
		stage.now += SECOND; /* lest the table of checks is full, too */
	}
	assert_int_equal(webrtc_sessions_losses(stage.sessions).table_full, 2);
	assert_int_equal(webrtc_sessions_losses(stage.sessions).checks_lost, 0);
	stage_end(&stage);
}

static void checks_beyond_their_table_are_counted(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	for (unsigned i = 0; i < 2048 * 8 + 1; i++)
		check(&stage, OUT, i, true);
	assert_true(webrtc_sessions_losses(stage.sessions).checks_lost > 0);
	stage_end(&stage);
}

static void what_strangers_send_drives_out_none_of_our_checks(void **state)
{
	struct stage stage;

	(void)state;
	stage_begin(&stage);
	check(&stage, OUT, 0, true);
	for (unsigned i = 1; i < 50000; i++) {
		message_begin(&stage, 0x0001, i);
		message_end(&stage);
		stage_send(&stage, IN);
	}
	assert_int_equal(webrtc_sessions_losses(stage.sessions).checks_lost, 0);
	for (unsigned i = 50000; i < 100000; i++)
		check(&stage, IN, i, true);
	success(&stage, IN, 0);
	assert_counts(&stage, &stage_owner, 1, 0, 0);
	stage_end(&stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_nominates_is_connected_by_the_answer),
		cmocka_unit_test(who_is_nominated_is_connected_once_both_ways_work),
		cmocka_unit_test(a_nomination_whose_answer_does_not_come_through_fails),
		cmocka_unit_test(a_lite_agent_is_connected_by_what_comes_after),
		cmocka_unit_test(a_handshake_that_is_done_connects),
		cmocka_unit_test(all_paths_of_one_pair_of_fragments_are_one_session),
		cmocka_unit_test(a_socket_has_many_sessions),
		cmocka_unit_test(checks_that_are_never_answered_fail_once),
		cmocka_unit_test(who_gives_up_before_has_failed_too),
		cmocka_unit_test(an_error_answers_nothing),
		cmocka_unit_test(a_late_success_connects_all_the_same),
		cmocka_unit_test(both_ends_on_this_host_have_a_session_each),
		cmocka_unit_test(close_notify_closes_and_what_follows_does_not_open),
		cmocka_unit_test(a_handshake_that_fails_closes),
		cmocka_unit_test(consent_expires_when_the_peer_is_silent),
		cmocka_unit_test(what_strangers_send_begins_no_session),
		cmocka_unit_test(a_session_that_is_older_than_we_are_is_connected_by_its_consent_checks),
		cmocka_unit_test(an_older_one_that_says_goodbye_was_connected),
		cmocka_unit_test(other_fragments_between_the_same_addresses_are_another_session),
		cmocka_unit_test(round_trips_are_told_of_checks_that_were_sent_once),
		cmocka_unit_test(an_owner_that_becomes_known_is_told_all),
		cmocka_unit_test(a_session_without_an_owner_is_counted_lost),
		cmocka_unit_test(a_forgotten_owners_sessions_are_the_next_ones),
		cmocka_unit_test(what_does_not_fit_is_counted),
		cmocka_unit_test(checks_beyond_their_table_are_counted),
		cmocka_unit_test(what_strangers_send_drives_out_none_of_our_checks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
