// SPDX-License-Identifier: Apache-2.0
// Watches event loops: attaches bpf/event_loop.bpf.c while there are any, reads its sums and
// makes them into the lag that families write.
#include "event_loop.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cleanup.h"
#include "maps.h"
#include "proc.h"
#include "ringside.skel.h"

#define TIMER_NS LOOP_TIMER_NS
/* A stretch that has lasted so long is looked into before it is told. */
#define DOUBTFUL_NS 100000000ULL

struct event_loops {
	struct ringside *skeleton;
	struct bpf_link *links[2];
	unsigned watched;
	bool exact;
	const char *trouble;
};

struct event_loop {
	struct event_loops *loops;
	pid_t tid;
	int map_fd;
	struct loop before;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The kernel side's stretch_ends() has the same. */
static unsigned bucket_of(uint64_t ns)
{
	uint64_t units = ns >> LOOP_UNIT_SHIFT;
	unsigned octave, bucket;

	if (!(units >> LOOP_STEP_SHIFT))
		return 0;
	octave = 63 - __builtin_clzll(units) - LOOP_STEP_SHIFT;
	bucket = 1 + (octave << LOOP_STEP_SHIFT) + ((units >> octave) & ((1 << LOOP_STEP_SHIFT) - 1));
	return bucket < LOOP_BUCKETS ? bucket : LOOP_BUCKETS - 1;
}

/* The middle of a bucket; 0 for the first, which is below what can be told from nothing. */
static uint64_t middle_of(unsigned bucket)
{
	unsigned octave, step;

	if (!bucket)
		return 0;
	octave = (bucket - 1) >> LOOP_STEP_SHIFT;
	step = (bucket - 1) & ((1 << LOOP_STEP_SHIFT) - 1);
	return ((uint64_t)(2 * ((1 << LOOP_STEP_SHIFT) + step) + 1) << octave << LOOP_UNIT_SHIFT) / 2;
}

static uint64_t quantile(const double lateness[LOOP_BUCKETS], double quantile)
{
	double total = 0, sum = 0, rank;
	unsigned bucket;

	for (bucket = 0; bucket < LOOP_BUCKETS; bucket++)
		total += lateness[bucket];
	if (!total)
		return 0;
	/* To the nearest, as HdrHistogram, which perf_hooks uses, has it. */
	rank = fmin(fmax(floor(quantile * total + 0.5), 1), total);
	for (bucket = 0; bucket < LOOP_BUCKETS - 1; bucket++) {
		sum += lateness[bucket];
		if (sum >= rank)
			break;
	}
	return middle_of(bucket);
}

/* A stretch that goes on has not been counted: the timer that became due in it will be as late as it is by
 * now. */
static void add_going_on(const struct loop *loop, uint64_t now, double lateness[LOOP_BUCKETS])
{
	uint64_t due_ns = loop->due_ns;

	if (loop->state != LOOP_STRETCH || now <= loop->begin_ns)
		return;
	if (due_ns <= loop->begin_ns)
		due_ns = loop->begin_ns + TIMER_NS;
	if (due_ns < now)
		lateness[bucket_of(now - due_ns)]++;
}

/* While it waits, the timer fires when it is due, which is only added up when the next stretch ends. */
static void add_waiting(const struct loop *loop, uint64_t now, double lateness[LOOP_BUCKETS])
{
	if (loop->state == LOOP_WAITS && loop->due_ns && now > loop->due_ns)
		lateness[0] += (double)(now - loop->due_ns) / TIMER_NS;
}

struct event_loop_lag event_loop_lag(const struct loop *loop, const struct loop *before, uint64_t now)
{
	double lateness[LOOP_BUCKETS] = {0};
	struct event_loop_lag lag = {0};

	for (unsigned bucket = 0; bucket < LOOP_BUCKETS; bucket++) {
		if (loop->stretches[bucket] != (before ? before->stretches[bucket] : 0))
			lag.worst_ns = middle_of(bucket);
		lateness[bucket] = loop->late[bucket] - (before ? before->late[bucket] : 0);
	}
	if (loop->state == LOOP_STRETCH && now > loop->begin_ns && now - loop->begin_ns > lag.worst_ns)
		lag.worst_ns = now - loop->begin_ns;
	add_going_on(loop, now, lateness);
	add_waiting(loop, now, lateness);
	lag.p50_ns = quantile(lateness, 0.5);
	lag.p90_ns = quantile(lateness, 0.9);
	lag.p99_ns = quantile(lateness, 0.99);
	return lag;
}

struct event_loops *event_loops_new(struct ringside *skeleton)
{
	struct event_loops *loops = calloc(1, sizeof(*loops));

