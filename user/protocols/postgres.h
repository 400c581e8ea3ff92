// SPDX-License-Identifier: Apache-2.0
// Messages of PostgreSQL's protocol 3 (its manual, chapter "Frontend/Backend Protocol"), one direction of a
// connection. Pure: bytes in, facts out; no allocation, no clock. Of payloads only what is asked for here is
// kept: no text, no values, of names a hash.
#ifndef RINGSIDE_PROTOCOLS_POSTGRES_H
#define RINGSIDE_PROTOCOLS_POSTGRES_H

#include "postgres_sql.h"

/// What a client sends.
enum postgres_question {
	POSTGRES_STARTUP = 0, ///< has no type; its code says what it is
	POSTGRES_BIND = 'B',
	POSTGRES_CLOSE = 'C',
	POSTGRES_DESCRIBE = 'D',
	POSTGRES_EXECUTE = 'E',
	POSTGRES_FUNCTION_CALL = 'F',
	POSTGRES_FLUSH = 'H',
	POSTGRES_PARSE = 'P',
	POSTGRES_QUERY = 'Q',
	POSTGRES_SYNC = 'S',
	POSTGRES_TERMINATE = 'X',
	POSTGRES_COPY_DONE = 'c', ///< servers send these two, too
	POSTGRES_COPY_DATA = 'd',
	POSTGRES_COPY_FAIL = 'f',
	POSTGRES_PASSWORD = 'p',
};

/// What a server sends.
enum postgres_answer {
	POSTGRES_NEGOTIATED = 0, ///< one byte: whether what comes next is encrypted
	POSTGRES_PARSED = '1',
	POSTGRES_BOUND = '2',
	POSTGRES_CLOSED = '3',
	POSTGRES_NOTIFICATION = 'A',
	POSTGRES_COMPLETE = 'C',
	POSTGRES_ROW = 'D',
	POSTGRES_ERROR = 'E',
	POSTGRES_COPY_IN = 'G',
	POSTGRES_COPY_OUT = 'H',
	POSTGRES_EMPTY = 'I',
	POSTGRES_KEY = 'K',
	POSTGRES_NOTICE = 'N',
	POSTGRES_AUTHENTICATION = 'R',
	POSTGRES_PARAMETER = 'S',
	POSTGRES_ROW_DESCRIPTION = 'T',
	POSTGRES_FUNCTION_RESULT = 'V',
	POSTGRES_COPY_BOTH = 'W',
	POSTGRES_READY = 'Z',
	POSTGRES_NO_DATA = 'n',
	POSTGRES_SUSPENDED = 's',
	POSTGRES_PARAMETERS = 't',
	POSTGRES_VERSIONS = 'v',
};

/// Codes of POSTGRES_STARTUP beside the version, the upper half of which is this.
#define POSTGRES_VERSION 3
#define POSTGRES_CODE_CANCEL 80877102
#define POSTGRES_CODE_TLS 80877103
#define POSTGRES_CODE_GSS 80877104

#define POSTGRES_HEADER_MAX 5
#define POSTGRES_SQLSTATE_LEN 5
/// The hash of the empty name.
#define POSTGRES_UNNAMED 0xcbf29ce484222325

struct postgres_message {
	uint32_t len; ///< of the payload
	uint8_t type; ///< enum postgres_question or enum postgres_answer
};

struct postgres_reader {
	struct postgres_message message; ///< the one that goes on
	uint32_t payload_left;
	char header[POSTGRES_HEADER_MAX];
	uint8_t header_len;
	bool server;      ///< who sends
	bool untyped;     ///< the next message is a POSTGRES_STARTUP …
	bool negotiating; ///< … a POSTGRES_NEGOTIATED, or an error from very old servers
	bool within;      ///< a message has begun and was not ended yet
	bool cut;         ///< some of the payload was not seen; what comes behind that is not looked into

	/* Of the message, whole at its end, unless it was cut. */
	uint8_t first[4]; ///< the payload's first bytes …
	uint8_t first_len;
	uint8_t strings; ///< how many were read whole
	uint32_t string_len;
	uint64_t names[2];       ///< hashes of the strings that are names
	struct postgres_sql sql; ///< of POSTGRES_QUERY, POSTGRES_PARSE and POSTGRES_COMPLETE
	char sqlstate[POSTGRES_SQLSTATE_LEN + 1];
	uint8_t field; ///< of POSTGRES_ERROR, the one that goes on
};

enum postgres_step {
	POSTGRES_MORE,      ///< all bytes are used
	POSTGRES_BEGIN,     ///< reader->message is a new one
	POSTGRES_END,       ///< it is over
	POSTGRES_MALFORMED, ///< no message is like this
};

/// At a message's beginning; `untyped`: at that of the connection, as the client sends it.
void postgres_reader_init(struct postgres_reader *reader, bool server, bool untyped);
/// Takes what comes next off the front of `bytes`.
enum postgres_step postgres_read(struct postgres_reader *reader, struct slice *bytes);
/// Whether bytes that were not seen can be no more than what the message still has.
bool postgres_may_skip(const struct postgres_reader *reader, uint64_t len);
/// Bytes that were not seen. False, and nothing done, if they are more than that: then where the next message
/// begins is not known.
bool postgres_skip(struct postgres_reader *reader, uint64_t len);

/// The code of a POSTGRES_STARTUP or POSTGRES_AUTHENTICATION. False if it was not seen.
bool postgres_code(const struct postgres_reader *reader, uint32_t *ret_code);
/// The hash of a message's name: `index` is 0 but for the statement of a POSTGRES_BIND, which is 1.
bool postgres_name(const struct postgres_reader *reader, unsigned index, uint64_t *ret_hash);

/// Reads a header of POSTGRES_HEADER_MAX bytes. False if no message has it.
bool postgres_header(const char *header, bool server, struct postgres_message *ret_message);

#endif
