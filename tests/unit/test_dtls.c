// SPDX-License-Identifier: Apache-2.0
// Records of DTLS 1.0 to 1.3, one behind the other in a datagram, whole and cut off.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guarded.h"
#include "protocols/dtls.h"

#define RECORD(type, epoch, len) type "\xfe\xfd" epoch "\0\0\0\0\0\7" len

enum { RECORDS_MAX = 8 };

static enum dtls_step read_all(const char *bytes, size_t there, size_t len, struct dtls_record *records,
			       unsigned *count)
{
	struct slice left = {guarded(bytes, there), there};
	enum dtls_step step;

	for (*count = 0; *count < RECORDS_MAX; ++*count) {
		step = dtls_read(&left, &len, &records[*count]);
		if (step != DTLS_RECORD)
			return step;
	}
	return DTLS_RECORD;
}

#define READ(bytes, records, count) read_all(bytes, sizeof(bytes) - 1, sizeof(bytes) - 1, records, count)

static void a_client_begins(void **state)
{
	struct dtls_record records[RECORDS_MAX];
	unsigned count;

	(void)state;
	assert_int_equal(READ("\x16\xfe\xff\0\0\0\0\0\0\0\7\0\4\x01xyz", records, &count), DTLS_END);
	assert_int_equal(count, 1);
	assert_int_equal(records[0].type, DTLS_HANDSHAKE);
	assert_int_equal(records[0].version, 0xfeff);
	assert_int_equal(records[0].sequence, 7);
	assert_true(records[0].has_message);
	assert_int_equal(records[0].message, DTLS_CLIENT_HELLO);
	assert_false(dtls_is_protected(&records[0]));
}

static void a_flight_that_ends_in_finished(void **state)
{
	static const char flight[] = RECORD("\x16", "\0\0", "\0\2") "\x10x" RECORD(
		"\x14", "\0\0", "\0\1") "\1" RECORD("\x16", "\0\1", "\0\4") "\x01\x02\x03\x04";
	struct dtls_record records[RECORDS_MAX];
	unsigned count;

	(void)state;
	assert_int_equal(READ(flight, records, &count), DTLS_END);
	assert_int_equal(count, 3);
	assert_int_equal(records[1].type, DTLS_CHANGE_CIPHER_SPEC);
	assert_false(dtls_is_protected(&records[1]));
	assert_true(dtls_is_protected(&records[2]));
	assert_false(records[2].has_message);
}

static void what_stands_before_a_cut_is_said(void **state)
{
	static const char flight[] =
		RECORD("\x16", "\0\0", "\0\2") "\x02x" RECORD("\x16", "\0\0", "\0\2") "\x0bx";
	size_t len = sizeof(flight) - 1;
	struct dtls_record records[RECORDS_MAX];
	unsigned count;

	(void)state;
	assert_int_equal(read_all(flight, 12, len, records, &count), DTLS_CUT);
	assert_int_equal(count, 0);
	assert_int_equal(read_all(flight, 13, len, records, &count), DTLS_CUT);
	assert_int_equal(count, 1);
	assert_false(records[0].has_message);
	assert_int_equal(read_all(flight, 14, len, records, &count), DTLS_CUT);
	assert_true(records[0].has_message);
	assert_int_equal(read_all(flight, 29, len, records, &count), DTLS_END);
	assert_int_equal(count, 2);
	assert_int_equal(records[1].message, 11);
}

static void which_alerts_end_a_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool ends;
	} cases[] = {
		{RECORD("\x15", "\0\0", "\0\2") "\1\0", 15, true},     /* close_notify */
		{RECORD("\x15", "\0\0", "\0\2") "\2\x28", 15, true},   /* fatal: handshake_failure */
		{RECORD("\x15", "\0\0", "\0\2") "\1\x64", 15, false},  /* warning: no_renegotiation */
		{RECORD("\x15", "\0\1", "\0\4") "\1\x64zz", 17, true}, /* encrypted */
		{RECORD("\x17", "\0\1", "\0\4") "zzzz", 17, false},    /* data */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dtls_record records[RECORDS_MAX];
		unsigned count;

		assert_int_equal(read_all(cases[i].bytes, cases[i].len, cases[i].len, records, &count),
				 DTLS_END);
		assert_int_equal(count, 1);
		assert_int_equal(dtls_ends(&records[0]), cases[i].ends);
	}
}

static void short_headers_of_1_3(void **state)
{
	static const char bytes[] = "\x2e\x01\x02\x00\x03xyz"
				    "\x2f\x01\x03\x00\x01x"
				    "\x23\x09rest";
	struct dtls_record records[RECORDS_MAX];
	unsigned count;

	(void)state;
	assert_int_equal(READ(bytes, records, &count), DTLS_END);
	assert_int_equal(count, 3);
	assert_int_equal(records[0].type, DTLS_CIPHERTEXT);
	assert_int_equal(records[0].epoch, 2);
	assert_int_equal(records[0].sequence, 0x102);
	assert_int_equal(records[0].len, 3);
	assert_false(dtls_is_protected(&records[0]));
	assert_true(dtls_is_protected(&records[1]));
	assert_int_equal(records[2].len, 4);
	assert_int_equal(records[2].sequence, 9);
}

static void what_is_no_record(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\x16\x03\x03\0\0\0\0\0\0\0\7\0\0", 13},   /* TLS over UDP is none */
		{RECORD("\x16", "\0\0", "\0\4") "abc", 16}, /* longer than the datagram */
		{"\x16\xfe\xfd\0\0", 5},                    /* … and so its header */
		{"\x80zzzzzzzzzzzz", 13},                   /* RTP */
		{"\x3f\0\0\0\0\0", 6},                      /* a connection id */
		{"\x2e\0\0\0\7x", 6},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct dtls_record records[RECORDS_MAX];
		unsigned count;

		assert_int_equal(read_all(cases[i].bytes, cases[i].len, cases[i].len, records, &count),
				 DTLS_MALFORMED);
		assert_int_equal(count, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_client_begins),
		cmocka_unit_test(a_flight_that_ends_in_finished),
		cmocka_unit_test(what_stands_before_a_cut_is_said),
		cmocka_unit_test(which_alerts_end_a_connection),
		cmocka_unit_test(short_headers_of_1_3),
		cmocka_unit_test(what_is_no_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
