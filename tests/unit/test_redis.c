// SPDX-License-Identifier: Apache-2.0
// What clients of Redis ask and what it answers, whole and cut after every byte; what is neither is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "protocols/redis_reply.h"
#include "protocols/redis_request.h"

#define LEN(array) (sizeof(array) / sizeof((array)[0]))

struct asked {
	unsigned requests;
	struct redis_request last;
	bool malformed;
};

static void ask(struct redis_request_reader *reader, const char *bytes, size_t len, struct asked *asked)
{
	struct slice left = {guarded(bytes, len), len};

	while (!asked->malformed) {
		switch (redis_request_read(reader, &left, &asked->last)) {
		case REDIS_MORE:
			assert_int_equal(left.len, 0);
			return;
		case REDIS_END:
			asked->requests++;
			break;
		case REDIS_MALFORMED:
			asked->malformed = true;
			break;
		}
	}
}

/* The same whole and byte by byte. */
static struct asked ask_both_ways(const char *bytes)
{
	struct redis_request_reader whole = {0}, cut = {0};
	struct asked once = {0}, twice = {0};

	ask(&whole, bytes, strlen(bytes), &once);
	for (size_t i = 0; i < strlen(bytes); i++)
		ask(&cut, bytes + i, 1, &twice);
	assert_int_equal(once.requests, twice.requests);
	assert_int_equal(once.malformed, twice.malformed);
	assert_memory_equal(&once.last, &twice.last, sizeof(once.last));
	return once;
}

struct answered {
	unsigned replies;
	struct redis_reply last;
	bool malformed;
};

static void answer(struct redis_reply_reader *reader, const char *bytes, size_t len,
		   struct answered *answered)
{
	struct slice left = {guarded(bytes, len), len};

	while (!answered->malformed) {
		switch (redis_reply_read(reader, &left, &answered->last)) {
		case REDIS_MORE:
			assert_int_equal(left.len, 0);
			return;
		case REDIS_END:
			answered->replies++;
			break;
		case REDIS_MALFORMED:
			answered->malformed = true;
			break;
		}
	}
}

static struct answered answer_both_ways(const char *bytes)
{
	struct redis_reply_reader whole = {0}, cut = {0};
	struct answered once = {0}, twice = {0};

	answer(&whole, bytes, strlen(bytes), &once);
	for (size_t i = 0; i < strlen(bytes); i++)
		answer(&cut, bytes + i, 1, &twice);
	assert_int_equal(once.replies, twice.replies);
	assert_int_equal(once.malformed, twice.malformed);
	assert_memory_equal(&once.last, &twice.last, sizeof(once.last));
	return once;
}

static void commands_have_bounded_labels(void **state)
{
	static const struct {
		const char *name, *label;
	} cases[] = {
		{"GET", "get"},           {"zUnionStore", "zunionstore"},
		{"ACL", "acl"},           {"georadiusbymember_ro", "georadiusbymember_ro"},
		{"FT._LIST", "ft._list"}, {"restore-asking", "restore-asking"},
		{"GETS", "other"},        {"", "other"},
		{"OTHER", "other"},       {"GEORADIUSBYMEMBER_RO_AND_MORE", "other"},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct slice name = {cases[i].name, strlen(cases[i].name)};

		assert_string_equal(redis_command(redis_command_find(name))->name, cases[i].label);
	}
}

static void every_command_of_the_table_is_found(void **state)
{
	uint16_t number = 1;

	(void)state;
	for (; strcmp(redis_command(number)->name, "zunionstore") != 0; number++) {
		const char *name = redis_command(number)->name;

		assert_int_equal(redis_command_find((struct slice){name, strlen(name)}), number);
	}
	assert_true(number > 240);
}

