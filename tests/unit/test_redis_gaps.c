// SPDX-License-Identifier: Apache-2.0
// What is told of a connection to Redis of which not all was seen: nothing that might be another command's,
// and soon again everything.
#include "redis_stage.h"

#include "event.h"

#define GET "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
#define SET "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
#define SECOND_NS 1000000000ULL

/* Long arguments and strings: of a segment, the head and the tail are captured. */
static void long_strings_need_not_be_seen(void **state)
{
	struct redis_stage *stage = stage_new(0);
	char bytes[1200];

	(void)state;
	memset(bytes, 'x', sizeof(bytes));
	stage->captured = 64;
	memcpy(bytes, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1000\r\n", 27);
	memcpy(bytes + 1027, "\r\n", 2);
	stage_piece(stage, false, bytes, 1029);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "set");
	client_says(stage, GET SET);
	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "$1000\r\n", 7);
	stage_piece(stage, true, bytes, 500);
	stage_miss(stage, true, 400);
	memset(bytes, 'x', 100);
	memcpy(bytes + 107, "\r\n+OK\r\n", 7); /* the tail is the last 8 bytes */
	stage_piece(stage, true, bytes, 114);
	assert_told(stage, "get set");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

/* A reply that ended in what was not seen has no time. */
static void an_end_that_was_not_seen_is_not_guessed(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET SET);
	server_says(stage, "$1000\r\n");
	stage_miss(stage, true, 1002);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "");
	assert_lost(stage, 2, 1, 0);
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get");
	stage_free(stage);
}

/* Who takes turns has the whole reply when he asks again. */
static void an_array_whose_middle_was_not_seen(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "*2\r\n$7\r\nHGETALL\r\n$1\r\nh\r\n");
	server_says(stage, "*200\r\n$1\r\na\r\n$1");
	stage_miss(stage, true, 1000);
	server_says(stage, "\r\nb\r\n");
	assert_told(stage, "");
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_int_equal(stage->calls[0].start_ns, 1000);
	assert_int_equal(stage->calls[0].end_ns, 3000);
	assert_told(stage, "hgetall get");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

static void a_cut_array_and_then_a_cut_request(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "*2\r\n$7\r\nHGETALL\r\n$1\r\nh\r\n");
	server_says(stage, "*200\r\n$1\r\na\r\n$1");
	stage_miss(stage, true, 1000);
	server_says(stage, "\r\nb\r\n");
	client_says(stage, GET "*21\r\n$4\r\nMSET\r\n$1\r\na");
	stage_miss(stage, false, 1000);
	client_says(stage, "bc\r\n");
	server_says(stage, "$-1\r\n");
	assert_int_equal(stage->calls[0].end_ns, 3000);
	assert_told(stage, "hgetall get");
	server_says(stage, "+OK\r\n");
	assert_told(stage, "mset");
	assert_lost(stage, 0, 1, 0);
	stage_free(stage);
}

static void an_array_whose_last_piece_was_not_seen_either(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "*2\r\n$7\r\nHGETALL\r\n$1\r\nh\r\n");
	server_says(stage, "*200\r\n$1\r\na\r\n$1");
	stage_miss(stage, true, 1000);
	server_says(stage, "\r\nb\r\n");
	stage_miss(stage, true, 1000);
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "");
	assert_lost(stage, 2, 0, 0);
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get");
	stage_free(stage);
}

/* Else a push behind the reply would be taken for its end. */
static void an_array_where_the_server_says_more_than_answers(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET);
	server_says(stage, ">2\r\n+invalidate\r\n_\r\n$-1\r\n");
	client_says(stage, "*2\r\n$7\r\nHGETALL\r\n$1\r\nh\r\n");
	server_says(stage, "%200\r\n$1\r\na\r\n$1");
	stage_miss(stage, true, 1000);
	server_says(stage, "\r\nb\r\n");
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get get");
	assert_lost(stage, 1, 1, 0);
	stage_free(stage);
}

