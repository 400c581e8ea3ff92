// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// How long an event loop (libuv: Node.js, uvloop) lets its events wait, from outside. Looks at the clock that
// the loop keeps whenever its thread leaves the CPU, and at each tick of the scheduler while it is on it.
// Tracepoints on epoll_wait would be exact to the microsecond, but put every system call of every process of
// the host on the kernel's slow path; perf events on each thread are as exact as this, but cost it 6 µs a
// switch.
//
// libuv stores the clock into uv_loop_t.time when it comes back from waiting for events (src/unix/linux.c
// uv__io_poll, uv__update_time, tags v1.44.2 to v1.52.1): as long as the value stays, the stretch goes on.
#include "event_loop.bpf.h"

#define NS_PER_MS 1000000ULL

struct loops loops SEC(".maps");

/* Stack of a thread, on which its user registers lie uppermost; needed before Linux 5.15 only. */
#define STACK_SIZE 16384

static __always_inline struct pt_regs *user_registers(struct task_struct *task)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return (void *)((char *)BPF_CORE_READ(task, stack) + STACK_SIZE - sizeof(struct pt_regs));
}

/* Whether the thread waits for events of this loop, or is on its way there or back. spawnSync() waits for
 * those of a loop of its own, which is a stretch of this one. A thread that an interrupt took out of its own
 * code has no such number there. */
static __always_inline bool is_wait(struct pt_regs *registers, __u32 epoll_fd)
{
#ifdef __TARGET_ARCH_arm64
	__u64 number = BPF_CORE_READ(registers, syscallno);

	/* epoll_pwait, epoll_pwait2 */
	return (number == 22 || number == 441) && (__u32)BPF_CORE_READ(registers, orig_x0) == epoll_fd;
#else
	__u64 number = BPF_CORE_READ(registers, orig_ax);

	/* epoll_wait, too */
	return (number == 232 || number == 281 || number == 441) &&
	       (__u32)BPF_CORE_READ(registers, di) == epoll_fd;
#endif
}

static __always_inline bool is_asleep(struct task_struct *task)
{
	struct task_struct___before_5_14 *older = (void *)task;

	if (bpf_core_field_exists(task->__state))
		return BPF_CORE_READ(task, __state) != 0;
	return BPF_CORE_READ(older, state) != 0;
}

/* The clock has been looked at since: another stretch. If we did not see the end of the one before, it was
 * between our last look and the beginning of this one: after a tick, less than a tick away, so half that on
 * the average; after a switch, the thread slept in between, which belongs to it. */
static __always_inline void stretch_begins(struct loop *loop, __u64 time_ms, __u64 run_delay)
{
	__u64 begin_ns =
		time_ms * NS_PER_MS + NS_PER_MS / 2; /* what libuv rounds off is half on the average */
	__u64 gap_ns;

	if (loop->state == LOOP_STRETCH) {
		gap_ns = begin_ns > loop->seen_ns ? begin_ns - loop->seen_ns : 0;
		if (loop->ticked)
			gap_ns = (gap_ns < LOOP_TICK_NS ? gap_ns : LOOP_TICK_NS) / 2;
		stretch_ends(loop, loop->seen_ns + gap_ns);
	} else {
		/* What it waited for had come already, but no CPU was free: that is late, too. */
		begin_ns -= run_delay - loop->run_delay;
	}
	loop->begin_ns = begin_ns;
	loop->time_ms = time_ms;
	loop->state = LOOP_STRETCH;
}

static __always_inline void look(struct task_struct *task, bool is_switch)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct loop *loop = tid ? bpf_map_lookup_elem(&loops, &tid) : NULL;
	__u64 time_ms, run_delay, now;
	bool waits;

	if (!loop)
		return;
	loop->looks++;
	waits = is_wait(user_registers(task), loop->epoll_fd);
	/* On its way into the wait or out of it: the clock that it left behind is no longer true. */
	if (waits && !is_switch)
		return;
	if (bpf_probe_read_user(&time_ms, sizeof(time_ms), (void *)loop->time_address)) {
		loop->unreadable++;
		return;
	}
	now = bpf_ktime_get_ns();
	run_delay = BPF_CORE_READ(task, sched_info.run_delay);
	waits = waits && is_asleep(task);
	if (loop->state == LOOP_NEW) {
		loop->time_ms = time_ms;
		loop->state = waits ? LOOP_WAITS : LOOP_DOUBT;
		loop->seen_ns = now;
		loop->run_delay = run_delay;
		return;
	}
	if (time_ms != loop->time_ms) {
		stretch_begins(loop, time_ms, run_delay);
	} else if (loop->state == LOOP_DOUBT) {
		/* Twice outside of the wait with the clock of before it: it woke up within the same
		 * millisecond. */
		loop->begin_ns = loop->seen_ns;
		loop->state = LOOP_STRETCH;
	} else if (loop->state == LOOP_WAITS) {
		/* Not from the wait to the wait: it sleeps in stages. And once is not enough: it may just be
		 * about to look at the clock. */
		if (!waits)
			loop->state = LOOP_DOUBT;
		return;
	}
	loop->seen_ns = now;
	loop->run_delay = run_delay;
	loop->ticked = !is_switch;
	if (waits) {
		stretch_ends(loop, now);
		loop->state = LOOP_WAITS;
	}
}

/* Before the thread leaves the CPU; it is still the current one. */
SEC("tp_btf/sched_switch")
int BPF_PROG(ringside_loop_switch, bool preempt, struct task_struct *prev)
{
	look(prev, true);
	return 0;
}

/* The scheduler's tick (and any other timer), in the context of the thread that it interrupts. */
SEC("tp_btf/hrtimer_expire_entry")
int BPF_PROG(ringside_loop_tick)
{
	look((void *)bpf_get_current_task(), false);
	return 0;
}