static void requests_are_arrays_or_lines(void **state)
{
	static const struct {
		const char *bytes, *label;
		unsigned requests, words;
	} cases[] = {
		{"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", "get", 1, 2},
		{"*1\r\n$4\r\nping\r\n*3\r\n$3\r\nsEt\r\n$0\r\n\r\n$4\r\n\r\n*1\r\n", "set", 2, 3},
		{"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", "hello", 1, 2},
		{"*1\r\n$7\r\nnothing\r\n", "other", 1, 1},
		{"*0\r\n", "other", 1, 0},
		{"*-1\r\n*1\r\n$4\r\nPING\r\n", "ping", 2, 1},
		{"PING\r\n", "ping", 1, 1},
		{"  set  a\tb \n", "set", 1, 3},
		{"\r\n\nEXISTS somekey\r\n", "exists", 3, 2},
		{"SET \"a b\\\" c\" 'd \\' \\e' \"\"\r\n", "set", 1, 4},
		{"\"get\" k\r\n", "get", 1, 2},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct asked asked = ask_both_ways(cases[i].bytes);

		assert_false(asked.malformed);
		assert_int_equal(asked.requests, cases[i].requests);
		assert_int_equal(asked.last.words, cases[i].words);
		assert_string_equal(redis_command(asked.last.command)->name, cases[i].label);
	}
}

