// SPDX-License-Identifier: Apache-2.0
// ICE candidates in what browsers, pion and aiortc send over their signalling, cut at every place.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "protocols/candidates.h"

static const char description[] =
	"{\"type\":\"offer\",\"sdp\":\"v=0\\r\\no=- 46117 2 IN IP4 127.0.0.1\\r\\nm=application 9 "
	"UDP/DTLS/SCTP webrtc-datachannel\\r\\n"
	"a=candidate:1467250027 1 udp 2122260223 192.168.0.196 46243 typ host generation 0\\r\\n"
	"a=candidate:1853887674 1 udp 1518280447 47.61.61.61 36768 typ srflx raddr 192.168.0.196 rport "
	"0\\r\\n"
	"a=candidate:842163049 1 tcp 1518280447 fe80::6676:baff:fe9c:ee4a 9 typ host tcptype active\\r\\n"
	"a=candidate:750991856 1 udp 25108222 237.30.30.30 51472 typ relay raddr 47.61.61.61 rport "
	"54763\\r\\n"
	"a=candidate:750991856 2 udp 25108222 237.30.30.30 51472 typ relay raddr 47.61.61.61 rport "
	"54763\\r\\n"
	"a=end-of-candidates\\r\\na=remote-candidates:1 192.168.0.196 46243\\r\\n\"}";
static const char trickled[] = "{\"candidate\":\"candidate:4 1 UDP 2122317823 "
			       "9b36eaac-bb2e-49bb-bb78-21c41c499900.local 51472 typ host\","
			       "\"sdpMid\":\"0\"}{\"candidate\":\"candidate:a/b+ 1 udp 1845501695 ::1 7 typ "
			       "prflx\"}{\"candidate\":\"\"}";

static void count(const char *text, size_t cut, struct candidates_reader *reader)
{
	size_t len = strlen(text);

	*reader = (struct candidates_reader){0};
	candidates_read(reader, (struct slice){guarded(text, cut), cut});
	candidates_read(reader, (struct slice){guarded(text + cut, len - cut), len - cut});
	candidates_end(reader);
}

static void candidates_of_each_type_wherever_the_text_is_cut(void **state)
{
	struct candidates_reader reader;

	(void)state;
	for (size_t cut = 0; cut < sizeof(description); cut++) {
		count(description, cut, &reader);
		assert_int_equal(reader.found[ICE_HOST], 2);
		assert_int_equal(reader.found[ICE_SRFLX], 1);
		assert_int_equal(reader.found[ICE_PRFLX], 0);
		assert_int_equal(reader.found[ICE_RELAY], 1);
	}
	for (size_t cut = 0; cut < sizeof(trickled); cut++) {
		count(trickled, cut, &reader);
		assert_int_equal(reader.found[ICE_HOST], 1);
		assert_int_equal(reader.found[ICE_PRFLX], 1);
		assert_int_equal(reader.found[ICE_SRFLX] + reader.found[ICE_RELAY], 0);
	}
}

static void one_at_the_texts_end_counts_with_it(void **state)
{
	struct candidates_reader reader = {0};
	static const char text[] = "candidate:1 1 udp 2122260223 10.0.0.1 4 typ relay";

	(void)state;
	candidates_read(&reader, (struct slice){text, sizeof(text) - 1});
	assert_int_equal(reader.found[ICE_RELAY], 0);
	candidates_end(&reader);
	assert_int_equal(reader.found[ICE_RELAY], 1);
	candidates_end(&reader);
	assert_int_equal(reader.found[ICE_RELAY], 1);
}

static void what_is_no_candidate(void **state)
{
	static const char *const texts[] = {
		"candidate:1 1 udp 2122260223 10.0.0.1 4 typ hostile ",
		"candidate:1 1 udp 2122260223 10.0.0.1 4 typ hos ",
		"candidate:1 1 udp 2122260223 10.0.0.1 4 type host ",
		"candidate:1 1 udp 2122260223 10.0.0.1 4 ty host ",
		"candidate:1 2 udp 2122260223 10.0.0.1 4 typ host ",
		"candidate:1 11 udp 2122260223 10.0.0.1 4 typ host ",
		"candidate:1 x udp 2122260223 10.0.0.1 4 typ host ",
		"candidate:1 1 udp 21222602231 10.0.0.1 4 typ host ",
		"candidate: 1 udp 2122260223 10.0.0.1 4 typ host ",
		"candidate:1  udp 2122260223 10.0.0.1 4 typ host ",
		"candidates:1 1 udp 2122260223 10.0.0.1 4 typ host ",
		"the candidate: a typ host ",
	};
	struct candidates_reader reader;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		count(texts[i], 0, &reader);
		for (unsigned type = 0; type < ICE_TYPES; type++)
			assert_int_equal(reader.found[type], 0);
	}
}

static void one_begins_inside_of_what_was_none(void **state)
{
	struct candidates_reader reader;

	(void)state;
	count("candidate:candidate:1 1 udp 1 candicandidate:2 1 udp 1 ::1 4 typ srflx ", 0, &reader);
	assert_int_equal(reader.found[ICE_SRFLX], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(candidates_of_each_type_wherever_the_text_is_cut),
		cmocka_unit_test(one_at_the_texts_end_counts_with_it),
		cmocka_unit_test(what_is_no_candidate),
		cmocka_unit_test(one_begins_inside_of_what_was_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
