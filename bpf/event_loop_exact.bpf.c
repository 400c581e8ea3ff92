// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// The same as bpf/event_loop.bpf.c, to the microsecond: at the system calls by which a loop waits for events.
// While these programs are attached, every system call of every process on the host takes the kernel's slow
// path, which is why they are only if the configuration asks for them.
#include "event_loop.bpf.h"

/* epoll_wait is not there on arm64. */
static __always_inline bool is_wait_number(long number)
{
#ifdef __TARGET_ARCH_arm64
	return number == 22 || number == 441; /* epoll_pwait, epoll_pwait2 */
#else
	return number == 232 || number == 281 || number == 441;
#endif
}

static __always_inline struct loop *loop_of_thread(void)
{
	__u32 tid = bpf_get_current_pid_tgid();

	return bpf_map_lookup_elem(&loops, &tid);
}

/* A wait for the events of this loop begins, even if only for those that are there already: a stretch ends.
 */
static __always_inline void wait_begins(struct pt_regs *registers, long number)
{
	struct loop *loop;
	__u64 now;

	if (!is_wait_number(number))
		return;
	loop = loop_of_thread();
	if (!loop || (__u32)PT_REGS_PARM1_CORE_SYSCALL(registers) != loop->epoll_fd)
		return;
	now = bpf_ktime_get_ns();
	loop->looks++;
	if (loop->state == LOOP_STRETCH)
		stretch_ends(loop, now);
	loop->state = LOOP_WAITS;
	loop->seen_ns = now;
	loop->run_delay = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), sched_info.run_delay);
}

/* Between the two, the thread makes no other call. What it waited for had come when it was woken, even if no
 * CPU was free. */
static __always_inline void wait_ends(void)
{
	struct loop *loop = loop_of_thread();
	__u64 run_delay;

	if (!loop || loop->state != LOOP_WAITS)
		return;
	run_delay = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), sched_info.run_delay);
	loop->begin_ns = bpf_ktime_get_ns() - (run_delay - loop->run_delay);
	loop->state = LOOP_STRETCH;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(ringside_loop_wait, struct pt_regs *registers, long number)
{
	wait_begins(registers, number);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(ringside_loop_wake)
{
	wait_ends();
	return 0;
}