static void what_is_no_request(void **state)
{
	static const char *const cases[] = {
		"*1\r\n:4\r\nPING\r\n",      /* not a string */
		"*1\r\n$4\r\nPINGS\r\n",     /* longer than it says */
		"*1\r\n$-1\r\n",             /* no argument is null */
		"*?\r\n",                    /* clients do not stream */
		"*1\n$4\r\nPING\r\n",        /* no CR */
		"*1\r\n$\r\n",               /* no length */
		"*1\r\n$-\r\n",              /* a sign is none */
		"*99999999999999999999\r\n", /* more than there can be */
		"*1\r\n$99999999999999999\r\n",
		"*1\r\n$18446744073709551615\r\n",
		"GET \"k\r\n",      /* a quote is open at the end */
		"GET \"k\"x\r\n",   /* … or closed within a word */
		"\x16\x03\x01\x02", /* TLS */
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		assert_true(ask_both_ways(cases[i]).malformed);
}

static void some_commands_may_wait_for_others(void **state)
{
	static const struct {
		const char *line;
		bool blocks;
	} cases[] = {
		{"BLPOP k 0\r\n", true},
		{"wait 1 100\r\n", true},
		{"LPOP block\r\n", false},
		{"XREAD COUNT 2 BLOCK 100 STREAMS s $\r\n", true},
		{"xread block 0 streams s $\r\n", true},
		{"XREAD STREAMS block 0\r\n", false},
		{"XREADGROUP GROUP block block STREAMS s >\r\n", false},
		{"XREADGROUP GROUP g c COUNT 1 BLOCK 5 STREAMS s >\r\n", true},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		assert_int_equal(ask_both_ways(cases[i].line).last.blocks, cases[i].blocks);
}

static void client_reply_says_what_is_answered(void **state)
{
	static const struct {
		const char *line;
		enum redis_reply_mode mode;
	} cases[] = {
		{"CLIENT REPLY OFF\r\n", REDIS_REPLY_OFF},   {"client reply on\r\n", REDIS_REPLY_ON},
		{"CLIENT REPLY SKIP\r\n", REDIS_REPLY_SKIP}, {"CLIENT SETNAME off\r\n", REDIS_REPLY_AS_IS},
		{"CLIENT REPLY no\r\n", REDIS_REPLY_AS_IS},  {"CLIENT REPLY OFF x\r\n", REDIS_REPLY_AS_IS},
		{"CONFIG REPLY OFF\r\n", REDIS_REPLY_AS_IS}, {"CLIENT REPLY\r\n", REDIS_REPLY_AS_IS},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		assert_int_equal(ask_both_ways(cases[i].line).last.reply_mode, cases[i].mode);
}

static void an_argument_that_was_not_seen(void **state)
{
	struct redis_request_reader reader = {0};
	struct asked asked = {0};

#define ASK(bytes) ask(&reader, bytes, sizeof(bytes) - 1, &asked)
	(void)state;
	assert_false(redis_request_skip(&reader, 1));
	ASK("*3\r\n$3\r\nSE");
	assert_false(redis_request_skip(&reader, 1)); /* the name */
	ASK("T\r\n$1\r\nk\r\n$100\r\nab");
	assert_false(redis_request_skip(&reader, 101));
	assert_true(redis_request_skip(&reader, 98));
	assert_int_equal(asked.requests, 0);
	ASK("\r\n");
	assert_int_equal(asked.requests, 1);
	ASK("*2\r\n$3\r\nGET\r\n$100\r\n");
	assert_true(redis_request_skip(&reader, 102)); /* its CR LF, too */
	ASK("");
	assert_int_equal(asked.requests, 2);
	assert_false(redis_request_is_within(&reader));
	assert_false(asked.malformed);
}

static void beginnings_of_requests(void **state)
{
	static const struct {
		const char *bytes;
		bool begins;
	} cases[] = {
		{"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", true},
		{"*2\r\n$3\r\nGET\r\n$1", true},
		{"*2\r\n$3\r\nGE", false},
		{"*2\r\n$3\r\nfoo\r\n$1", false}, /* an array in a reply begins so */
		{"GET k\r\n", false},             /* so may anything */
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		size_t len = strlen(cases[i].bytes);

		assert_int_equal(redis_begins_request((struct slice){guarded(cases[i].bytes, len), len}),
				 cases[i].begins);
	}
}

static void replies_of_every_type(void **state)
{
	static const struct {
		const char *bytes;
		struct redis_reply reply;
	} cases[] = {
		{"+OK\r\n", {.type = '+'}},
		{"+QUEUED\r\n", {.type = '+', .word = REDIS_WORD_QUEUED}},
		{"+1700000000.5 [0 127.0.0.1:1] \"ping\"\r\n", {.type = '+', .word = REDIS_WORD_LINE}},
		{"-ERR no\r\n", {.type = '-', .error = true}},
		{":9223372036854775807\r\n", {.type = ':'}},
		{":-9223372036854775808\r\n", {.type = ':'}},
		{"$5\r\nab\r\nc\r\n", {.type = '$'}},
		{"$0\r\n\r\n", {.type = '$'}},
		{"$-1\r\n", {.type = '$', .null = true}},
		{"*-1\r\n", {.type = '*', .null = true}},
		{"_\r\n", {.type = '_', .null = true}},
		{"*0\r\n", {.type = '*'}},
		{"*2\r\n$-1\r\n:1\r\n", {.type = '*', .elements = 2, .depth = 1, .number = 1}},
		{"*2\r\n*1\r\n*0\r\n-ERR\r\n", {.type = '*', .elements = 2, .depth = 2, .errors = 1}},
		{"#t\r\n", {.type = '#'}},
		{",-1.5e10\r\n", {.type = ','}},
		{"(3492890328409238509324850943850943825024385\r\n", {.type = '('}},
		{"!5\r\nERR x\r\n", {.type = '!', .error = true}},
		{"=7\r\ntxt:abc\r\n", {.type = '='}},
		{"%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n", {.type = '%', .elements = 4, .depth = 1, .number = 1}},
		{"~1\r\n#f\r\n", {.type = '~', .elements = 1, .depth = 1}},
		{"$?\r\n;4\r\nHell\r\n;1\r\no\r\n;0\r\n", {.type = '$'}},
		{"*?\r\n:1\r\n*?\r\n.\r\n%?\r\n+a\r\n:2\r\n.\r\n.\r\n",
		 {.type = '*', .depth = 2, .number = 1}},
		{">2\r\n+message\r\n+x\r\n",
		 {.type = '>', .elements = 2, .depth = 1, .word = REDIS_WORD_MESSAGE}},
		{"*3\r\n$12\r\npunsubscribe\r\n$-1\r\n:0\r\n",
		 {.type = '*', .elements = 3, .depth = 1, .word = REDIS_WORD_PUNSUBSCRIBE}},
		{"*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:7\r\n",
		 {.type = '*', .elements = 3, .depth = 1, .word = REDIS_WORD_SUBSCRIBE, .number = 7}},
		/* what is said about a value is not its value */
		{"|1\r\n+ttl\r\n:3600\r\n$1\r\nx\r\n", {.type = '$', .depth = 1}},
		{"*2\r\n|1\r\n+a\r\n%1\r\n:1\r\n:2\r\n:8\r\n:9\r\n",
		 {.type = '*', .elements = 2, .depth = 3, .number = 9}},
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++) {
		struct answered answered = answer_both_ways(cases[i].bytes);
		const struct redis_reply *reply = &answered.last, *expected = &cases[i].reply;

		assert_false(answered.malformed);
		assert_int_equal(answered.replies, 1);
		assert_int_equal(reply->type, expected->type);
		assert_int_equal(reply->word, expected->word);
		assert_int_equal(reply->number, expected->number);
		assert_int_equal(reply->elements, expected->elements);
		assert_int_equal(reply->depth, expected->depth);
		assert_int_equal(reply->errors, expected->errors);
		assert_int_equal(reply->error, expected->error);
		assert_int_equal(reply->null, expected->null);
	}
}

static void what_is_no_reply(void **state)
{
	static const char *const cases[] = {
		"GET k\r\n",
		"$-2\r\n",
		"$3\r\nabcd\r\n",
		"*x\r\n",
		":1a\r\n",
		"+a\rb\r\n",
		".\r\n",
		"*1\r\n.\r\n",
		";1\r\na\r\n",
		"$?\r\n+a\r\n",
		"_x\r\n",
		"%-1\r\n",
		">?\r\n",
		"!?\r\n",
		"*4000000000\r\n",
		":1\n",
		"HTTP/1.1 200 OK\r\n",
	};

	(void)state;
	for (size_t i = 0; i < LEN(cases); i++)
		assert_true(answer_both_ways(cases[i]).malformed);
}

static void replies_that_are_too_deep(void **state)
{
	char bytes[4 * (REDIS_DEPTH_MAX + 1) + sizeof(":1\r\n")] = "";

	(void)state;
	for (unsigned i = 0; i < REDIS_DEPTH_MAX; i++)
		strcat(bytes, "*1\r\n");
	strcat(bytes, ":1\r\n");
	assert_int_equal(answer_both_ways(bytes).last.depth, REDIS_DEPTH_MAX);
	bytes[4 * REDIS_DEPTH_MAX] = '\0';
	strcat(bytes, "*1\r\n");
	assert_true(answer_both_ways(bytes).malformed);
}

static void a_string_that_was_not_seen(void **state)
{
	struct redis_reply_reader reader = {0};
	struct answered answered = {0};

#define ANSWER(bytes) answer(&reader, bytes, sizeof(bytes) - 1, &answered)
	(void)state;
	assert_false(redis_reply_skip(&reader, 1));
	ANSWER("*3\r\n$7\r\nmes");
	assert_false(redis_reply_skip(&reader, 1)); /* it might be a message */
	ANSWER("sage\r\n$100\r\n");
	assert_false(redis_reply_skip(&reader, 103));
	assert_true(redis_reply_skip(&reader, 102));
	ANSWER("$?\r\n;5\r\n");
	assert_true(redis_reply_skip(&reader, 5));
	ANSWER("\r\n;0\r");
	assert_false(redis_reply_skip(&reader, 1));
	ANSWER("\n*1\r\n$1000\r\n");
	assert_int_equal(answered.replies, 1);
	assert_int_equal(answered.last.word, REDIS_WORD_MESSAGE);
	assert_true(redis_reply_skip(&reader, 1002)); /* too long to be one */
	ANSWER("");
	assert_int_equal(answered.replies, 2);
	assert_false(answered.malformed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_have_bounded_labels),
		cmocka_unit_test(every_command_of_the_table_is_found),
		cmocka_unit_test(requests_are_arrays_or_lines),
		cmocka_unit_test(what_is_no_request),
		cmocka_unit_test(some_commands_may_wait_for_others),
		cmocka_unit_test(client_reply_says_what_is_answered),
		cmocka_unit_test(an_argument_that_was_not_seen),
		cmocka_unit_test(beginnings_of_requests),
		cmocka_unit_test(replies_of_every_type),
		cmocka_unit_test(what_is_no_reply),
		cmocka_unit_test(replies_that_are_too_deep),
		cmocka_unit_test(a_string_that_was_not_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
