// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// How long the threads of a cgroup were runnable without a CPU: the scheduler's own sum of each (what
// /proc/PID/task/TID/schedstat says), taken from the living when user space asks, from the ended at their
// end. user/waits.c adds up.
#include "tls.bpf.h"

struct ended_waits ended_waits SEC(".maps");

static __always_inline __u64 cgroup_of(struct task_struct *task)
{
	return task->cgroups->dfl_cgrp->kn->id;
}

/* The sum of a thread that is here already is in the map: the iterator must not tell it again. */
static __always_inline bool is_told(const struct task_struct *task)
{
	return task->flags & (PF_EXITING | PF_KTHREAD);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(ringside_exit, struct task_struct *task)
{
	__u64 cgroup = cgroup_of(task);
	__u64 *wait = bpf_map_lookup_elem(&ended_waits, &cgroup);
	__u32 tid = task->pid;

	if (wait)
		__sync_fetch_and_add(wait, task->sched_info.run_delay);
	bpf_map_delete_elem(&tls_threads, &tid);
	return 0;
}

SEC("iter/task")
int ringside_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct thread_wait wait = {0};

	if (!task || is_told(task))
		return 0;
	wait.cgroup = cgroup_of(task);
	wait.wait_ns = task->sched_info.run_delay;
	wait.start_ns = task->start_boottime;
	bpf_seq_write(ctx->meta->seq, &wait, sizeof(wait));
	return 0;
}
