/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Where a thread's time went between the read of a request and its answer, without a hook in the scheduler:
 * the scheduler's own sums, looked at twice. */
#ifndef RINGSIDE_PHASES_BPF_H
#define RINGSIDE_PHASES_BPF_H

#include "shared.bpf.h"

/* At the read, in the reader's own context. */
static __always_inline void phases_begin(struct reading *reading, struct task_struct *task, __u64 now)
{
	reading->exec_sum = task->se.sum_exec_runtime;
	reading->exec_start = task->se.exec_start;
	reading->run_delay = task->sched_info.run_delay;
	reading->tgid = task->tgid;
	reading->tid = task->pid;
	reading->cpu = bpf_get_smp_processor_id();
	reading->time_ns = now;
}

/* The same of the current thread, which answers. By its type a task's fields are plain loads, which cost half
 * of what the others do, where the kernel lets the program have them. */
static __always_inline void reading_now(struct reading *ret_reading, bool by_type)
{
	struct task_struct *task;

	if (by_type) {
		task = bpf_get_current_task_btf();
		ret_reading->tgid = task->tgid;
		ret_reading->tid = task->pid;
		ret_reading->exec_sum = task->se.sum_exec_runtime;
		ret_reading->exec_start = task->se.exec_start;
		ret_reading->run_delay = task->sched_info.run_delay;
	} else {
		task = (struct task_struct *)bpf_get_current_task();
		ret_reading->tgid = BPF_CORE_READ(task, tgid);
		ret_reading->tid = BPF_CORE_READ(task, pid);
		ret_reading->exec_sum = BPF_CORE_READ(task, se.sum_exec_runtime);
		ret_reading->exec_start = BPF_CORE_READ(task, se.exec_start);
		ret_reading->run_delay = BPF_CORE_READ(task, sched_info.run_delay);
	}
}

/* What the thread did since it read, if it is the one that answers. exec_start moves whenever the sum does,
 * so that on_cpu is exact between the scheduler's ticks, too. But it is by the clock of its CPU, and those
 * differ: a thread that has moved is known to a tick only. */
static __always_inline bool phases_between(const struct reading *reading, const struct reading *answer,
					   __u64 now, __u64 *ret_on_cpu_ns, __u64 *ret_run_queue_ns)
{
	if (!reading->time_ns || reading->tid != answer->tid)
		return false;
	*ret_on_cpu_ns = answer->exec_sum - reading->exec_sum;
	if (reading->cpu == bpf_get_smp_processor_id())
		*ret_on_cpu_ns += now - reading->time_ns - (answer->exec_start - reading->exec_start);
	*ret_run_queue_ns = answer->run_delay - reading->run_delay;
	return true;
}

/* At the answer's first segment. `current` sent it only if it holds the socket's lock: a softirq that sends
 * waits for the lock to be free, and a process that sends has taken it (net/core/sock.c lock_sock_nested,
 * tcp_output.c tcp_tsq_handler). */
static __always_inline void phases_end(struct exchange_event *event, const struct connection *connection,
				       struct tcp_sock *tcp, __u64 now)
{
	struct reading answer;

	if (!tcp || !tcp->inet_conn.icsk_inet.sk.sk_lock.owned)
		return;
	reading_now(&answer, task_in_skb);
	if (!event->tgid)
		event->tgid = answer.tgid;
	if (phases_between(&connection->reading, &answer, now, &event->on_cpu_ns, &event->run_queue_ns))
		event->header.flags |= EVENT_SAME_THREAD;
}

#endif
