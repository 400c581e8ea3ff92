// SPDX-License-Identifier: Apache-2.0
// Commands find their replies: one at a time, in pipelines, where the server says more than it was asked for,
// or less.
#include "redis_stage.h"

#define GET "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
#define SET "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$1\r\nv\r\n"
#define PING "*1\r\n$4\r\nPING\r\n"

static void a_command_and_its_reply(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "*2\r\n$3\r\nG");
	client_says(stage, "ET\r\n$1\r\nk\r\n");
	server_says(stage, "$5\r\nhel");
	assert_int_equal(stage->told, 0);
	server_says(stage, "lo\r\n");
	assert_int_equal(stage->calls[0].start_ns, 1000); /* its first byte's segment */
	assert_int_equal(stage->calls[0].end_ns, 4000);
	assert_told(stage, "get");
	client_says(stage, "INCR\r\n");
	server_says(stage, "-ERR wrong number of arguments\r\n");
	assert_told(stage, "incr!");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

static void a_pipeline_is_answered_in_its_order(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, GET SET "PING\r\n*1\r\n$5\r\nNOSUC");
	server_says(stage, "$-1\r\n+O");
	client_says(stage, "\r\n");
	assert_told(stage, "get");
	server_says(stage, "K\r\n+PONG\r\n-ERR unknown\r\n");
	assert_told(stage, "set ping other!");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

/* What has no room is counted, and those behind it find their replies all the same. */
static void a_pipeline_of_any_length(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	for (unsigned i = 0; i < 5000; i++)
		client_says(stage, SET);
	assert_lost(stage, 5000 - (REDIS_QUEUE_MAX - 1), 0, 0);
	for (unsigned i = 0; i < 4990; i++)
		server_says(stage, "+OK\r\n");
	assert_int_equal(stage->told, REDIS_QUEUE_MAX - 1);
	stage->told = 0;
	client_says(stage, GET);
	for (unsigned i = 0; i < 10; i++)
		server_says(stage, "+OK\r\n");
	assert_told(stage, "");
	server_says(stage, "$1\r\nv\r\n");
	assert_told(stage, "get");
	assert_lost(stage, 5000 - (REDIS_QUEUE_MAX - 1), 0, 0);
	stage_free(stage);
}

static void a_pipeline_beyond_the_budget(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	stage->budget.limit = stage->budget.used;
	client_says(stage, GET GET GET SET SET);
	assert_lost(stage, 2, 0, 0);
	server_says(stage, "$-1\r\n$-1\r\n$-1\r\n+OK\r\n+OK\r\n");
	assert_told(stage, "get get get");
	client_says(stage, SET);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "set");
	stage_free(stage);
}

/* Of a subscription that had no room, it is not known which replies are its own. */
static void a_subscription_beyond_the_budget(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	stage->budget.limit = stage->budget.used;
	client_says(stage, GET GET GET SET "SUBSCRIBE a\r\n");
	server_says(stage, "$-1\r\n$-1\r\n$-1\r\n+OK\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
	assert_told(stage, "get get get");
	client_says(stage, PING);
	server_says(stage, "+PONG\r\n");
	assert_told(stage, "");
	assert_lost(stage, 3, 0, 0);
	stage->now_ns += 1000000000;
	client_says(stage, SET);
	server_says(stage, "+OK\r\n");
	assert_told(stage, "set");
	stage_free(stage);
}

static void what_blocks_says_so_and_so_do_those_behind_it(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "BLPOP k 0\r\n" GET);
	server_says(stage, "*-1\r\n$-1\r\n");
	assert_told(stage, "blpop~ get~");
	client_says(stage, "XREAD BLOCK 5 STREAMS s $\r\n");
	server_says(stage, "*-1\r\n");
	client_says(stage, "XREAD STREAMS s 0\r\n");
	server_says(stage, "*-1\r\n");
	assert_told(stage, "xread~ xread");
	stage_free(stage);
}

static void within_multi_commands_are_queued(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "MULTI\r\n" SET "BLPOP k 0\r\nEXEC\r\n" PING);
	server_says(stage, "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n*-1\r\n+PONG\r\n");
	assert_told(stage, "multi set? blpop? exec ping");
	client_says(stage, "MULTI\r\nNOSUCH\r\nEXEC\r\n");
	server_says(stage, "+OK\r\n-ERR unknown\r\n-EXECABORT\r\n");
	assert_told(stage, "multi other! exec!");
	client_says(stage, "MULTI\r\n" GET "DISCARD\r\n");
	server_says(stage, "+OK\r\n+QUEUED\r\n+OK\r\n");
	assert_told(stage, "multi get? discard");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

/* What EXEC makes of these, it answers by more or by less than an array. */
static void what_changes_the_order_of_answers_within_multi(void **state)
{
	static const char *const commands[] = {"SUBSCRIBE a b\r\n", "CLIENT REPLY SKIP\r\n"};

	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct redis_stage *stage = stage_new(0);

		client_says(stage, "MULTI\r\n");
		server_says(stage, "+OK\r\n");
		client_says(stage, commands[i]);
		server_says(stage, "+QUEUED\r\n");
		client_says(stage, "EXEC\r\n");
		server_says(stage, "*1\r\n+anything\r\n");
		assert_told(stage, i ? "multi client?" : "multi subscribe?");
		assert_lost(stage, 1, 0, 0);
		client_says(stage, PING);
		server_says(stage, "+PONG\r\n");
		assert_told(stage, "ping");
		stage_free(stage);
	}
}