static void what_comes_before_the_reply_can_be_over_refutes_that(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "*2\r\n$7\r\nHGETALL\r\n$1\r\nh\r\n");
	server_says(stage, "*200\r\n$1\r\na\r\n$1");
	stage_miss(stage, true, 1000);
	server_says(stage, "\r\nb"); /* within a value */
	client_says(stage, GET);
	server_says(stage, "\r\n$-1\r\n");
	assert_told(stage, "");
	assert_lost(stage, 2, 0, 0);
	client_says(stage, SET);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "set");
	stage_free(stage);
}

static void of_a_pipeline_what_was_answered_before_the_gap_is_told(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET SET GET SET);
	server_says(stage, "$-1\r\n+OK\r\n");
	stage_miss(stage, true, 5);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "get set");
	assert_lost(stage, 2, 1, 0);
	client_says(stage, GET GET);
	server_says(stage, "$-1\r\n$-1\r\n");
	assert_told(stage, "get get");
	assert_lost(stage, 2, 1, 0);
	stage_free(stage);
}

/* A client that does not wait for all answers may have any number of them under way: only silence tells. */
static void who_overlaps_is_followed_again_after_a_silence(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET GET);
	server_says(stage, "$-1\r\n");
	client_says(stage, SET);
	server_says(stage, "$-1\r\n");
	stage_miss(stage, true, 5);
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get get");
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "");
	assert_lost(stage, 3, 1, 0);
	stage->now_ns += SECOND_NS;
	client_says(stage, SET GET);
	server_says(stage, "+OK\r\n");
	client_says(stage, SET);
	server_says(stage, "$-1\r\n+OK\r\n");
	assert_told(stage, "set get set");
	assert_lost(stage, 3, 1, 0);
	stage_free(stage);
}

static void a_request_whose_rest_was_not_seen_is_told(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET "*21\r\n$4\r\nMSET\r\n$1\r\na\r\n");
	stage_miss(stage, false, 300);
	client_says(stage, "bc\r\n" GET); /* perhaps, there were others */
	server_says(stage, "$-1\r\n+OK\r\n$-1\r\n");
	assert_told(stage, "get mset");
	assert_lost(stage, 0, 1, 0);
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get");
	stage_free(stage);
}

/* Of options that were not seen, those are taken for given that make its time say nothing. */
static void what_might_block_does(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "*4\r\n$5\r\nXREAD\r\n$5");
	stage_miss(stage, false, 10);
	client_says(stage, "s\r\n");
	server_says(stage, "*-1\r\n");
	assert_told(stage, "xread~");
	stage_free(stage);
}

static void requests_that_were_not_seen_at_all(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	stage_miss(stage, false, 22);
	server_says(stage, "$-1\r\n"); /* nobody asked */
	assert_lost(stage, 0, 1, 0);
	client_says(stage, GET); /* behind what is missing: perhaps not alone */
	server_says(stage, "$-1\r\n");
	assert_told(stage, "");
	assert_lost(stage, 1, 2, 0);
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get");
	stage_free(stage);
}

static void replies_that_were_not_seen_at_all(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET);
	stage_miss(stage, true, 5);
	client_says(stage, SET);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "");
	assert_lost(stage, 2, 1, 0);
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get");
	stage_free(stage);
}

