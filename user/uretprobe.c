// SPDX-License-Identifier: Apache-2.0
// Makes the system call that returns from probed functions, in children: without a filter, which tells
// whether there is one, and under a filter that refuses it. Who puts probes on libraries asks before it uses
// return probes.
#include "uretprobe.h"

#ifdef __x86_64__

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/seccomp.h>

#define NUMBER 335 ///< __NR_uretprobe of arch/x86/entry/syscalls/syscall_64.tbl; older headers lack it

/* Called from anywhere but the kernel's own trampoline it ends in SIGILL. */
enum answer { ANSWER_CALLED, ANSWER_ABSENT, ANSWER_OTHER };

static int refuse(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NUMBER, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? -errno : 0;
}

static _Noreturn void call(bool filtered)
{
	prctl(PR_SET_DUMPABLE, 0); /* its end is no crash that anybody need see */
	signal(SIGILL, SIG_DFL);
	if (filtered && refuse())
		_exit(0);
	_exit(syscall(NUMBER) < 0 ? errno : 0);
}

static enum answer ask(bool filtered)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		call(filtered);
	if (child < 0 || waitpid(child, &status, 0) != child)
		return ANSWER_OTHER;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGILL)
		return ANSWER_CALLED;
	return WIFEXITED(status) && WEXITSTATUS(status) == ENOSYS ? ANSWER_ABSENT : ANSWER_OTHER;
}

bool uretprobe_is_safe(void)
{
	return ask(false) == ANSWER_ABSENT || ask(true) == ANSWER_CALLED;
}

#else

bool uretprobe_is_safe(void)
{
	return true; /* elsewhere functions return through a breakpoint, which no filter sees */
}

#endif
