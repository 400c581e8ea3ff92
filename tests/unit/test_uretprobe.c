// SPDX-License-Identifier: Apache-2.0
// Compares the answer with what a real return probe does to a child whose filter lets it do nothing but end.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/filter.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>

#include "uretprobe.h"

/* The function under the probe. Not optimized into its caller, nor without instrumentation that needs system
 * calls. */
__attribute__((noinline, no_sanitize("address", "undefined"))) static int probed(int value)
{
	__asm__ volatile("" : "+r"(value));
	return value + 1;
}

struct place {
	uint64_t address, offset;
};

static int find(struct dl_phdr_info *info, size_t size, void *context)
{
	struct place *place = context;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
		uint64_t at = place->address - info->dlpi_addr - segment->p_vaddr;

		if (segment->p_type != PT_LOAD || at >= segment->p_filesz)
			continue;
		place->offset = segment->p_offset + at;
		return 1;
	}
	return 0;
}

static unsigned from_sysfs(const char *file, const char *format)
{
	FILE *opened = fopen(file, "re");
	unsigned number = ~0U;

	if (!opened)
		return number;
	if (fscanf(opened, format, &number) != 1)
		number = ~0U;
	fclose(opened);
	return number;
}

/* A descriptor, or -errno. */
static int probe_return(const void *function)
{
	unsigned type = from_sysfs("/sys/bus/event_source/devices/uprobe/type", "%u");
	unsigned bit = from_sysfs("/sys/bus/event_source/devices/uprobe/format/retprobe", "config:%u");
	struct place place = {.address = (uintptr_t)function};
	struct perf_event_attr attributes = {.size = sizeof(attributes), .type = type};
	int fd;

	if (type == ~0U || bit == ~0U || !dl_iterate_phdr(find, &place))
		return -ENOENT;
	attributes.config = 1ULL << bit;
	attributes.uprobe_path = (uintptr_t)"/proc/self/exe";
	attributes.probe_offset = place.offset;
	fd = (int)syscall(SYS_perf_event_open, &attributes, getpid(), -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static bool allow_exit_only(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

	return !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter);
}

__attribute__((no_sanitize("address", "undefined"))) static void live_under_probe(void)
{
	int fd = probe_return(probed);

	if (fd < 0)
		syscall(SYS_exit_group, 2);
	if (!allow_exit_only())
		syscall(SYS_exit_group, 3);
	syscall(SYS_exit_group, probed(41) == 42 ? 0 : 4);
}

static void answer_is_what_a_probe_does(void **state)
{
	int status, fd = probe_return(probed);
	pid_t child;

	(void)state;
	if (fd < 0) {
		print_message("no return probes here: %s\n", strerror(-fd));
		skip();
	}
	close(fd);
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		live_under_probe();
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	assert_int_equal(uretprobe_is_safe(), WIFEXITED(status));
}

static void asking_leaves_no_child(void **state)
{
	(void)state;
	uretprobe_is_safe();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_is_what_a_probe_does),
		cmocka_unit_test(asking_leaves_no_child),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
