// SPDX-License-Identifier: Apache-2.0
// Messages of STUN as RFC 5769 has them and as ICE agents and TURN servers send them, whole and cut off.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <xxhash.h>

#include "guarded.h"
#include "protocols/stun.h"

/* RFC 5769 sections 2.1 to 2.4 */
static const char sample_request[] =
	"\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x10STUN test client"
	"\x00\x24\x00\x04\x6e\x00\x01\xff"
	"\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
	"\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
	"\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2"
	"\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
static const char sample_v4[] =
	"\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x0btest vector\x20"
	"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
	"\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7"
	"\x80\x28\x00\x04\xc0\x7d\x4c\x96";
static const char sample_v6[] =
	"\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
	"\x80\x22\x00\x0btest vector\x20"
	"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9"
	"\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41"
	"\x80\x28\x00\x04\xc8\xfb\x0b\x4c";
static const char sample_long_term[] =
	"\x00\x01\x00\x60\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e"
	"\x00\x06\x00\x12\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9\x00\x00"
	"\x00\x15\x00\x1c\x66\x2f\x2f\x34\x39\x39\x6b\x39\x35\x34\x64\x36\x4f\x4c\x33\x34\x6f\x4c\x39\x46"
	"\x53\x54\x76\x79\x36\x34\x73\x41"
	"\x00\x14\x00\x0b\x65\x78\x61\x6d\x70\x6c\x65\x2e\x6f\x72\x67\x00"
	"\x00\x08\x00\x14\xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9\xa2\x8c\xa8\x96\x66";

#define HEAD(type, len)             \
	type len "\x21\x12\xa4\x42" \
		 "abcdefghijkl"

static enum stun_outcome read_cut(const char *bytes, size_t there, size_t len, struct stun_message *message)
{
	return stun_read((struct slice){guarded(bytes, there), there}, len, message);
}

#define READ(bytes, message) read_cut(bytes, sizeof(bytes) - 1, sizeof(bytes) - 1, message)

static void a_check_says_who_asks_whom(void **state)
{
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(sample_request, &message), STUN_WHOLE);
	assert_int_equal(message.class, STUN_REQUEST);
	assert_int_equal(message.method, STUN_BINDING);
	assert_memory_equal(message.transaction, sample_request + 8, STUN_TRANSACTION_LEN);
	assert_int_equal(message.has, STUN_HAS_USERNAME | STUN_HAS_PRIORITY | STUN_HAS_CONTROLLED |
					      STUN_HAS_INTEGRITY | STUN_HAS_FINGERPRINT);
	assert_true(message.fragments[0] == XXH3_64bits("evtj", 4));
	assert_true(message.fragments[1] == XXH3_64bits("h6vY", 4));
	assert_int_equal(message.priority, 0x6e0001ff);
}

static void a_success_says_the_address_that_was_seen(void **state)
{
	static const uint8_t v4[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 1};
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78,
				       0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(sample_v4, &message), STUN_WHOLE);
	assert_int_equal(message.class, STUN_SUCCESS);
	assert_int_equal(message.has, STUN_HAS_MAPPED | STUN_HAS_INTEGRITY | STUN_HAS_FINGERPRINT);
	assert_memory_equal(message.mapped.ip, v4, sizeof(v4));
	assert_int_equal(message.mapped.port, 32853);
	assert_int_equal(READ(sample_v6, &message), STUN_WHOLE);
	assert_memory_equal(message.mapped.ip, v6, sizeof(v6));
	assert_int_equal(message.mapped.port, 32853);
}

static void a_username_without_fragments_is_none_of_ice(void **state)
{
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(sample_long_term, &message), STUN_WHOLE);
	assert_int_equal(message.has, STUN_HAS_INTEGRITY);
}

static void methods_and_classes_of_turn(void **state)
{
	static const struct {
		const char type[3];
		uint16_t method;
		uint8_t class;
	} cases[] = {
		{"\x00\x03", STUN_ALLOCATE, STUN_REQUEST},
		{"\x01\x13", STUN_ALLOCATE, STUN_ERROR},
		{"\x01\x04", STUN_REFRESH, STUN_SUCCESS},
		{"\x00\x16", STUN_SEND, STUN_INDICATION},
		{"\x00\x17", STUN_DATA, STUN_INDICATION},
		{"\x00\x09", STUN_CHANNEL_BIND, STUN_REQUEST},
		{"\x01\x08", STUN_CREATE_PERMISSION, STUN_SUCCESS},
		{"\x02\xef", 0xff, STUN_REQUEST},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char bytes[] = HEAD("\0\0", "\0\0");
		struct stun_message message;

		memcpy(bytes, cases[i].type, 2);
		assert_int_equal(READ(bytes, &message), STUN_WHOLE);
		assert_int_equal(message.method, cases[i].method);
		assert_int_equal(message.class, cases[i].class);
	}
}

