// SPDX-License-Identifier: Apache-2.0
// Frames of WebSocket, whole and in pieces; what no frame can begin with is refused.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "protocols/websocket.h"

struct said {
	unsigned frames, messages, ends;
	uint16_t code;
	bool malformed;
};

static void feed(struct websocket_reader *reader, const char *bytes, size_t len, struct said *said)
{
	struct slice left = {guarded(bytes, len), len};

	while (!said->malformed) {
		switch (websocket_read(reader, &left)) {
		case WEBSOCKET_MORE:
			assert_int_equal(left.len, 0);
			return;
		case WEBSOCKET_BEGIN:
			said->frames++;
			said->messages += websocket_begins_message(&reader->frame);
			break;
		case WEBSOCKET_END:
			said->ends++;
			if (reader->frame.opcode == WEBSOCKET_CLOSE)
				said->code = websocket_close_code(reader);
			break;
		case WEBSOCKET_MALFORMED:
			said->malformed = true;
			break;
		}
	}
}

#define FEED(reader, bytes, said) feed(reader, bytes, sizeof(bytes) - 1, said)

/* RFC 6455 section 5.7 */
static void the_examples_of_the_standard(void **state)
{
	struct websocket_reader reader = {0};
	struct said said = {0};

	(void)state;
	FEED(&reader, "\x81\x05Hello", &said);
	FEED(&reader, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &said);
	assert_int_equal(said.messages, 2);
	FEED(&reader, "\x01\x03Hel\x80\x02lo", &said);
	assert_int_equal(said.messages, 3);
	FEED(&reader, "\x89\x05Hello\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", &said);
	assert_int_equal(said.messages, 3);
	assert_int_equal(said.frames, 6);
	assert_int_equal(said.ends, 6);
	assert_false(said.malformed);
}

static void lengths_of_two_and_eight_bytes(void **state)
{
	struct websocket_reader reader = {0};
	struct said said = {0};
	static char payload[65536];

	(void)state;
	FEED(&reader, "\x82\x7e\x01\x00", &said);
	feed(&reader, payload, 256, &said);
	FEED(&reader, "\x82\x7f\0\0\0\0\0\1\0\0", &said);
	feed(&reader, payload, 65535, &said);
	assert_int_equal(said.ends, 1);
	feed(&reader, payload, 1, &said);
	assert_int_equal(said.ends, 2);
	assert_int_equal(said.messages, 2);
}

static void a_payload_that_was_not_seen(void **state)
{
	struct websocket_reader reader = {0};
	struct said said = {0};

	(void)state;
	FEED(&reader, "\x82\x7e\x01\x00", &said);
	assert_false(websocket_skip(&reader, 257));
	assert_true(websocket_skip(&reader, 256));
	FEED(&reader, "\x81\x01x", &said);
	assert_int_equal(said.messages, 2);
	assert_int_equal(said.ends, 2);
	assert_false(websocket_skip(&reader, 1));
}

static void close_codes(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		uint16_t code;
	} cases[] = {
		{"\x88\x02\x03\xe8", 4, 1000},        {"\x88\x84\x01\x02\x03\x04\x02\xeb\x6a\x6b", 10, 1001},
		{"\x88\x00", 2, WEBSOCKET_NO_STATUS}, {"\x88\x01\x03", 3, WEBSOCKET_NO_STATUS},
		{"\x88\x02\x0f\xa1", 4, 4001},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct websocket_reader reader = {0};
		struct said said = {0};

		for (size_t at = 0; at < cases[i].len; at++)
			feed(&reader, cases[i].bytes + at, 1, &said);
		assert_int_equal(said.ends, 1);
		assert_int_equal(said.code, cases[i].code);
	}
}

static void what_is_no_frame(void **state)
{
	static const char *const cases[] = {
		"\x83\x01x",                                                /* reserved opcodes */
		"\x8b\x01x",                                                /* … of control frames */
		"\x09\x01x",                                                /* a control frame in parts */
		"\x88\x7e\x01\x01",                                         /* … or too long */
		"\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x03\x04", /* longer than there can be */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct websocket_reader reader = {0};
		struct said said = {0};

		feed(&reader, cases[i], strlen(cases[i]), &said);
		assert_true(said.malformed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_examples_of_the_standard),
		cmocka_unit_test(lengths_of_two_and_eight_bytes),
		cmocka_unit_test(a_payload_that_was_not_seen),
		cmocka_unit_test(close_codes),
		cmocka_unit_test(what_is_no_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
