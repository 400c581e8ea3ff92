// SPDX-License-Identifier: Apache-2.0
// What a system call and a switch between threads cost while event loops are watched: two processes on one
// CPU pass a byte to and fro, and one asks for its parent's number. Prints nanoseconds for each.
// tests/bench/event_loop runs it with and without ringside.
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PASSES 200000
#define CALLS 5000000

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void keep_to_one_cpu(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
}

static double pass_to_and_fro(void)
{
	int there[2], back[2];
	double begun;
	char byte = 0;
	pid_t child;

	if (pipe(there) || pipe(back))
		exit(1);
	child = fork();
	if (!child) {
		while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
			;
		_exit(0);
	}
	begun = now_ns();
	for (int i = 0; i < PASSES; i++)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			exit(1);
	begun = now_ns() - begun;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	return begun / (2.0 * PASSES);
}

static double call(void)
{
	double begun = now_ns();

	for (int i = 0; i < CALLS; i++)
		syscall(SYS_getppid);
	return (now_ns() - begun) / CALLS;
}

int main(void)
{
	keep_to_one_cpu();
	printf("%.1f %.1f\n", pass_to_and_fro(), call());
	return 0;
}