	if (loops)
		loops->skeleton = skeleton;
	return loops;
}

void event_loops_free(struct event_loops *loops)
{
	free(loops);
}

static void detach(struct event_loops *loops)
{
	for (unsigned i = 0; i < 2; i++) {
		bpf_link__destroy(loops->links[i]);
		loops->links[i] = NULL;
	}
}

static int attach(struct event_loops *loops)
{
	const struct ringside *skeleton = loops->skeleton;

	loops->links[0] = bpf_program__attach(loops->exact ? skeleton->progs.ringside_loop_wait
							   : skeleton->progs.ringside_loop_switch);
	loops->links[1] = bpf_program__attach(loops->exact ? skeleton->progs.ringside_loop_wake
							   : skeleton->progs.ringside_loop_tick);
	loops->trouble = NULL;
	if (loops->links[0] && loops->links[1])
		return 0;
	loops->trouble = loops->exact
				 ? "the tracepoints sys_enter and sys_exit refused a program"
				 : "the tracepoints sched_switch and hrtimer_expire_entry refused a program";
	detach(loops);
	return -EOPNOTSUPP;
}

/* What one way has seen of a stretch is nothing that the other could end. */
static void begin_anew(const struct event_loops *loops)
{
	int map_fd = bpf_map__fd(loops->skeleton->maps.loops);
	__u32 key, *before = NULL;
	struct loop loop;

	for (; !bpf_map_get_next_key(map_fd, before, &key); before = &key)
		if (!bpf_map_lookup_elem(map_fd, &key, &loop)) {
			loop.state = LOOP_NEW;
			bpf_map_update_elem(map_fd, &key, &loop, BPF_EXIST);
		}
}

void event_loops_set_exact(struct event_loops *loops, bool exact)
{
	if (loops->exact == exact)
		return;
	loops->exact = exact;
	if (!loops->watched)
		return;
	detach(loops);
	begin_anew(loops);
	attach(loops);
}

const char *event_loops_trouble(const struct event_loops *loops)
{
	return loops->trouble;
}

/* A container may have another CLOCK_MONOTONIC; older kernels have not, and no such file. */
static bool has_our_clock(pid_t tid)
{
	return proc_namespace(tid, "time") == proc_namespace(getpid(), "time");
}

int event_loop_watch(struct event_loops *loops, pid_t tid, uint64_t time_address, int epoll_fd,
		     struct event_loop **ret_loop)
{
	AUTO_FREE struct event_loop *loop = calloc(1, sizeof(*loop));
	int error;

	if (!loop)
		return -ENOMEM;
	if (!has_our_clock(tid))
		return -EXDEV;
	loop->loops = loops;
	loop->tid = tid;
	loop->map_fd = bpf_map__fd(loops->skeleton->maps.loops);
	loop->before.time_address = time_address;
	loop->before.epoll_fd = epoll_fd;
	loop->before.watched_ns = now_ns();
	if (bpf_map_update_elem(loop->map_fd, &tid, &loop->before, BPF_ANY))
		return errno == E2BIG ? -ENOSPC : -errno;
	error = loops->watched ? 0 : attach(loops);
	if (error) {
		bpf_map_delete_elem(loop->map_fd, &tid);
		return error;
	}
	loops->watched++;
	*ret_loop = TAKE_PTR(loop);
	return 0;
}

/* Should the look at the loop going to sleep ever be missed, the stretch seems to go on: ask what the thread
 * waits for. */
static bool waits_for_events(const struct event_loop *loop)
{
	unsigned long number, epoll_fd;
	char text[64]; /* "232 0xd 0x7ffc…", numbers of the system calls as in bpf/event_loop.bpf.c */

	if (proc_read(loop->tid, "syscall", text, sizeof(text)) <= 0 ||
	    sscanf(text, "%lu 0x%lx", &number, &epoll_fd) != 2)
		return false;
	return (number == SYS_epoll_pwait || number == SYS_epoll_pwait2
#ifdef SYS_epoll_wait
		|| number == SYS_epoll_wait
#endif
		) &&
	       epoll_fd == loop->before.epoll_fd;
}

int event_loop_read(struct event_loop *loop, struct event_loop_lag *ret_lag)
{
	struct loop current;
	uint64_t now;

	if (bpf_map_lookup_elem(loop->map_fd, &loop->tid, &current))
		return -errno;
	now = now_ns();
	if (current.unreadable > loop->before.unreadable)
		return -ENODATA;
	if (current.state == LOOP_STRETCH && now > current.begin_ns + DOUBTFUL_NS && waits_for_events(loop))
		current.state = LOOP_WAITS;
	*ret_lag = event_loop_lag(&current, &loop->before, now);
	loop->before = current;
	return 0;
}

void event_loop_forget(struct event_loop *loop)
{
	if (!loop)
		return;
	if (!--loop->loops->watched)
		detach(loop->loops);
	bpf_map_delete_elem(loop->map_fd, &loop->tid);
	free(loop);
}
