// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The moment a process reads a request: who it is, and where its scheduler sums stand. Ends socket_wait,
// begins the rest.
#include "phases.bpf.h"
#include "tls_read.bpf.h"

static __always_inline void request_read(struct connection *connection)
{
	struct task_struct *task;

	if (connection->reading.time_ns ||
	    (connection->state != CONNECTION_WAITING && connection->state != CONNECTION_FRAMED))
		return;
	task = bpf_get_current_task_btf();
	if ((__u32)task->tgid == own_tgid) {
		connection_settle(connection, CONNECTION_OWN);
		return;
	}
	phases_begin(&connection->reading, task, bpf_ktime_get_ns());
}

static __always_inline void socket_read(struct sock *sk)
{
	struct connection *connection = bpf_sk_storage_get(&connections, sk, 0, 0);

	if (connection)
		request_read(connection);
	else
		records_read(sk);
}

/* The kernel calls it in the reader's own context whenever bytes have been copied out, by any way of reading.
 */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(ringside_read, struct sock *sk)
{
	socket_read(sk);
	return 0;
}
