/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* What the kernel side tells the user side: one header, one record per kind, nothing else crosses the ring.
 * Written by bpf/, read by user/events.c. */
#ifndef RINGSIDE_EVENT_H
#define RINGSIDE_EVENT_H

#ifndef __VMLINUX_H__ /* the kernel side has these types from there */
#include <linux/types.h>
#endif

#include "maps.h"

/* Bytes kept of a request's beginning, in the socket's storage, and of an answer's. */
#define REQUEST_CAPTURE_MAX 512
#define RESPONSE_CAPTURE_MAX 1024
/* Bytes of one piece where requests are pipelined. */
#define PIECE_MAX 4096

enum event_kind {
	EVENT_EXCHANGE = 1, /* a request, and the first segment of the bytes that came after it */
	EVENT_REQUEST,      /* what comes in on a connection that pipelines */
	EVENT_RESPONSE,     /* a later segment of an answer, worth knowing of; every one of a pipelining
			       connection */
	EVENT_CLOSE,        /* the connection is over; an unanswered request comes with it */
	EVENT_LISTEN,       /* a process began or ended listening on a port */
	EVENT_PROCESS,      /* a process reads from a connection in TLS, for the first time */
	EVENT_TLS_CLOSE,    /* a connection in TLS is over; a call that wrote to it may yet have to return */
	EVENT_STREAM,       /* bytes of a connection that user space decodes: frames, or what TLS hides */
};

enum event_flag {
	EVENT_FIN = 1 << 0,         /* the segment ended our side of the connection */
	EVENT_CLIENT_LEFT = 1 << 1, /* the client had closed its side, or reset the connection, by then */
	EVENT_SAME_THREAD = 1 << 2, /* on_cpu_ns and run_queue_ns hold: the reader sent the answer itself */
	EVENT_UNANSWERED = 1 << 3,  /* EVENT_CLOSE: exchange_event with the request that got no answer */
	EVENT_LISTEN_END = 1 << 4,  /* EVENT_LISTEN: no longer */
	EVENT_MIDSTREAM = 1 << 5,   /* the connection was older than ringside when it was first seen */
	EVENT_AFTER_LINE = 1 << 6,  /* EVENT_REQUEST: what came before ended in an empty line */
	EVENT_BEHIND = 1 << 7, /* EVENT_REQUEST: behind a request that waits and will come with its answer */
	EVENT_STREAMED = 1 << 8, /* EVENT_EXCHANGE: from here on every byte of the connection is told */
	EVENT_OUT = 1 << 9,      /* EVENT_STREAM: sent by this host's end; else it came in */
	EVENT_CLIENT = 1 << 10,  /* EVENT_STREAM: this end began the connection */
	EVENT_TLS = 1 << 11,     /* EVENT_STREAM: plaintext, seen where a library de- or encrypts */
	EVENT_RAW = 1 << 12,     /* EVENT_STREAM: in any order, perhaps twice; nothing is passed over */
};

/* What the bytes of an EVENT_STREAM are. */
enum stream_protocol {
	STREAM_HTTP1, /* within TLS only: in plaintext, the events above tell it cheaper */
	STREAM_HTTP2,
	STREAM_WEBSOCKET, /* from behind the answer 101 on */
	STREAM_PROTOCOLS,
};

struct event_header {
	__u64 time_ns; /* bpf_ktime_get_ns(), which is CLOCK_MONOTONIC */
	__u64 socket;  /* socket cookie: never used twice since boot */
	__u16 kind;
	__u16 flags;
	__u32 netns; /* inode number of the network namespace */
};

/* Positions count the bytes of one direction of the connection since ringside first looked at it. */

/* EVENT_EXCHANGE, and EVENT_CLOSE with EVENT_UNANSWERED. Followed by request_len bytes at data[0] and
 * response_len bytes at data[request_room]; the record ends anywhere after that. header.time_ns: when the
 * answer's first segment left. */
struct exchange_event {
	struct event_header header;
	__u64 arrival_ns;
	__u64 read_ns; /* 0: not seen */
	__u64 on_cpu_ns;
	__u64 run_queue_ns;
	__u64 previous_last_ns; /* the last byte before this segment left; 0 if there was none */
	__u64 request_start;    /* position of the request's first byte … */
	__u64 request_end;      /* … and of what has arrived by now */
	__u64 response_end;     /* position after this segment */
	__u64 cgroup;
	__u32 tgid;           /* who read the request, else who answered; 0 if neither was seen */
	__u32 sequence;       /* of these events on this connection: a gap is a lost one */
	__u32 response_bytes; /* of this segment */
	__u16 request_len;
	__u16 request_room;
	__u16 response_len;
	__u16 local_port; /* host byte order, as the next */
	__u16 remote_port;
	__u16 family; /* AF_INET or AF_INET6 */
	__u8 local_address[16];
	__u8 remote_address[16];
	__u8 tail[8]; /* the segment's last bytes, right-aligned */
	__u8 data[];
};

