// SPDX-License-Identifier: Apache-2.0
// Sessions of WebRTC under any sequence of datagrams, of agents that follow no rules on both ends of few
// sockets: what was counted always adds up. Each input byte is a step, some with bytes of their own.
#include "../unit/webrtc_stage.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())

static void check_sums(struct stage *stage)
{
	static int *const owners[] = {&stage_owner, &stage_other};

	for (unsigned i = 0; i < 2; i++) {
		struct webrtc_stats stats = stats_of(stage, owners[i]);

		CHECK(stats.closed + stats.active == stats.connected);
		CHECK(stats.active <= 16 * 16);
	}
	CHECK(!webrtc_sessions_losses(stage->sessions).table_full);
}

static void raw(struct stage *stage, bool out, const uint8_t **input, const uint8_t *end)
{
	size_t len = *input < end ? **input : 0;

	if (len > (size_t)(end - *input))
		len = (size_t)(end - *input);
	stage->len = 0;
	put(stage, *input, len);
	stage_send(stage, out);
	*input += len;
}

static void server(struct stage *stage, bool out, unsigned transaction)
{
	message_begin(stage, transaction & 1 ? 0x0103 : 0x0101, transaction);
	put_address(stage, transaction & 1 ? 0x0016 : 0x0020, 1, 4000 + transaction);
	message_end(stage);
	stage_send(stage, out);
}

static void request(struct stage *stage, bool out, unsigned transaction)
{
	message_begin(stage, transaction & 1 ? 0x0003 : 0x0001, transaction);
	stage_send(stage, out);
}

static void step(struct stage *stage, const uint8_t **input, const uint8_t *end)
{
	static const char *const fragments[] = {"a", "b", "c", "d"};
	uint8_t byte = *(*input)++;
	unsigned choice = byte >> 5, value = byte & 0x0f;
	bool out = byte & 0x10;

	switch (choice) {
	case 0:
		stage->socket = 7 + (value & 1);
		stage->local = fragments[value & 3];
		stage->remote = fragments[value >> 2];
		stage->remote_port = 5000 + (value >> 1 & 1);
		stage->local_port = 4000 + (value >> 2 & 1);
		stage->owner = out ? (void *)&stage_owner : value & 8 ? (void *)&stage_other : NULL;
		break;
	case 1:
		check(stage, out, value & 7, value & 8);
		break;
	case 2:
		success(stage, out, value & 7);
		break;
	case 3:
		dtls(stage, out, 20 + (value & 3), value >> 2 & 1);
		break;
	case 4:
		raw(stage, out, input, end);
		break;
	case 5:
		(value & 8 ? server : request)(stage, out, value & 7);
		break;
	case 6:
		stage_wait(stage, 1 + (out ? value : 0) * 8);
		break;
	default:
		if (value & 1)
			rtp(stage, out);
		else if (value & 2)
			webrtc_sessions_on_close(stage->sessions, 7 + out);
		else if (value & 4)
			webrtc_sessions_forget_owner(stage->sessions, out ? &stage_owner : &stage_other);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const uint8_t *end = input + size;
	struct stage stage;

	stage_begin(&stage);
	while (input < end) {
		step(&stage, &input, end);
		check_sums(&stage);
	}
	stage_end(&stage);
	return 0;
}
