// SPDX-License-Identifier: Apache-2.0
// Waits with epoll, for signals and the clock through descriptors, too, so that no handler is interrupted.
// What becomes of all that is decided in run.c.
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

enum { WATCHES_MAX = 8 };

struct watch {
	void (*handler)(void *context);
	void *context;
};

struct loop {
	struct watch watches[WATCHES_MAX];
	unsigned watches_len;
	int epoll_fd;
	int signal_fd;
	int timer_fd;
	void (*on_signal)(void *context, int signal);
	void *signal_context;
	struct watch clock;
};

int loop_new(struct loop **ret_loop)
{
	struct loop *loop = calloc(1, sizeof(*loop));
	sigset_t signals;
	int error;

	if (!loop)
		return log_err(-ENOMEM, "cannot create the loop: %s", strerror(ENOMEM));
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	loop->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (loop->epoll_fd < 0 || loop->signal_fd < 0 || loop->timer_fd < 0) {
		error = log_err(-errno, "cannot create the loop's descriptors: %s", strerror(errno));
		loop_free(loop);
		return error;
	}
	*ret_loop = loop;
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	cleanup_close(&loop->timer_fd);
	cleanup_close(&loop->signal_fd);
	cleanup_close(&loop->epoll_fd);
	free(loop);
}

int loop_watch(struct loop *loop, int fd, enum loop_trigger trigger, void (*handler)(void *context),
	       void *context)
{
	struct watch *watch = &loop->watches[loop->watches_len];
	struct epoll_event wanted = {.events = EPOLLIN | (trigger == LOOP_EDGE ? EPOLLET : 0),
				     .data.ptr = watch};

	if (loop->watches_len == WATCHES_MAX)
		return -ENOSPC;
	*watch = (struct watch){handler, context};
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &wanted))
		return -errno;
	loop->watches_len++;
	return 0;
}

static void read_signal(void *context)
{
	struct loop *loop = context;
	struct signalfd_siginfo info;

	if (read(loop->signal_fd, &info, sizeof(info)) == sizeof(info))
		loop->on_signal(loop->signal_context, (int)info.ssi_signo);
}

int loop_watch_signals(struct loop *loop, void (*handler)(void *context, int signal), void *context)
{
	loop->on_signal = handler;
	loop->signal_context = context;
	return loop_watch(loop, loop->signal_fd, LOOP_LEVEL, read_signal, loop);
}

static void read_clock(void *context)
{
	struct loop *loop = context;
	uint64_t expirations;

	if (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0)
		loop->clock.handler(loop->clock.context);
}

int loop_watch_clock(struct loop *loop, uint64_t period_ns, void (*handler)(void *context), void *context)
{
	const struct timespec period = {.tv_sec = (time_t)(period_ns / 1000000000),
					.tv_nsec = (long)(period_ns % 1000000000)};
	const struct itimerspec every = {.it_value = period, .it_interval = period};

	loop->clock = (struct watch){handler, context};
	if (timerfd_settime(loop->timer_fd, 0, &every, NULL))
		return -errno;
	return loop_watch(loop, loop->timer_fd, LOOP_LEVEL, read_clock, loop);
}

int loop_turn(struct loop *loop, int timeout_ms)
{
	struct epoll_event ready[WATCHES_MAX];
	int count = epoll_wait(loop->epoll_fd, ready, WATCHES_MAX, timeout_ms);

	if (count < 0 && errno == EINTR)
		return 0;
	if (count < 0)
		return log_err(-errno, "epoll_wait: %s", strerror(errno));
	for (int i = 0; i < count; i++) {
		const struct watch *watch = ready[i].data.ptr;

		watch->handler(watch->context);
	}
	return count;
}