#define ACK(name, len, channel, count) "*3\r\n$" len "\r\n" name "\r\n$1\r\n" channel "\r\n:" count "\r\n"
#define MESSAGE "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"

static void subscriptions_are_answered_once_a_channel(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "SUBSCRIBE a b\r\nPSUBSCRIBE p\r\n");
	server_says(stage, ACK("subscribe", "9", "a", "1") MESSAGE);
	assert_told(stage, "");
	server_says(stage, ACK("subscribe", "9", "b", "2") MESSAGE ACK("psubscribe", "10", "p", "3") MESSAGE);
	assert_told(stage, "subscribe psubscribe");
	assert_true(redis_connection_is_subscribed(stage->connection));
	client_says(stage, PING);
	server_says(stage, MESSAGE "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
	assert_told(stage, "ping");
	client_says(stage, "UNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nUNSUBSCRIBE\r\n" GET);
	server_says(stage, ACK("unsubscribe", "11", "a", "2") ACK("unsubscribe", "11", "b", "1"));
	assert_told(stage, "unsubscribe");
	server_says(stage, ACK("punsubscribe", "12", "p", "0") "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
	assert_told(stage, "punsubscribe unsubscribe");
	server_says(stage, MESSAGE); /* a command may answer so, too: nobody is subscribed */
	assert_told(stage, "get");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

static void in_resp3_subscriptions_are_answered_by_pushes(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n");
	server_says(stage, "%1\r\n$5\r\nproto\r\n:3\r\n");
	client_says(stage, "SUBSCRIBE a b\r\n" GET "LRANGE l 0 -1\r\n");
	server_says(stage,
		    ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$7\r\nmessage\r\n$1\r\na\r\n+x\r\n");
	server_says(stage, ">3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n_\r\n>2\r\n$10\r\ninvalidate\r\n_\r\n");
	assert_told(stage, "hello subscribe get");
	server_says(stage, MESSAGE); /* an array answers */
	assert_told(stage, "lrange");
	client_says(stage, "SUBSCRIBE a\r\n" PING);
	server_says(stage, "-NOPERM no\r\n+PONG\r\n");
	assert_told(stage, "subscribe! ping");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

static void monitor_makes_a_stream_of_the_connection(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "MONITOR\r\n");
	server_says(stage, "+OK\r\n+1700000000.5 [0 127.0.0.1:1] \"get\" \"k\"\r\n+17");
	server_says(stage, "00000001.5 [0 127.0.0.1:1] \"ping\"\r\n");
	client_says(stage, "RESET\r\n" PING);
	server_says(stage, "+1700000001.7 [0 lua] \"x\"\r\n+RESET\r\n+PONG\r\n");
	assert_told(stage, "monitor reset ping");
	assert_lost(stage, 0, 0, 0);
	stage_free(stage);
}

static void client_reply_turns_answers_off(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, "CLIENT REPLY SKIP\r\n" SET GET);
	server_says(stage, "$1\r\nv\r\n");
	assert_told(stage, "get");
	assert_lost(stage, 0, 0, 2);
	client_says(stage, "CLIENT REPLY OFF\r\n" SET SET "CLIENT REPLY ON\r\n" PING);
	server_says(stage, "+OK\r\n+PONG\r\n");
	assert_told(stage, "client ping");
	assert_lost(stage, 0, 0, 5);
	client_says(stage, "CLIENT REPLY OFF\r\nRESET\r\n");
	server_says(stage, "+RESET\r\n");
	assert_told(stage, "reset");
	stage_free(stage);
}

static void a_replica_speaks_another_protocol(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, PING "*3\r\n$5\r\nPSYNC\r\n$1\r\n?\r\n$2\r\n-1\r\n");
	server_says(stage, "+PONG\r\n+FULLRESYNC x 0\r\n$5\r\nREDIS" SET);
	client_says(stage, "*3\r\n$8\r\nREPLCONF\r\n$3\r\nACK\r\n$1\r\n0\r\n");
	server_says(stage, "+OK\r\n");
	assert_told(stage, "");
	assert_lost(stage, 1, 0, 0); /* what was asked just before */
	stage_free(stage);
}

static void what_the_end_leaves_unanswered(void **state)
{
	struct redis_stage *stage = stage_new(0);

	(void)state;
	client_says(stage, PING "SHUTDOWN NOSAVE\r\n");
	server_says(stage, "+PONG\r\n");
	redis_connection_end(stage->connection, &stage->sink);
	assert_told(stage, "ping");
	assert_lost(stage, 0, 0, 1);
	stage_free(stage);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_command_and_its_reply),
		cmocka_unit_test(a_pipeline_is_answered_in_its_order),
		cmocka_unit_test(a_pipeline_of_any_length),
		cmocka_unit_test(a_pipeline_beyond_the_budget),
		cmocka_unit_test(a_subscription_beyond_the_budget),
		cmocka_unit_test(what_blocks_says_so_and_so_do_those_behind_it),
		cmocka_unit_test(within_multi_commands_are_queued),
		cmocka_unit_test(what_changes_the_order_of_answers_within_multi),
		cmocka_unit_test(subscriptions_are_answered_once_a_channel),
		cmocka_unit_test(in_resp3_subscriptions_are_answered_by_pushes),
		cmocka_unit_test(monitor_makes_a_stream_of_the_connection),
		cmocka_unit_test(client_reply_turns_answers_off),
		cmocka_unit_test(a_replica_speaks_another_protocol),
		cmocka_unit_test(what_the_end_leaves_unanswered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
