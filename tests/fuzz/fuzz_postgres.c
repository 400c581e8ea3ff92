// SPDX-License-Identifier: Apache-2.0
// The decoder of PostgreSQL on any bytes: a cut anywhere says the same as the whole, in every message, and
// what is found behind unseen bytes are messages up to the end. The first two input bytes choose the cut and
// who sends.
#include "protocols/postgres.h"
#include "protocols/postgres_alignment.h"

#include <stdlib.h>
#include <string.h>

#define CHECK(condition) ((condition) ? (void)0 : abort())

struct said {
	uint64_t sum; ///< of all that was said, in its order
	uint64_t begun, ended;
	uint8_t last;
	bool malformed;
};

static void add(struct said *said, uint64_t fact)
{
	said->sum = (said->sum ^ fact) * 0x100000001b3;
}

static void message_add(struct said *said, const struct postgres_reader *reader)
{
	uint64_t name = 0;
	uint32_t code = 0;

	CHECK(reader->sql.operation < POSTGRES_OPERATIONS);
	CHECK(strlen(reader->sqlstate) <= POSTGRES_SQLSTATE_LEN);
	add(said, reader->message.type);
	add(said, reader->message.len);
	add(said, reader->sql.operation);
	add(said, reader->sql.several);
	for (unsigned i = 0; i < 2; i++)
		add(said, postgres_name(reader, i, &name) ? name : 1);
	add(said, postgres_code(reader, &code) ? code : 1);
	for (const char *c = reader->sqlstate; *c; c++)
		add(said, *c);
	said->last = reader->message.type;
}

static void read_all(struct postgres_reader *reader, struct slice bytes, struct said *said)
{
	while (!said->malformed) {
		switch (postgres_read(reader, &bytes)) {
		case POSTGRES_MORE:
			CHECK(!bytes.len);
			return;
		case POSTGRES_BEGIN:
			said->begun++;
			break;
		case POSTGRES_END:
			said->ended++;
			message_add(said, reader);
			break;
		case POSTGRES_MALFORMED:
			said->malformed = true;
			break;
		}
	}
}

static void check_tail(struct slice bytes)
{
	size_t at = postgres_tail(bytes);
	struct postgres_reader reader;
	struct said said = {0};

	CHECK(at <= bytes.len);
	if (at == bytes.len)
		return;
	postgres_reader_init(&reader, true, false);
	read_all(&reader, (struct slice){bytes.data + at, bytes.len - at}, &said);
	CHECK(!said.malformed && !reader.within && !reader.header_len && said.ended > 0);
	CHECK(said.last == POSTGRES_COMPLETE || said.last == POSTGRES_ERROR || said.last == POSTGRES_READY);
}

/* What begins with messages is not malformed in its first one. */
static void check_begins(struct slice bytes, bool server)
{
	struct postgres_reader reader;
	struct said said = {0};

	if (!postgres_begins(bytes, server))
		return;
	postgres_reader_init(&reader, server, false);
	read_all(&reader, bytes, &said);
	CHECK(!said.malformed && said.begun > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	const char *data = (const char *)input + 2;
	struct postgres_reader whole, cut;
	struct said once = {0}, twice = {0};
	size_t len, at;

	if (size < 2)
		return 0;
	len = size - 2;
	at = len ? input[0] % len : 0;
	postgres_reader_init(&whole, input[1] & 1, input[1] & 2 && !(input[1] & 1));
	whole.negotiating = input[1] & 4 && whole.server;
	cut = whole;
	read_all(&whole, (struct slice){data, len}, &once);
	read_all(&cut, (struct slice){data, at}, &twice);
	read_all(&cut, (struct slice){data + at, len - at}, &twice);
	CHECK(once.sum == twice.sum && once.begun == twice.begun && once.ended == twice.ended &&
	      once.malformed == twice.malformed);
	CHECK(once.begun <= len && once.ended <= once.begun);
	CHECK(postgres_skip(&whole, whole.payload_left) == whole.within);
	check_tail((struct slice){data, len});
	check_begins((struct slice){data, len}, input[1] & 1);
	return 0;
}