static void an_allocation_its_lifetime_and_its_refusal(void **state)
{
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(HEAD("\x01\x03", "\x00\x14") "\x00\x16\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
							   "\x00\x0d\x00\x04\x00\x00\x02\x58",
			      &message),
			 STUN_WHOLE);
	assert_int_equal(message.has, STUN_HAS_RELAYED | STUN_HAS_LIFETIME);
	assert_int_equal(message.relayed.port, 32853);
	assert_int_equal(message.lifetime, 600);
	assert_int_equal(
		READ(HEAD("\x01\x13", "\x00\x10") "\x00\x09\x00\x0a\x00\x00\x04\x01Unauth\0\0", &message),
		STUN_WHOLE);
	assert_int_equal(message.has, STUN_HAS_ERROR);
	assert_int_equal(message.error, 401);
}

static void what_turn_carries_comes_as_much_of_it_as_is_there(void **state)
{
	static const char bytes[] =
		HEAD("\x00\x16", "\x00\x18") "\x00\x12\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
					     "\x00\x13\x00\x05hello\0\0\0";
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(bytes, &message), STUN_WHOLE);
	assert_int_equal(message.has, STUN_HAS_PEER | STUN_HAS_DATA);
	assert_int_equal(message.data.len, 5);
	assert_memory_equal(message.data.data, "hello", 5);
	assert_int_equal(read_cut(bytes, sizeof(bytes) - 1 - 6, sizeof(bytes) - 1, &message), STUN_CUT);
	assert_int_equal(message.data.len, 2);
	assert_int_equal(message.data_len, 5);
}

static void what_stands_before_a_cut_is_said(void **state)
{
	struct stun_message message;

	(void)state;
	/* In the middle of the second fragment, then behind it. */
	assert_int_equal(read_cut(sample_request, 72, 108, &message), STUN_CUT);
	assert_int_equal(message.has, STUN_HAS_PRIORITY | STUN_HAS_CONTROLLED);
	assert_int_equal(read_cut(sample_request, 73, 108, &message), STUN_CUT);
	assert_int_equal(message.has, STUN_HAS_PRIORITY | STUN_HAS_CONTROLLED | STUN_HAS_USERNAME);
	assert_int_equal(read_cut(sample_request, 20, 108, &message), STUN_CUT);
	assert_int_equal(message.has, 0);
	assert_int_equal(read_cut(sample_request, 19, 108, &message), STUN_NONE);
}

static void what_the_integrity_does_not_cover_does_not_count(void **state)
{
	static const char bytes[] = HEAD("\x00\x01", "\x00\x24") "\x00\x08\x00\x14"
								 "01234567890123456789"
								 "\x00\x25\x00\x00"
								 "\x80\x28\x00\x04"
								 "abcd";
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(bytes, &message), STUN_WHOLE);
	assert_int_equal(message.has, STUN_HAS_INTEGRITY | STUN_HAS_FINGERPRINT);
}

static void the_first_of_two_attributes_counts(void **state)
{
	static const char bytes[] =
		HEAD("\x00\x01", "\x00\x14") "\x00\x24\x00\x04\0\0\0\1\x00\x24\x00\x04\0\0\0\2"
					     "\x00\x25\x00\x00";
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(bytes, &message), STUN_WHOLE);
	assert_int_equal(message.priority, 1);
	assert_int_equal(message.has, STUN_HAS_PRIORITY | STUN_HAS_USE_CANDIDATE);
}

