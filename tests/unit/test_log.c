// SPDX-License-Identifier: Apache-2.0
// What a log line looks like on stderr. The far end is a packet socket, so that each write(2) is one packet.
#include "log.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

struct capture {
	int real_stderr, far_end;
	char text[2 * PIPE_BUF];
};

static int setup(void **state)
{
	static struct capture capture;
	int pair[2];

	log_configure(LOG_INFO, LOG_LOGFMT);
	capture.real_stderr = dup(STDERR_FILENO);
	if (capture.real_stderr < 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair))
		return -1;
	dup2(pair[1], STDERR_FILENO);
	close(pair[1]);
	capture.far_end = pair[0];
	*state = &capture;
	return 0;
}

static int teardown(void **state)
{
	struct capture *capture = *state;

	dup2(capture->real_stderr, STDERR_FILENO);
	close(capture->real_stderr);
	close(capture->far_end);
	return 0;
}

/// What one write brought, "" if there was none.
static const char *written(struct capture *capture)
{
	ssize_t len = recv(capture->far_end, capture->text, sizeof(capture->text) - 1, 0);

	capture->text[len > 0 ? len : 0] = '\0';
	return capture->text;
}

/// The part after the timestamp, whose digits are checked on the way.
static const char *after_time(struct capture *capture, const char *prefix)
{
	const char *text = written(capture);
	const char *shape = "dddd-dd-ddTdd:dd:dd.dddZ";

	assert_memory_equal(text, prefix, strlen(prefix));
	text += strlen(prefix);
	for (; *shape; shape++, text++) {
		if (*shape == 'd')
			assert_in_range(*text, '0', '9');
		else
			assert_int_equal(*text, *shape);
	}
	return text;
}

static void logfmt_is_one_line_in_one_write(void **state)
{
	log_info("listening on %s", "127.0.0.1:10707");
	assert_string_equal(after_time(*state, "ts="), " level=info msg=\"listening on 127.0.0.1:10707\"\n");
	assert_string_equal(written(*state), "");
}

static void json_is_one_object_in_one_write(void **state)
{
	log_configure(LOG_INFO, LOG_JSON);
	log_warn("a \"b\"");
	assert_string_equal(after_time(*state, "{\"ts\":\""),
			    "\",\"level\":\"warn\",\"msg\":\"a \\\"b\\\"\"}\n");
	assert_string_equal(written(*state), "");
}

static void lines_below_the_level_are_not_written(void **state)
{
	log_debug("no");
	assert_string_equal(written(*state), "");
	log_configure(LOG_ERROR, LOG_LOGFMT);
	log_warn("no");
	assert_string_equal(written(*state), "");
	log_configure(LOG_DEBUG, LOG_LOGFMT);
	log_debug("yes");
	assert_string_equal(after_time(*state, "ts="), " level=debug msg=\"yes\"\n");
}

static void log_err_evaluates_to_the_code_and_keeps_errno(void **state)
{
	errno = EMFILE;
	assert_int_equal(log_err(-errno, "%m"), -EMFILE);
	assert_int_equal(errno, EMFILE);
	assert_string_equal(after_time(*state, "ts="), " level=error msg=\"Too many open files\"\n");
}

static void errno_survives_a_stderr_that_is_gone(void **state)
{
	(void)state;
	close(STDERR_FILENO);
	errno = EMFILE;
	log_info("nobody reads this");
	assert_int_equal(errno, EMFILE);
}

static void nothing_in_a_message_ends_the_line_or_the_quote(void **state)
{
	log_info("a\"b\\c\nd\re\tf\x1bg\x7fh");
	assert_string_equal(after_time(*state, "ts="),
			    " level=info msg=\"a\\\"b\\\\c\\nd\\re\\tf\\u001bg\\u007fh\"\n");
}

static void good_utf8_stays_and_bad_utf8_is_replaced(void **state)
{
	static const struct {
		const char *text, *quoted;
	} cases[] = {
		{"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9d", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x9d"},
		{"\xc2\x9b[", "\\u009b["}, // a C1 control: starts a terminal sequence
		{"\xff", "\\ufffd"},
		{"\xc0\xaf", "\\ufffd\\ufffd"},                       // overlong
		{"\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd"},            // surrogate
		{"\xf4\x90\x80\x80", "\\ufffd\\ufffd\\ufffd\\ufffd"}, // beyond U+10FFFF
		{"\xe2\x82", "\\ufffd\\ufffd"},                       // ends too early
		{"\xe2\x82z", "\\ufffd\\ufffdz"},
	};
	char expected[128];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		log_info("%s", cases[i].text);
		snprintf(expected, sizeof(expected), " level=info msg=\"%s\"\n", cases[i].quoted);
		assert_string_equal(after_time(*state, "ts="), expected);
	}
}

static void every_byte_makes_valid_json(void **state)
{
	struct capture *capture = *state;
	char text[3] = "xx";
	json_error_t error;

	log_configure(LOG_INFO, LOG_JSON);
	for (unsigned byte = 1; byte < 256 * 256; byte += 7) {
		text[0] = byte >> 8 ? (char)(byte >> 8) : 'x';
		text[1] = (char)byte;
		log_info("%s", text);

		json_t *line = json_loads(written(capture), JSON_REJECT_DUPLICATES, &error);
		assert_non_null(line);
		assert_true(json_is_string(json_object_get(line, "msg")));
		json_decref(line);
	}
}

static void a_long_message_is_cut_and_stays_a_whole_line(void **state)
{
	struct capture *capture = *state;
	char message[3 * PIPE_BUF];
	json_error_t error;

	log_configure(LOG_INFO, LOG_JSON);
	for (int c = 0; c < 2; c++) {
		memset(message, c ? '\x01' : 'a', sizeof(message) - 1); // \x01 takes six bytes when escaped
		message[sizeof(message) - 1] = '\0';
		log_info("%s", message);

		const char *line = written(capture);
		assert_in_range(strlen(line), PIPE_BUF - 8, PIPE_BUF);
		assert_string_equal(line + strlen(line) - strlen("…\"}\n"), "…\"}\n");
		json_t *object = json_loads(line, 0, &error);
		assert_non_null(object);
		json_decref(object);
	}
	assert_string_equal(written(capture), "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(logfmt_is_one_line_in_one_write),
		TEST(json_is_one_object_in_one_write),
		TEST(lines_below_the_level_are_not_written),
		TEST(log_err_evaluates_to_the_code_and_keeps_errno),
		TEST(errno_survives_a_stderr_that_is_gone),
		TEST(nothing_in_a_message_ends_the_line_or_the_quote),
		TEST(good_utf8_stays_and_bad_utf8_is_replaced),
		TEST(every_byte_makes_valid_json),
		TEST(a_long_message_is_cut_and_stays_a_whole_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
