// SPDX-License-Identifier: Apache-2.0
// Tries what `run` needs, in the order of need, one line each. Loads and detaches the real programs: no
// guessing from version numbers.
#include "doctor.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture.h"
#include "cleanup.h"
#include "options.h"
#include "proc.h"
#include "program.h"
#include "runtime_readers.h"

enum state { STATE_OK, STATE_OFF, STATE_MISSING };

static void line(const char *name, enum state state, const char *text)
{
	static const char *const words[] = {"ok", "off", "missing"};

	printf("%-14s %-8s %s\n", name, words[state], text);
}

static bool check_cgroup(void)
{
	AUTO_CLOSE int fd = capture_cgroup_root();

	line("cgroup v2", fd >= 0 ? STATE_OK : STATE_MISSING,
	     fd >= 0 ? ""
		     : "not mounted, and mounting it failed: mount -t cgroup2 none /sys/fs/cgroup/unified, "
		       "or run as root");
	return fd >= 0;
}

static bool check_btf(void)
{
	bool there = !access("/sys/kernel/btf/vmlinux", R_OK);

	line("BTF", there ? STATE_OK : STATE_MISSING,
	     there ? "/sys/kernel/btf/vmlinux"
		   : "no /sys/kernel/btf/vmlinux: use a kernel with CONFIG_DEBUG_INFO_BTF, as distributions "
		     "build them");
	return there;
}

static bool check_programs(void)
{
	struct capture capture;
	int error = capture_start(&capture);

	if (error) {
		line("programs", STATE_MISSING, "the kernel refused them; the line above says why");
		return false;
	}
	line("programs", STATE_OK, "loaded and attached to the root of cgroup v2");
	for (unsigned i = 0; i < CAPABILITY_COUNT; i++)
		line(capture.capabilities[i].name, capture.capabilities[i].reason ? STATE_OFF : STATE_OK,
		     capture.capabilities[i].reason ? capture.capabilities[i].reason : "");
	capture_stop(&capture);
	return true;
}

static void check_docker(const char *path)
{
	/* A daemon that hangs lets its queue fill, and a connection would wait for room. */
	AUTO_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	char text[256];

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		line("docker", STATE_OK, path);
		return;
	}
	snprintf(text, sizeof(text),
		 "no answer at %s: containers go by what their processes say (--docker.socket=PATH)", path);
	line("docker", STATE_OFF, text);
}

/* Each process whose runtime there is a reader for: those that cannot be read are named, the rest counted. */
struct survey {
	struct runtime_readers *readers;
	unsigned readable[RUNTIME_JAVA + 1];
	unsigned named;
};

/* On a host full of them, a page of lines is enough. */
#define NAMED_MAX 20

static void survey_process(void *context, pid_t pid)
{
	struct survey *survey = context;
	struct runtime_process *process;
	struct program program;
	const char *reason = "not now: it is starting";
	char text[320];
	int error;

	program_inspect(pid, &program);
	if (!runtime_readers_have(program.runtime))
		return;
	error = runtime_attach(survey->readers, program.runtime, pid, &process, &reason);
	if (!error) {
		runtime_detach(process);
		survey->readable[program.runtime]++;
	} else if (error != -ESRCH && survey->named++ < NAMED_MAX) {
		snprintf(text, sizeof(text), "%s (PID %d): %s", program.name, pid,
			 error == -EPERM ? "reading its memory is not permitted" : reason);
		line(runtime_name(program.runtime), STATE_OFF, text);
	}
}

static void check_runtimes(void)
{
	struct survey survey = {.readers = runtime_readers_new(NULL)};
	char text[64];

	if (!survey.readers)
		return;
	proc_each(survey_process, &survey);
	for (unsigned i = 0; i <= RUNTIME_JAVA; i++) {
		if (!survey.readable[i])
			continue;
		snprintf(text, sizeof(text), "%u running, their figures can be read", survey.readable[i]);
		line(runtime_name(i), STATE_OK, text);
	}
	runtime_readers_free(survey.readers);
}

int doctor(const struct options *options)
{
	struct utsname host;
	bool able;

	uname(&host);
	line("kernel", STATE_OK, host.release);
	line("privileges", geteuid() ? STATE_OFF : STATE_OK,
	     geteuid() ? "not root: start with sudo, or with CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN, "
			 "CAP_SYS_ADMIN, CAP_SYS_PTRACE"
		       : "");
	able = check_btf();
	able &= check_cgroup();
	fflush(stdout);
	able = able && check_programs();
	check_docker(options->docker_socket);
	check_runtimes();
	return able ? 0 : 1;
}
