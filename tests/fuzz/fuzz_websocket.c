// SPDX-License-Identifier: Apache-2.0
// The WebSocket decoder on any bytes: a cut anywhere says the same as the whole, and nothing is said of more
// frames than there can be. The first input byte chooses the cut.
#include "protocols/websocket.h"

#include <stdlib.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

struct said {
	uint64_t frames, ends, messages, codes;
	bool malformed;
};

static void read_all(struct websocket_reader *reader, struct slice bytes, struct said *said)
{
	while (!said->malformed) {
		switch (websocket_read(reader, &bytes)) {
		case WEBSOCKET_MORE:
			CHECK(!bytes.len);
			return;
		case WEBSOCKET_BEGIN:
			said->frames++;
			said->messages += websocket_begins_message(&reader->frame);
			break;
		case WEBSOCKET_END:
			said->ends++;
			said->codes +=
				reader->frame.opcode == WEBSOCKET_CLOSE ? websocket_close_code(reader) : 0;
			break;
		case WEBSOCKET_MALFORMED:
			said->malformed = true;
			break;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct websocket_reader whole = {0}, cut = {0};
	struct said once = {0}, twice = {0};
	const char *data = (const char *)input + 1;
	size_t len, at;

	if (!size)
		return 0;
	len = size - 1;
	at = len ? input[0] % len : 0;
	read_all(&whole, (struct slice){data, len}, &once);
	read_all(&cut, (struct slice){data, at}, &twice);
	read_all(&cut, (struct slice){data + at, len - at}, &twice);
	CHECK(once.frames == twice.frames && once.ends == twice.ends && once.messages == twice.messages &&
	      once.codes == twice.codes && once.malformed == twice.malformed);
	CHECK(once.frames <= len / 2 + 1 && once.ends <= once.frames);
	CHECK(websocket_skip(&whole, whole.payload_left) == whole.within);
	return 0;
}
