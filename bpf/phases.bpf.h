/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Where a thread's time went between the read of a request and its answer, without a hook in the scheduler:
 * the scheduler's own sums, looked at twice. */
#ifndef RINGSIDE_PHASES_BPF_H
#define RINGSIDE_PHASES_BPF_H

#include "shared.bpf.h"

/* At the read, in the reader's own context. */
static __always_inline void phases_begin(struct connection *connection, struct task_struct *task, __u64 now)
{
	connection->read_exec_sum = task->se.sum_exec_runtime;
	connection->read_exec_start = task->se.exec_start;
	connection->read_run_delay = task->sched_info.run_delay;
	connection->read_tgid = task->tgid;
	connection->read_tid = task->pid;
	connection->read_cpu = bpf_get_smp_processor_id();
	connection->read_ns = now;
}

/* At the answer's first segment. `current` sent it only if it holds the socket's lock: a softirq that sends
 * waits for the lock to be free, and a process that sends has taken it (net/core/sock.c lock_sock_nested,
 * tcp_output.c tcp_tsq_handler). */
static __always_inline void phases_end(struct exchange_event *event, const struct connection *connection,
				       struct tcp_sock *tcp, __u64 now)
{
	struct task_struct *task;
	__u64 elapsed, sum, start, delay;
	__u32 tgid, tid;

	if (!tcp || !tcp->inet_conn.icsk_inet.sk.sk_lock.owned)
		return;
	if (task_in_skb) {
		/* Plain loads: half the cost of the reads below. */
		task = bpf_get_current_task_btf();
		tgid = task->tgid;
		tid = task->pid;
		sum = task->se.sum_exec_runtime;
		start = task->se.exec_start;
		delay = task->sched_info.run_delay;
	} else {
		task = (struct task_struct *)bpf_get_current_task();
		tgid = BPF_CORE_READ(task, tgid);
		tid = BPF_CORE_READ(task, pid);
		sum = BPF_CORE_READ(task, se.sum_exec_runtime);
		start = BPF_CORE_READ(task, se.exec_start);
		delay = BPF_CORE_READ(task, sched_info.run_delay);
	}
	if (!event->tgid)
		event->tgid = tgid;
	if (!connection->read_ns || connection->read_tid != tid)
		return;
	elapsed = now - connection->read_ns;
	event->on_cpu_ns = sum - connection->read_exec_sum;
	/* exec_start moves whenever the sum does, so that this is exact between the scheduler's ticks, too.
	 * But it is by the clock of its CPU, and those differ: a thread that has moved is known to a tick
	 * only. */
	if (connection->read_cpu == bpf_get_smp_processor_id())
		event->on_cpu_ns += elapsed - (start - connection->read_exec_start);
	event->run_queue_ns = delay - connection->read_run_delay;
	event->header.flags |= EVENT_SAME_THREAD;
}

#endif
