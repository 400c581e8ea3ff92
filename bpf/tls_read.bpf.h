/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* The moment a process reads from a socket in TLS: which thread, which connection. What it will get out of
 * the library is of that one (bpf/tls.bpf.c). Of bpf/read.bpf.c alone. */
#ifndef RINGSIDE_TLS_READ_BPF_H
#define RINGSIDE_TLS_READ_BPF_H

#include "phases.bpf.h"
#include "tls.bpf.h"

/* Processes that user space has been told of. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, __u8);
} tls_processes SEC(".maps");

static const struct tls_connection tls_connection_none;

static __always_inline struct tls_connection *tls_connection_new(struct tls_socket *socket)
{
	struct tls_connection *connection;
	__u64 cookie = socket->at.socket;

	if (bpf_map_update_elem(&tls_connections, &cookie, &tls_connection_none, BPF_NOEXIST)) {
		count(COUNT_LOST_STATE);
		return NULL;
	}
	connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	if (!connection)
		return NULL;
	connection->at = socket->at;
	connection->midstream = socket->midstream;
	socket->known = 1;
	return connection;
}

/* User space looks into a process when it first reads, once. */
static __always_inline void process_tell(__u32 tgid)
{
	struct process_event *event;
	__u32 index = 0;
	__u8 told = 1;
	void *ring;

	if (bpf_map_lookup_elem(&tls_processes, &tgid))
		return;
	ring = bpf_map_lookup_elem(&rings, &index);
	event = ring ? bpf_ringbuf_reserve(ring, sizeof(*event), 0) : NULL;
	if (!event) /* at its next read, then */
		return;
	bpf_map_update_elem(&tls_processes, &tgid, &told, BPF_ANY);
	__builtin_memset(event, 0, sizeof(*event));
	event->header.time_ns = bpf_ktime_get_ns();
	event->header.kind = EVENT_PROCESS;
	event->tgid = tgid;
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
}

/* In the reader's own context, as bpf/read.bpf.c is. */
static __always_inline void records_read(struct sock *sk)
{
	struct tls_socket *socket = bpf_sk_storage_get(&tls_sockets, sk, 0, 0);
	struct tls_connection *connection;
	struct tls_thread *thread;
	struct task_struct *task;
	__u64 cookie;
	__u32 tid;

	/* Within a softirq or a worker the current task is anybody. */
	if (!socket || socket->own || !sk->sk_lock.owned)
		return;
	task = bpf_get_current_task_btf();
	if ((__u32)task->tgid == own_tgid) {
		socket->own = 1;
		return;
	}
	tid = task->pid;
	cookie = socket->at.socket;
	thread = thread_get(tid);
	if (thread)
		thread->socket = cookie;
	process_tell(task->tgid);
	connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	if (!connection && !socket->known)
		connection = tls_connection_new(socket);
	/* Behind a handshake's end the first request may have come along with it: who reads that may be
	 * another thread. */
	if (!connection ||
	    (connection->arrival_ns == socket->arrival_ns && connection->state != TLS_UNDECIDED))
		return;
	connection->arrival_ns = socket->arrival_ns;
	/* The rest of a request that was begun to be read. */
	if (connection->asked && connection->state == TLS_HTTP1)
		return;
	phases_begin(&connection->reading, task, bpf_ktime_get_ns());
}

#endif
