// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// What the packets of connections in TLS tell: when records came, when it ended. bpf/tls_read.bpf.h adds who
// reads them, bpf/tls.bpf.c what was in them.
#include "connection.bpf.h"
#include "tls.bpf.h"

/* Records looked at in one segment: 64 KiB have four of the largest. */
#define RECORDS_MAX 32

/* Follow the records from the segment's beginning; a header that is cut leaves the next beginning unknown. */
static __always_inline void records_walk(struct __sk_buff *skb, struct tls_socket *socket, __u32 offset,
					 __u32 len)
{
	__u32 at = socket->record_left, left;
	__u8 header[TLS_HEADER_LEN];

	for (__u32 i = 0; i < RECORDS_MAX; i++) {
		if (at >= len)
			break;
		if (at + TLS_HEADER_LEN > len ||
		    bpf_skb_load_bytes(skb, offset + at, header, sizeof(header)) ||
		    !tls_header_is_plausible(header)) {
			socket->unaligned = 1;
			socket->record_left = 0;
			return;
		}
		left = (__u32)header[3] << 8 | header[4];
		if (header[0] == TLS_APPLICATION_DATA)
			socket->data_bytes += left;
		at += TLS_HEADER_LEN + left;
	}
	socket->unaligned = at < len;
	socket->record_left = at > len ? at - len : 0;
}

/* Whether any plaintext of what was asked was seen. */
static __always_inline bool is_opaque(__u64 cookie)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);

	return !connection || !connection->position[DIRECTION_IN];
}

/* A process has that long to read what was asked. What ends earlier is judged then. */
#define JUDGED_AFTER_NS 2000000000ULL

/* More data come on a connection: by now the plaintext of the first must have been seen. */
static __always_inline void judge(struct tls_socket *socket)
{
	__u64 now = bpf_ktime_get_ns();

	if (!socket->data_ns) {
		socket->data_ns = now;
	} else if (now - socket->data_ns > JUDGED_AFTER_NS) {
		socket->judged = 1;
		if (!socket->own && is_opaque(socket->at.socket))
			count(COUNT_UNPARSED_TLS_OPAQUE);
	}
}

__noinline int tls_came(struct __sk_buff *skb, __u64 place, __u32 seq)
{
	struct bpf_sock *sk = socket_of(skb);
	struct tls_socket *socket = sk ? bpf_sk_storage_get(&tls_sockets, sk, 0, 0) : NULL;
	struct tcp_sock *tcp = sk ? bpf_skc_to_tcp_sock(sk) : NULL;
	__u32 offset = place, len = place >> 32;
	__s32 seen;

	if (!socket || !tcp)
		return 0;
	seen = (__s32)(socket->next_seq_in - seq);
	if (seen > 0) {
		if ((__u32)seen >= len)
			return 0;
		offset += seen;
		len -= seen;
		seq += seen;
	} else if (seen < 0) {
		socket->unaligned = 1;
	}
	/* All that came before has been read: a record that begins here is what is waited for from now on. */
	if ((socket->unaligned || !socket->record_left) && tcp->copied_seq == seq)
		socket->arrival_ns = bpf_ktime_get_ns();
	if (socket->unaligned)
		socket->record_left = 0;
	records_walk(skb, socket, offset, len);
	socket->next_seq_in = seq + len;
	if (!socket->judged && socket->data_bytes >= TLS_DATA_MIN)
		judge(socket);
	return 0;
}

static __always_inline bool close_send(const struct tls_connection *connection, bool client_left)
{
	void *ring = ring_of(connection->at.socket);
	struct tls_close_event *event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event), 0) : NULL;

	if (!event) {
		count(COUNT_LOST_CLOSE);
		return false;
	}
	event->header.time_ns = bpf_ktime_get_ns();
	event->header.socket = connection->at.socket;
	event->header.kind = EVENT_TLS_CLOSE;
	event->header.flags = client_left ? EVENT_CLIENT_LEFT : 0;
	event->header.netns = connection->at.netns;
	event->session = connection->session;
	event_submit(ring, event, sizeof(*event));
	return true;
}

__noinline int tls_end(__u64 cookie, __u32 what)
{
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	struct tls_session_key session;
	__u64 *holder;
	/* Of what was given up user space may have seen the beginning. */
	bool told = connection && connection->state != TLS_UNDECIDED;

	if (!connection || !connection->position[DIRECTION_IN]) {
		if (what & 2)
			count(COUNT_UNPARSED_TLS_OPAQUE);
	} else if (connection->state == TLS_UNDECIDED && !connection->midstream) {
		count(COUNT_UNPARSED_OTHER);
	}
	/* The thread that answers may still be in its call, where the client has left as soon as it had all:
	 * user space waits for what it tells then. */
	if (!connection)
		return 0;
	connection->closed = 1;
	if (told && close_send(connection, what & 1))
		return 0;
	session = connection->session;
	holder = bpf_map_lookup_elem(&tls_sessions, &session);
	if (holder && *holder == cookie)
		bpf_map_delete_elem(&tls_sessions, &session);
	bpf_map_delete_elem(&tls_connections, &cookie);
	return 0;
}
