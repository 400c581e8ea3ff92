// SPDX-License-Identifier: Apache-2.0
// Tries what `run` needs, in the order of need, one line each. Loads and detaches the real programs: no
// guessing from version numbers.
#include "doctor.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture.h"
#include "cleanup.h"
#include "options.h"

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
	return able ? 0 : 1;
}
