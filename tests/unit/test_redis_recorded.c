// SPDX-License-Identifier: Apache-2.0
// What real clients and Redis 7.0.15 said to each other, recorded between them and left as it was (but for
// INFO), is read whole and byte by byte.
#include "redis_stage.h"

struct recorded {
	bool out;
	const char *bytes;
};

/* ioredis 6.0.0: the second request before the first reply */
static const struct recorded IOREDIS[] = {
	{false, "*2\r\n$5\r\nhello\r\n$1\r\n3\r\n"},
	{false, "*4\r\n$6\r\nclient\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n6.0.0\r\n"},
	{true, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
	       "2\r\nid\r\n:522\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
	       "7\r\nmodules\r\n*0\r\n"},
	{false, "*4\r\n$6\r\nclient\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$7\r\nioredis\r\n"},
	{true, "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n-ERR unknown subcommand 'SETINFO'. "
	       "Try CLIENT HELP.\r\n"},
	{false, "*3\r\n$5\r\nblpop\r\n$1\r\nq\r\n$1\r\n2\r\n"},
	{true, "*2\r\n$1\r\nq\r\n$1\r\n1\r\n"},
	{false, "*3\r\n$5\r\nblpop\r\n$1\r\nq\r\n$1\r\n1\r\n"},
	{true, "_\r\n"},
};

/* … and its MONITOR */
static const struct recorded IOREDIS_MONITOR[] = {
	{false, "*2\r\n$5\r\nhello\r\n$1\r\n3\r\n*4\r\n$6\r\nclient\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$"
		"5\r\n6.0.0\r\n*4\r\n$6\r\nclient\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$7\r\nioredis\r\n"},
	{true, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
	       "2\r\nid\r\n:524\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
	       "7\r\nmodules\r\n*0\r\n-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n-ERR unknown "
	       "subcommand 'SETINFO'. Try CLIENT HELP.\r\n"},
	{false, "*1\r\n$7\r\nmonitor\r\n"},
	{true, "+OK\r\n"},
	{true, "+1795770034.521796 [0 127.0.0.1:45076] \"get\" \"a1\"\r\n"},
	{true, "+1795770034.522379 [0 127.0.0.1:45076] \"get\" \"a2\"\r\n"},
	{true, "+1795770034.624624 [0 127.0.0.1:45076] \"hello\" \"3\"\r\n"},
};

