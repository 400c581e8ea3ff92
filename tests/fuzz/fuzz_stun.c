// SPDX-License-Identifier: Apache-2.0
// The decoders of WebRTC's datagrams and candidates on any bytes: what is said of a cut is said of the whole,
// and text says the same wherever it is cut. The first input byte chooses the cut.
#include "protocols/dtls.h"
#include "protocols/stun.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

static void check_stun(struct slice whole, size_t cut)
{
	struct stun_message once, part;
	enum stun_outcome outcome = stun_read(whole, whole.len, &once);
	enum stun_outcome part_outcome = stun_read((struct slice){whole.data, cut}, whole.len, &part);
	enum ice_type type;

	CHECK(outcome != STUN_CUT);
	if (part_outcome == STUN_NONE) {
		CHECK(cut < STUN_HEADER_LEN || outcome == STUN_NONE);
		return;
	}
	CHECK(part.data.len <= cut);
	stun_candidate_type(part.priority, &type);
	if (outcome == STUN_NONE)
		return;
	CHECK(part.method == once.method && part.class == once.class);
	CHECK(!memcmp(part.transaction, once.transaction, STUN_TRANSACTION_LEN));
	CHECK(!(part.has & ~once.has));
	CHECK(part_outcome == STUN_CUT || part.has == once.has);
	CHECK(!(part.has & STUN_HAS_USERNAME) ||
	      !memcmp(part.fragments, once.fragments, sizeof(part.fragments)));
	CHECK(!(part.has & STUN_HAS_MAPPED) || !memcmp(&part.mapped, &once.mapped, sizeof(part.mapped)));
	CHECK(!(part.has & STUN_HAS_PRIORITY) || part.priority == once.priority);
	CHECK(!(part.has & STUN_HAS_DATA) || part.data_len == once.data_len);
}

static void check_channel(struct slice whole, size_t cut)
{
	uint16_t channel, part_channel;
	struct slice data, part;
	size_t data_len, part_len;
	bool is = turn_channel_read(whole, whole.len, &channel, &data, &data_len);

	if (!turn_channel_read((struct slice){whole.data, cut}, whole.len, &part_channel, &part, &part_len)) {
		CHECK(cut < 4 || !is);
		return;
	}
	CHECK(is && channel == part_channel && data_len == part_len && data.len == data_len);
	CHECK(part.len <= data.len && part.data == data.data);
}

static void check_dtls(struct slice whole, size_t cut)
{
	struct slice part = {whole.data, cut};
	size_t left = whole.len, part_left = whole.len;

	for (;;) {
		struct dtls_record record = {0}, part_record = {0};
		enum dtls_step step = dtls_read(&whole, &left, &record);
		enum dtls_step part_step = dtls_read(&part, &part_left, &part_record);

		CHECK(step != DTLS_CUT && (part_step == step || part_step == DTLS_CUT));
		if (step != DTLS_RECORD || part_step != DTLS_RECORD)
			return;
		CHECK(left == part_left && record.type == part_record.type && record.len == part_record.len &&
		      record.epoch == part_record.epoch && record.sequence == part_record.sequence);
		CHECK(dtls_is_protected(&record) == dtls_is_protected(&part_record));
		CHECK(!dtls_ends(&part_record) || dtls_ends(&record));
		CHECK(!part_record.has_message || part_record.message == record.message);
	}
}

static void check_candidates(struct slice text, size_t cut)
{
	struct candidates_reader once = {0}, twice = {0};

	candidates_read(&once, text);
	candidates_read(&twice, (struct slice){text.data, cut});
	candidates_read(&twice, (struct slice){text.data + cut, text.len - cut});
	CHECK(!memcmp(&once, &twice, sizeof(once)));
	candidates_end(&once);
	for (unsigned type = 0; type < ICE_TYPES; type++)
		CHECK(once.found[type] <= text.len / sizeof("candidate:1 1 u 1 a 1 typ hos"));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct slice whole;
	size_t cut;

	if (size < 2)
		return 0;
	whole = (struct slice){(const char *)input + 1, size - 1};
	cut = input[0] % whole.len;
	check_stun(whole, cut);
	check_channel(whole, cut);
	check_dtls(whole, cut);
	check_candidates(whole, cut);
	return 0;
}