static void an_older_connection_begins_with_a_request(void **state)
{
	struct redis_stage *stage = stage_new(EVENT_MIDSTREAM);

	(void)state;
	stage->positions[0] = 1000;
	stage->positions[1] = 5000;
	server_says(stage, "lo\r\n");              /* the end of a reply */
	client_says(stage, "\r\n$1\r\n");          /* … of a request */
	client_says(stage, "*1\r\n$3\r\nfoo\r\n"); /* a value may look so */
	server_says(stage, "+OK\r\n");
	assert_told(stage, "");
	client_says(stage, GET);
	server_says(stage, "$-1\r\n");
	assert_told(stage, "get");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

/* It was taken for one that takes turns; it is not, so that the replies may be those of others before. */
static void an_older_connection_that_overlaps(void **state)
{
	struct redis_stage *stage = stage_new(EVENT_MIDSTREAM);

	(void)state;
	client_says(stage, GET SET);
	server_says(stage, "$-1\r\n");
	client_says(stage, GET);
	server_says(stage, "+OK\r\n");
	client_says(stage, GET);
	assert_told(stage, "get");
	assert_lost(stage, 3, 0, 0);
	stage->now_ns += SECOND_NS;
	client_says(stage, GET SET);
	server_says(stage, "$-1\r\n");
	client_says(stage, GET);
	server_says(stage, "+OK\r\n$-1\r\n");
	assert_told(stage, "get set get");
	stage_free(stage);
}

/* Else its first reply that is seen would be taken for that of the first request. */
static void an_older_connection_whose_first_reply_is_missing(void **state)
{
	struct redis_stage *stage = stage_new(EVENT_MIDSTREAM);

	(void)state;
	client_says(stage, GET);
	stage_miss(stage, true, 5);
	client_says(stage, SET);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "");
	assert_lost(stage, 2, 0, 0);
	client_says(stage, SET);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "set");
	stage_free(stage);
}

/* It may be unanswered when the next comes. */
static void a_request_that_was_not_seen_is_no_rest(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	stage_miss(stage, false, 22);
	client_says(stage, SET);
	server_says(stage, "$-1\r\n+OK\r\n");
	assert_told(stage, "");
	assert_lost(stage, 1, 1, 0);
	client_says(stage, SET);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "set");
	stage_free(stage);
}

static void an_older_subscription_is_no_answer(void **state)
{
	struct redis_stage *stage = stage_new(EVENT_MIDSTREAM);

	(void)state;
	client_says(stage, "*1\r\n$4\r\nPING\r\n");
	server_says(stage, "*2\r\n$4\r\npong\r\n$0\r\n\r\n*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n");
	client_says(stage, "*1\r\n$4\r\nPING\r\n");
	server_says(stage, "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
	assert_told(stage, "ping ping");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

static void what_is_not_redis_is_one_loss(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "\x16\x03\x01\x02");
	client_says(stage, "GET / HTTP/1.1\r\n");
	server_says(stage, "HTTP/1.1 200 OK\r\n");
	assert_told(stage, "");
	assert_lost(stage, 0, 1, 0);
	stage_free(stage);
}

static void what_comes_twice_is_read_once(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET);
	stage->positions[0] -= strlen(GET);
	client_says(stage, GET GET);
	server_says(stage, "$-1\r\n$-1\r\n");
	assert_told(stage, "get get");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_strings_need_not_be_seen),
		cmocka_unit_test(an_end_that_was_not_seen_is_not_guessed),
		cmocka_unit_test(an_array_whose_middle_was_not_seen),
		cmocka_unit_test(a_cut_array_and_then_a_cut_request),
		cmocka_unit_test(an_array_whose_last_piece_was_not_seen_either),
		cmocka_unit_test(an_array_where_the_server_says_more_than_answers),
		cmocka_unit_test(what_comes_before_the_reply_can_be_over_refutes_that),
		cmocka_unit_test(of_a_pipeline_what_was_answered_before_the_gap_is_told),
		cmocka_unit_test(who_overlaps_is_followed_again_after_a_silence),
		cmocka_unit_test(a_request_whose_rest_was_not_seen_is_told),
		cmocka_unit_test(what_might_block_does),
		cmocka_unit_test(requests_that_were_not_seen_at_all),
		cmocka_unit_test(replies_that_were_not_seen_at_all),
		cmocka_unit_test(an_older_connection_begins_with_a_request),
		cmocka_unit_test(an_older_connection_that_overlaps),
		cmocka_unit_test(an_older_connection_whose_first_reply_is_missing),
		cmocka_unit_test(a_request_that_was_not_seen_is_no_rest),
		cmocka_unit_test(an_older_subscription_is_no_answer),
		cmocka_unit_test(what_is_not_redis_is_one_loss),
		cmocka_unit_test(what_comes_twice_is_read_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