/* redis-py 8.1.0, RESP3, back to RESP2; CLIENT REPLY */
static const struct recorded REDIS_PY[] = {
	{false, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"},
	{true, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
	       "2\r\nid\r\n:510\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
	       "7\r\nmodules\r\n*0\r\n"},
	{false, "*5\r\n$6\r\nCLIENT\r\n$19\r\nMAINT_NOTIFICATIONS\r\n$2\r\nON\r\n$20\r\nmoving-endpoint-"
		"type\r\n$13\r\ninternal-fqdn\r\n"},
	{true, "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n"},
	{false, "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$8\r\nLIB-NAME\r\n$8\r\nredis-py\r\n"},
	{true, "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n"},
	{false, "*4\r\n$6\r\nCLIENT\r\n$7\r\nSETINFO\r\n$7\r\nLIB-VER\r\n$5\r\n8.1.0\r\n"},
	{true, "-ERR unknown subcommand 'SETINFO'. Try CLIENT HELP.\r\n"},
	{false, "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$4\r\nSKIP\r\n"},
	{false, "*3\r\n$3\r\nSET\r\n$2\r\nsk\r\n$1\r\n1\r\n"},
	{false, "*2\r\n$3\r\nGET\r\n$2\r\nsk\r\n"},
	{true, "$1\r\n1\r\n"},
	{false, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"},
	{true, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
	       "2\r\nid\r\n:510\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
	       "7\r\nmodules\r\n*0\r\n"},
	{false, "*1\r\n$4\r\nPING\r\n"},
	{true, "+PONG\r\n"},
	{false, "*2\r\n$5\r\nHELLO\r\n$1\r\n2\r\n"},
	{true, "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$"
	       "2\r\nid\r\n:510\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
	       "7\r\nmodules\r\n*0\r\n"},
	{false, "*1\r\n$5\r\nRESET\r\n"},
	{true, "+RESET\r\n"},
	{false, "*1\r\n$4\r\nPING\r\n"},
	{true, "+PONG\r\n"},
	{false, "*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$3\r\nOFF\r\n*3\r\n$3\r\nSET\r\n$2\r\nsk\r\n$"
		"1\r\n2\r\n*2\r\n$3\r\nGET\r\n$2\r\nsk\r\n*3\r\n$6\r\nCLIENT\r\n$5\r\nREPLY\r\n$2\r\nON\r\n"},
	{true, "+OK\r\n"},
	{false, "*2\r\n$3\r\nGET\r\n$2\r\nsk\r\n"},
	{true, "$1\r\n2\r\n"},
};

/* … subscriptions */
static const struct recorded REDIS_PY_SUBSCRIBER[] = {
	{false, "*3\r\n$9\r\nSUBSCRIBE\r\n$1\r\na\r\n$1\r\nb\r\n*2\r\n$10\r\nPSUBSCRIBE\r\n$2\r\nc*\r\n"},
	{true, ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n>3\r\n$"
	       "10\r\npsubscribe\r\n$2\r\nc*\r\n:3\r\n"},
	{false, "*2\r\n$11\r\nUNSUBSCRIBE\r\n$1\r\na\r\n*1\r\n$11\r\nUNSUBSCRIBE\r\n*1\r\n$"
		"12\r\nPUNSUBSCRIBE\r\n*1\r\n$4\r\nPING\r\n"},
	{true, ">3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n>3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n>"
	       "3\r\n$12\r\npunsubscribe\r\n$2\r\nc*\r\n:0\r\n+PONG\r\n"},
	{false, "*2\r\n$9\r\nSUBSCRIBE\r\n$1\r\nq\r\n"},
};

/* redis-cli 7.0.15 -3 subscribe */
static const struct recorded REDIS_CLI[] = {
	{false, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"},
	{true, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
	       "2\r\nid\r\n:10\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
	       "7\r\nmodules\r\n*0\r\n"},
	{false, "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n$1\r\nb\r\n"},
	{true, ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"},
	{true, ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"},
	{true, ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"},
	{true, ">3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"},
};

/* … -3 debug protocol attrib, push */
static const struct recorded REDIS_CLI_ATTRIBUTE[] = {
	{false, "*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n"},
	{true, "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$"
	       "2\r\nid\r\n:34\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$"
	       "7\r\nmodules\r\n*0\r\n"},
	{false, "*3\r\n$5\r\ndebug\r\n$8\r\nprotocol\r\n$6\r\nattrib\r\n"},
	{true, "|1\r\n$14\r\nkey-popularity\r\n*2\r\n$7\r\nkey:123\r\n:90\r\n$39\r\nSome real reply "
	       "following the attribute\r\n"},
	{false, "*3\r\n$5\r\ndebug\r\n$8\r\nprotocol\r\n$4\r\npush\r\n"},
	{true, ">2\r\n$16\r\nserver-cpu-usage\r\n:42\r\n$40\r\nSome real reply following the push reply\r\n"},
};

/* by hand, all in one segment */
static const struct recorded INLINE[] = {
	{false,
	 "PING\r\nset \"a b\" ' c d'\r\n\r\nget \"a "
	 "b\"\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\n*0\r\n*-1\r\nMULTI\nSUBSCRIBE z\nEXEC\nUNSUBSCRIBE\nQUIT\r\n"},
	{true, "+PONG\r\n+OK\r\n$4\r\n c "
	       "d\r\n$1\r\n2\r\n+OK\r\n+QUEUED\r\n*1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nz\r\n:1\r\n*3\r\n$"
	       "11\r\nunsubscribe\r\n$1\r\nz\r\n:0\r\n+OK\r\n"},
};

static void assert_replay(const struct recorded *recorded, size_t len, const char *told, uint64_t unanswered)
{
	struct redis_stage *whole = stage_new(0), *cut = stage_new(0);

	for (size_t i = 0; i < len; i++) {
		const char *bytes = recorded[i].bytes;

		stage_piece(whole, recorded[i].out, bytes, strlen(bytes));
		for (size_t at = 0; bytes[at]; at++)
			stage_piece(cut, recorded[i].out, bytes + at, 1);
	}
	assert_told(whole, told);
	assert_told(cut, told);
	assert_lost(whole, 0, 0, unanswered);
	assert_lost(cut, 0, 0, unanswered);
	stage_free(whole);
	stage_free(cut);
}

#define REPLAY(recorded, told, unanswered) \
	assert_replay(recorded, sizeof(recorded) / sizeof((recorded)[0]), told, unanswered)

static void a_client_that_does_not_wait(void **state)
{
	(void)state;
	REPLAY(IOREDIS, "hello client! client! blpop~ blpop~", 0);
}

static void a_monitor(void **state)
{
	(void)state;
	REPLAY(IOREDIS_MONITOR, "hello client! client! monitor", 0);
}

static void both_protocols_and_silence(void **state)
{
	(void)state;
	REPLAY(REDIS_PY, "hello client! client! client! get hello ping hello reset ping client get", 5);
}

static void subscriptions(void **state)
{
	(void)state;
	REPLAY(REDIS_PY_SUBSCRIBER, "subscribe psubscribe unsubscribe unsubscribe punsubscribe ping", 0);
	REPLAY(REDIS_CLI, "hello subscribe", 0);
}

static void attributes_and_pushes(void **state)
{
	(void)state;
	REPLAY(REDIS_CLI_ATTRIBUTE, "hello debug debug", 0);
}

static void inline_commands(void **state)
{
	(void)state;
	REPLAY(INLINE, "ping set get get multi subscribe? exec unsubscribe quit", 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_that_does_not_wait), cmocka_unit_test(a_monitor),
		cmocka_unit_test(both_protocols_and_silence),  cmocka_unit_test(subscriptions),
		cmocka_unit_test(attributes_and_pushes),       cmocka_unit_test(inline_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
