// SPDX-License-Identifier: Apache-2.0
// The model that every protocol decoder ends in: who asked whom for what, with what result, how many bytes,
// when. Connections make exchanges out of events, the aggregate turns them into series. Nothing here outlives
// the call.
#ifndef RINGSIDE_EXCHANGE_H
#define RINGSIDE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// Borrowed bytes, not terminated; valid as long as what they were cut from.
struct slice {
	const char *data;
	size_t len;
};

/// What stands in `exchange.status` where no answer was seen; below every HTTP status.
enum exchange_outcome {
	EXCHANGE_ABORTED = 1, ///< the client went away before an answer
	EXCHANGE_NONE = 2,    ///< the server closed without one
};

/// Where the time of a request went. The parts add up to the exchange's duration; families.c names them.
enum phase {
	PHASE_SOCKET_WAIT,
	PHASE_RUN_QUEUE,
	PHASE_ON_CPU,
	PHASE_BLOCKED,
	PHASE_APP,
	PHASE_SEND,
	PHASE_COUNT,
};

struct exchange {
	uint64_t arrival_ns;    ///< CLOCK_MONOTONIC, first byte of the request at the socket
	uint64_t duration_ns;   ///< to the hand-over of the answer's last byte
	uint64_t first_byte_ns; ///< to the hand-over of the answer's first byte; 0 without an answer
	uint64_t phase_ns[PHASE_COUNT];
	uint64_t request_bytes;
	uint64_t response_bytes;
	uint64_t socket;     ///< its cookie
	uint64_t cgroup;     ///< id of the socket's cgroup v2
	uint32_t tgid;       ///< process that read the request, in the first PID namespace; 0 if unknown
	uint32_t netns;      ///< inode of the socket's network namespace
	uint16_t local_port; ///< host byte order
	uint16_t status;     ///< HTTP status or enum exchange_outcome
	struct slice method; ///< as sent
	struct slice target; ///< as sent, query included
	bool websocket;      ///< answered by a switch to it
	bool h2c;            ///< … to HTTP/2, which answers it: not finished
	bool grpc;           ///< target is /package.Service/Method, and …
	uint8_t grpc_status; ///< … what it ended with
			     ///< (https://grpc.github.io/grpc/core/md_doc_statuscodes.html)
};

/// Codes of gRPC that a call can end with which says none: what its HTTP/2 stream ended with stands for them.
enum {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_UNAVAILABLE = 14,
	GRPC_MAX = 16
};

#endif