static void what_is_no_message(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{"\x00\x01\x00\x00\x21\x12\xa4\x43"
		 "abcdefghijkl",
		 20},                                                          /* another cookie */
		{HEAD("\x00\x01", "\x00\x04"), 20},                            /* longer than it is */
		{HEAD("\x00\x01", "\x00\x00") "\0\0\0\0", 24},                 /* … or shorter */
		{HEAD("\x00\x01", "\x00\x02") "\0\0", 22},                     /* not padded */
		{HEAD("\x40\x01", "\x00\x00"), 20},                            /* ChannelData */
		{HEAD("\x00\x01", "\x00\x08") "\x00\x24\x00\x05\0\0\0\0", 28}, /* an attribute's length */
		{HEAD("\x00\x01", "\x00\x08") "\x00\x24\xff\xff\0\0\0\0", 28},
	};
	struct stun_message message;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(read_cut(cases[i].bytes, cases[i].len, cases[i].len, &message), STUN_NONE);
}

static void values_that_an_attribute_cannot_have_are_left_out(void **state)
{
	static const char bytes[] = HEAD(
		"\x01\x11", "\x00\x24") "\x00\x24\x00\x03\0\0\0\0" /* PRIORITY of three bytes */
					"\x00\x20\x00\x08\x00\x03\xa1\x47\xe1\x12\xa6\x43" /* a family that is
											      not known */
					"\x00\x09\x00\x04\x00\x00\x02\x00"                 /* error 200 */
					"\x00\x06\x00\x02xy\0\0";                          /* no colon */
	struct stun_message message;

	(void)state;
	assert_int_equal(READ(bytes, &message), STUN_WHOLE);
	assert_int_equal(message.has, 0);
}

static void candidate_types_by_preference(void **state)
{
	enum ice_type type;

	(void)state;
	assert_true(stun_candidate_type(0x7e0001ff, &type) && type == ICE_HOST);
	assert_true(stun_candidate_type(0x6e0001ff, &type) && type == ICE_PRFLX);
	assert_true(stun_candidate_type(0x640001ff, &type) && type == ICE_SRFLX);
	assert_true(stun_candidate_type(0x000001ff, &type) && type == ICE_RELAY);
	assert_false(stun_candidate_type(0x5a0001ff, &type));
}

static void kinds_by_the_first_byte(void **state)
{
	static const struct {
		uint8_t first, last;
		enum datagram_kind kind;
	} cases[] = {
		{0, 3, DATAGRAM_STUN},           {4, 19, DATAGRAM_OTHER},   {20, 63, DATAGRAM_DTLS},
		{64, 79, DATAGRAM_TURN_CHANNEL}, {80, 127, DATAGRAM_OTHER}, {128, 191, DATAGRAM_RTP},
		{192, 255, DATAGRAM_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(datagram_kind(cases[i].first), cases[i].kind);
		assert_int_equal(datagram_kind(cases[i].last), cases[i].kind);
	}
}

static void channel_data(void **state)
{
	static const char bytes[] = "\x40\x00\x00\x05hello\0\0\0";
	uint16_t channel;
	struct slice data;
	size_t len;

	(void)state;
	assert_true(turn_channel_read((struct slice){guarded(bytes, 12), 12}, 12, &channel, &data, &len));
	assert_int_equal(channel, 0x4000);
	assert_int_equal(data.len, 5);
	assert_memory_equal(data.data, "hello", 5);
	assert_true(turn_channel_read((struct slice){guarded(bytes, 6), 6}, 9, &channel, &data, &len));
	assert_int_equal(data.len, 2);
	assert_int_equal(len, 5);
	assert_false(turn_channel_read((struct slice){guarded(bytes, 8), 8}, 8, &channel, &data, &len));
	assert_false(turn_channel_read((struct slice){guarded(bytes, 3), 3}, 9, &channel, &data, &len));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_check_says_who_asks_whom),
		cmocka_unit_test(a_success_says_the_address_that_was_seen),
		cmocka_unit_test(a_username_without_fragments_is_none_of_ice),
		cmocka_unit_test(methods_and_classes_of_turn),
		cmocka_unit_test(an_allocation_its_lifetime_and_its_refusal),
		cmocka_unit_test(what_turn_carries_comes_as_much_of_it_as_is_there),
		cmocka_unit_test(what_stands_before_a_cut_is_said),
		cmocka_unit_test(what_the_integrity_does_not_cover_does_not_count),
		cmocka_unit_test(the_first_of_two_attributes_counts),
		cmocka_unit_test(what_is_no_message),
		cmocka_unit_test(values_that_an_attribute_cannot_have_are_left_out),
		cmocka_unit_test(candidate_types_by_preference),
		cmocka_unit_test(kinds_by_the_first_byte),
		cmocka_unit_test(channel_data),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
