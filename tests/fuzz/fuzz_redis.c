// SPDX-License-Identifier: Apache-2.0
// Both decoders of Redis on any bytes: a cut anywhere says the same as the whole, and nothing is said of more
// than there can be. The first input byte chooses the cut.
#include "protocols/redis_reply.h"
#include "protocols/redis_request.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

struct said {
	uint64_t requests, words, commands, modes, blocks;
	uint64_t replies, numbers, elements, errors, depths, kinds;
	bool malformed;
};

static void read_requests(struct redis_request_reader *reader, struct slice bytes, struct said *said)
{
	struct redis_request request;

	while (!said->malformed) {
		switch (redis_request_read(reader, &bytes, &request)) {
		case REDIS_MORE:
			CHECK(!bytes.len);
			return;
		case REDIS_END:
			said->requests++;
			said->words += request.words;
			said->commands += request.command;
			said->modes += request.reply_mode;
			said->blocks += request.blocks;
			CHECK(redis_command(request.command)->name);
			break;
		case REDIS_MALFORMED:
			said->malformed = true;
			break;
		}
	}
}

static void read_replies(struct redis_reply_reader *reader, struct slice bytes, struct said *said)
{
	struct redis_reply reply;

	while (!said->malformed) {
		switch (redis_reply_read(reader, &bytes, &reply)) {
		case REDIS_MORE:
			CHECK(!bytes.len);
			return;
		case REDIS_END:
			said->replies++;
			said->numbers += reply.number;
			said->elements += reply.elements;
			said->errors += reply.errors + reply.error;
			said->depths += reply.depth;
			said->kinds += reply.word + (uint64_t)reply.type + reply.null;
			CHECK(reply.type && reply.depth <= REDIS_DEPTH_MAX);
			break;
		case REDIS_MALFORMED:
			said->malformed = true;
			break;
		}
	}
}

static void check_same(const struct said *once, const struct said *twice, size_t len)
{
	CHECK(!memcmp(once, twice, sizeof(*once)));
	CHECK(once->requests <= len && once->words <= len);
	CHECK(once->replies <= len / 3 && once->errors <= len / 3);
}

static void requests_cut(const char *data, size_t len, size_t at)
{
	struct redis_request_reader whole = {0}, cut = {0};
	struct said once, twice;

	memset(&once, 0, sizeof(once));
	memset(&twice, 0, sizeof(twice));
	read_requests(&whole, (struct slice){data, len}, &once);
	read_requests(&cut, (struct slice){data, at}, &twice);
	read_requests(&cut, (struct slice){data + at, len - at}, &twice);
	check_same(&once, &twice, len);
	CHECK(!redis_request_skip(&whole, (uint64_t)UINT32_MAX + 3));
}

static void replies_cut(const char *data, size_t len, size_t at)
{
	struct redis_reply_reader whole = {0}, cut = {0};
	struct said once, twice;

	memset(&once, 0, sizeof(once));
	memset(&twice, 0, sizeof(twice));
	read_replies(&whole, (struct slice){data, len}, &once);
	read_replies(&cut, (struct slice){data, at}, &twice);
	read_replies(&cut, (struct slice){data + at, len - at}, &twice);
	check_same(&once, &twice, len);
	CHECK(!redis_reply_skip(&whole, (uint64_t)UINT32_MAX + 3));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *data = (const char *)input + 1;
	size_t len, at;

	if (!size)
		return 0;
	len = size - 1;
	at = len ? input[0] % len : 0;
	requests_cut(data, len, at);
	replies_cut(data, len, at);
	return 0;
}
