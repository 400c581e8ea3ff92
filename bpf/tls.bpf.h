/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Connections in TLS. The socket's packets tell when records come; uprobes on the libraries tell what was in
 * them. Programs on uprobes have no socket storage: what both need is in a table by the socket's cookie. */
#ifndef RINGSIDE_TLS_BPF_H
#define RINGSIDE_TLS_BPF_H

#include "frames.bpf.h"
#include "segment.bpf.h"

/* In the socket's storage: what comes in, record by record. Written by ingress alone, but for `own`. */
struct tls_socket {
	struct endpoint at;
	__u64 arrival_ns; /* of the first byte of what has not been read yet */
	__u64 data_bytes; /* of records of application data */
	__u64 data_ns;    /* when there were enough of these to be a request */
	__u32 next_seq_in;
	__u32 record_left; /* of the record that goes on in the next segment */
	__u8 unaligned;    /* where a record begins is not known until the next segment that begins one */
	__u8 midstream;    /* older than ringside when first seen */
	__u8 own;          /* ringside's own */
	__u8 known;        /* has an entry in tls_connections */
	__u8 judged;       /* opaque, and counted as such, or plaintext was seen */
	__u8 reserved[3];
};

struct tls_sockets {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tls_socket);
};
extern struct tls_sockets tls_sockets SEC(".maps");

/* Nothing lies at this address. */
#define TLS_SESSION_FREED 1

enum tls_state {
	TLS_UNDECIDED, /* no request was seen yet */
	TLS_HTTP1,
	TLS_FRAMED,  /* HTTP/2 or WebSocket */
	TLS_IGNORED, /* something else */
};

struct tls_connection {
	struct endpoint at;
	__u64 arrival_ns;
	struct reading reading;         /* the first read since that arrival */
	struct tls_session_key session; /* zeroes while none is known; TLS_SESSION_FREED of that process */
	__u64 position[2];              /* by enum direction: bytes of plaintext so far */
	struct framing framing[2];
	__u8 state;
	__u8 protocol; /* enum stream_protocol */
	__u8 midstream;
	__u8 asked;  /* something came in since the last answer */
	__u16 tries; /* pieces looked at in vain */
	__u8 closed; /* the socket is; a call that wrote to it may yet have to return */
	__u8 reserved;
};

struct tls_connections {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TLS_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct tls_connection);
};
extern struct tls_connections tls_connections SEC(".maps");

struct tls_sessions {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TLS_CONNECTIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tls_session_key);
	__type(value, __u64); /* the socket's cookie */
};
extern struct tls_sessions tls_sessions SEC(".maps");

enum tls_call_kind { CALL_READ, CALL_WRITE, CALL_HANDSHAKE, CALL_KINDS };

/* A thread's last call of one kind. */
struct tls_call {
	__u64 session;     /* 0 once it has ended */
	__u64 buffer;      /* CALL_KNOWN then; 0 while none was seen to begin */
	__u64 len_address; /* where the call leaves the length; 0 if it returns it */
};

#define CALL_KNOWN 1

/* What a thread does with TLS. */
struct tls_thread {
	__u64 socket; /* cookie of the one in TLS that it has read from last: what its library gives out came
			 from there */
	struct tls_call calls[CALL_KINDS];
};

/* By number of the thread; bpf/waits.bpf.c takes out those that end. */
struct tls_threads {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct tls_thread);
};
extern struct tls_threads tls_threads SEC(".maps");

/* The thread's entry, made if need be; NULL where there is no room, which is counted. */
static __always_inline struct tls_thread *thread_get(__u32 tid)
{
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &tid);
	const struct tls_thread none = {0};

	if (thread)
		return thread;
	if (bpf_map_update_elem(&tls_threads, &tid, &none, BPF_NOEXIST))
		count(COUNT_LOST_STATE);
	return bpf_map_lookup_elem(&tls_threads, &tid);
}

/* Give the connection to the session. It must be to be had: nobody had it yet, or another process, whose fork
 * has read from it now. One whose session was freed stays that one's until it is closed: who comes next has
 * another. */
static __always_inline bool session_bind(const struct tls_session_key *key, __u64 cookie)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	struct tls_session_key before;

	if (!connection || (connection->session.session && connection->session.tgid == key->tgid))
		return false;
	if (bpf_map_update_elem(&tls_sessions, key, &cookie, BPF_ANY)) {
		count(COUNT_LOST_STATE);
		return false;
	}
	before = connection->session;
	connection->session = *key;
	if (before.session)
		bpf_map_delete_elem(&tls_sessions, &before);
	return true;
}

/* A record of application data is the smallest part of a request that can be told from what ends a handshake
 * (Finished of TLS 1.3) and a connection (an alert), which look alike: those are shorter together. */
#define TLS_DATA_MIN 100

/* A TLS record's header (RFC 8446 section 5.1): content type, version 3.x, length. */
#define TLS_HEADER_LEN 5
#define TLS_RECORD_MAX (16384 + 256)
#define TLS_APPLICATION_DATA 23

static __always_inline bool tls_header_is_plausible(const __u8 *header)
{
	return header[0] >= 20 && header[0] <= 24 && header[1] == 3 && header[2] <= 4 &&
	       ((__u32)header[3] << 8 | header[4]) <= TLS_RECORD_MAX;
}

/* bpf/tls_socket.bpf.c. A segment that comes in on a connection of tls_sockets; `place`: offset of the
 * payload and, in the upper half, its length. */
int tls_came(struct __sk_buff *skb, __u64 place, __u32 seq);
/* The connection is over: user space is told, if it knows of it. `what`: bit 0, the client has left; bit 1,
 * there were data. */
int tls_end(__u64 cookie, __u32 what);

/* bpf/tls_tell.bpf.c. Whether plaintext in the current process's memory surely begins a request of HTTP. */
int user_is_request(__u64 buffer, __u32 len);
/* Plaintext of a connection, in the current process's memory: tell user space what it needs of it. */
int tls_tell(__u64 cookie, __u64 buffer, __u32 len, __u32 direction);

#endif