/* EVENT_REQUEST. A piece of what comes in on a connection that pipelines, wherever in a request it begins.
 * Followed by request_len bytes. header.time_ns: arrival. */
struct request_event {
	struct event_header header;
	__u64 request_start; /* position of the piece's first byte */
	__u64 response_end;  /* position of the answers by then */
	__u64 cgroup;
	__u32 request_bytes; /* of this piece */
	__u32 request_len;   /* captured of it: all but where there was no room */
	__u32 tgid;          /* who read the request before it; 0 if not seen */
	__u16 local_port;
	__u16 reserved;
	__u8 data[];
};

/* EVENT_RESPONSE, and EVENT_CLOSE without EVENT_UNANSWERED. Followed by response_len bytes. */
struct response_event {
	struct event_header header;
	__u64 response_end;   /* position after this segment */
	__u64 last_ns;        /* when the last byte left */
	__u32 response_bytes; /* of this segment */
	__u32 response_len;
	__u8 tail[8];
	__u8 data[];
};

/* No frame begins in the piece, or it is not known where. */
#define NO_FRAME 0xffff

/* EVENT_STREAM. A piece of one direction of a connection, followed by `len` of its bytes. Positions count the
 * bytes of that direction since ringside first looked at it; of TLS, those of the plaintext. What lies
 * between one piece and the next in the same direction is the inside of a payload that says nothing (HTTP/2
 * DATA, WebSocket messages), and nothing else unless an event was lost. header.time_ns: when the piece came
 * to the socket, or left; of TLS, when the library gave it out, or took it. */
struct stream_event {
	struct event_header header;
	__u64 position;
	__u64 arrival_ns; /* EVENT_TLS: when the record that the piece was in came to the socket, or
			     header.time_ns; else header.time_ns */
	__u64 read_ns;    /* when the process first read from the socket since the last event of this
			     connection; 0 if it has not, or was not seen to */
	__u64 on_cpu_ns;  /* EVENT_OUT with EVENT_SAME_THREAD: of the thread that sends, since it read */
	__u64 run_queue_ns;
	__u64 cgroup;
	__u32 bytes; /* of the piece; what is not captured of it is its end */
	__u32 len;   /* captured */
	__u32 tgid;  /* who read or wrote, 0 if not seen yet */
	__u16 frame; /* offset of the first frame that begins in the piece, or NO_FRAME */
	__u16 local_port;
	__u16 remote_port;
	__u16 family;
	__u8 protocol; /* enum stream_protocol */
	__u8 reserved[3];
	__u8 local_address[16];
	__u8 remote_address[16];
	__u8 tail[8]; /* the piece's last bytes, right-aligned */
	__u8 data[];
};

/* EVENT_TLS_CLOSE. The entries of both tables are user space's to delete, once the last pieces have come. */
struct tls_close_event {
	struct event_header header;
	struct tls_session_key session;
};

struct process_event {
	struct event_header header;
	__u32 tgid;
	__u32 reserved;
};

struct listen_event {
	struct event_header header;
	__u64 cgroup;
	__u32 tgid; /* who called listen(2); 0 at the end */
	__u16 port; /* host byte order */
	__u16 family;
	__u8 address[16]; /* IPv4: as ::ffff:a.b.c.d */
};

_Static_assert(sizeof(struct event_header) == 24, "event_header is shared with the kernel side");
_Static_assert(sizeof(struct exchange_event) == 160, "exchange_event is shared with the kernel side");
_Static_assert(sizeof(struct request_event) == 64, "request_event is shared with the kernel side");
_Static_assert(sizeof(struct response_event) == 56, "response_event is shared with the kernel side");
_Static_assert(sizeof(struct stream_event) == 136, "stream_event is shared with the kernel side");
_Static_assert(sizeof(struct tls_close_event) == 40, "tls_close_event is shared with the kernel side");
_Static_assert(sizeof(struct process_event) == 32, "process_event is shared with the kernel side");
_Static_assert(sizeof(struct listen_event) == 56, "listen_event is shared with the kernel side");

#endif
