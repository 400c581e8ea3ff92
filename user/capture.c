// SPDX-License-Identifier: Apache-2.0
// The kernel side's life: open, configure, load, attach, in this order and each a step of its own.
// What it leaves running fills the rings that user/events.c drains.
#include "capture.h"

#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/magic.h>

#include "cleanup.h"
#include "kernel_btf.h"
#include "log.h"
#include "maps.h"
#include "ringside.skel.h"
#include "uprobes.h"

#define CPUS_PER_RING 8

/* The verifier's log is for whoever works on bpf/; users get one line from us. Of a long message the end
 * counts: there stands why the kernel refused. */
static int libbpf_to_log(enum libbpf_print_level level, const char *format, va_list arguments)
{
	const size_t shown = 900;
	AUTO_FREE char *text = NULL;
	int len;

	if (level == LIBBPF_DEBUG)
		return 0;
	len = vasprintf(&text, format, arguments);
	if (len < 0) {
		text = NULL;
		return 0;
	}
	while (len && text[len - 1] == '\n')
		text[--len] = '\0';
	log_debug("%s%s", (size_t)len > shown ? "… " : "", (size_t)len > shown ? text + len - shown : text);
	return 0;
}

int capture_cgroup_root(void)
{
	static const char private_root[] = "/run/ringside-cgroup2";
	AUTO_FILE FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *entry;
	int fd;

	while (mounts && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2")) {
			fd = open(entry->mnt_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			if (fd >= 0)
				return fd;
		}
	if (mkdir(private_root, 0700) && errno != EEXIST)
		return -errno;
	if (mount("none", private_root, "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	fd = open(private_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* The descriptor keeps the mount alive; the name is not needed. */
	umount2(private_root, MNT_DETACH);
	rmdir(private_root);
	return fd < 0 ? -errno : fd;
}

static void capability_off(struct capture *capture, int capability, const char *reason)
{
	capture->capabilities[capability].reason = reason;
}

static void capabilities_init(struct capture *capture)
{
	capture->capabilities[CAPABILITY_HTTP] = (struct capability){"http", NULL};
	capture->capabilities[CAPABILITY_PHASES] = (struct capability){"phases", NULL};
	capture->capabilities[CAPABILITY_CONNECTIONS] = (struct capability){"connections", NULL};
	capture->capabilities[CAPABILITY_TLS] = (struct capability){"tls", NULL};
	capture->capabilities[CAPABILITY_WAITS] = (struct capability){"run_queue", NULL};
	capture->capabilities[CAPABILITY_TCP_HEALTH] = (struct capability){"tcp_health", NULL};
	capture->capabilities[CAPABILITY_ACCEPT_QUEUES] = (struct capability){"accept_queues", NULL};
}

/* What kernels may lack, from all to nothing. Ask the kernel by trying, not by its version. */
struct offer {
	bool task_in_skb;        ///< bpf_get_current_task_btf in cgroup_skb programs
	bool storage_in_tracing; ///< bpf_sk_storage_get in tracepoint programs, from 5.11 on
};

static const struct offer offers[] = {{true, true}, {false, true}, {false, false}};

#define OFFERS_LEN (sizeof(offers) / sizeof(offers[0]))

/* Those that user/tls_files.c attaches: all that stand in a section "uprobe". Without socket storage there is
 * nothing that they could add to. */
static void prepare_uprobes(struct ringside *skeleton, bool storage_in_tracing)
{
	struct bpf_program *program;

	bpf_object__for_each_program (program, skeleton->obj) {
		if (strcmp(bpf_program__section_name(program), "uprobe") != 0)
			continue;
		uprobes_prepare(program);
		bpf_program__set_autoload(program, storage_in_tracing);
	}
}

static int open_and_configure(struct capture *capture, const struct offer *offer)
{
	capture->skeleton = ringside__open();
	if (!capture->skeleton)
		return -errno;
	capture->skeleton->rodata->ring_count = capture->ring_count;
	capture->skeleton->rodata->own_tgid = getpid();
	capture->skeleton->rodata->task_in_skb = offer->task_in_skb;
	capture->skeleton->rodata->storage_in_tracing = offer->storage_in_tracing;
	bpf_program__set_autoload(capture->skeleton->progs.ringside_read, offer->storage_in_tracing);
	bpf_program__set_autoload(capture->skeleton->progs.ringside_listeners, offer->storage_in_tracing);
	prepare_uprobes(capture->skeleton, offer->storage_in_tracing);
	capture->skeleton->rodata->retransmit_has_result = capture->retransmit_arguments > 2;
	return 0;
}

static int load(struct capture *capture)
{
	static const char no_storage[] =
		"this kernel has no socket storage in tracepoints (Linux 5.11 and later have)";
	int error = 0;

	for (size_t i = 0; i < OFFERS_LEN; i++) {
		error = open_and_configure(capture, &offers[i]);
		if (!error)
			error = ringside__load(capture->skeleton);
		if (!error && !offers[i].storage_in_tracing) {
			capability_off(capture, CAPABILITY_PHASES, no_storage);
			capability_off(capture, CAPABILITY_CONNECTIONS, no_storage);
			capability_off(capture, CAPABILITY_TLS, no_storage);
			capability_off(capture, CAPABILITY_ACCEPT_QUEUES, no_storage);
		}
		if (!error || error == -EPERM || error == -ENOMEM)
			return error;
		log_debug("the kernel refused the programs, variant %zu: %s", i, strerror(-error));
		ringside__destroy(TAKE_PTR(capture->skeleton));
	}
	return error;
}

static int rings_create(struct capture *capture)
{
	capture->ring_fds = calloc(capture->ring_count, sizeof(*capture->ring_fds));
	if (!capture->ring_fds)
		return -ENOMEM;
	for (uint32_t i = 0; i < capture->ring_count; i++)
		capture->ring_fds[i] = -1;
	for (uint32_t i = 0; i < capture->ring_count; i++) {
		capture->ring_fds[i] =
			bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ringside_ring", 0, 0, RING_SIZE, NULL);
		if (capture->ring_fds[i] < 0)
			return capture->ring_fds[i];
		if (bpf_map__update_elem(capture->skeleton->maps.rings, &i, sizeof(i), &capture->ring_fds[i],
					 sizeof(int), BPF_ANY))
			return -errno;
	}
	return 0;
}

static int attach_cgroup(struct bpf_program *program, int cgroup_fd, struct bpf_link **ret_link)
{
	struct bpf_link *link = bpf_program__attach_cgroup(program, cgroup_fd);

	if (!link)
		return -errno;
	*ret_link = link;
	return 0;
}

static int attach_tracepoint(struct bpf_program *program, struct bpf_link **ret_link)
{
	struct bpf_link *link = bpf_program__attach(program);

	if (!link)
		return -errno;
	*ret_link = link;
	return 0;
}

/* The iterator over the sockets in a map wants to know which. */
static int attach_listeners(struct ringside *skeleton)
{
	union bpf_iter_link_info map = {.map.map_fd = bpf_map__fd(skeleton->maps.listening)};
	LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &map, .link_info_len = sizeof(map));

	skeleton->links.ringside_listeners =
		bpf_program__attach_iter(skeleton->progs.ringside_listeners, &options);
	return skeleton->links.ringside_listeners ? 0 : -errno;
}

static void attach_health(struct capture *capture)
{
	struct ringside *skeleton = capture->skeleton;
	const struct {
		struct bpf_program *program;
		struct bpf_link **ret_link;
	} each[] = {
		{skeleton->progs.ringside_retransmit, &skeleton->links.ringside_retransmit},
		{skeleton->progs.ringside_retransmit_synack, &skeleton->links.ringside_retransmit_synack},
		{skeleton->progs.ringside_send_reset, &skeleton->links.ringside_send_reset},
		{skeleton->progs.ringside_receive_reset, &skeleton->links.ringside_receive_reset},
		{skeleton->progs.ringside_connection, &skeleton->links.ringside_connection},
		{skeleton->progs.ringside_inventory, &skeleton->links.ringside_inventory},
		{skeleton->progs.ringside_rtt, &skeleton->links.ringside_rtt},
	};

	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		if (attach_tracepoint(each[i].program, each[i].ret_link))
			capability_off(capture, CAPABILITY_TCP_HEALTH,
				       "one of the tracepoints tcp_retransmit_skb, tcp_retransmit_synack, "
				       "tcp_send_reset, tcp_receive_reset, inet_sock_set_state, or the "
				       "iterator over TCP sockets refused a program");
	if (bpf_program__autoload(skeleton->progs.ringside_listeners) && attach_listeners(skeleton))
		capability_off(capture, CAPABILITY_ACCEPT_QUEUES,
			       "the iterator over socket storage refused a program");
}

/* Reads first, packets last: whoever sees a request has everything else in place. */
static int attach(struct capture *capture)
{
	static const char no_read[] = "the tracepoint tcp_rcv_space_adjust refused a program";
	struct ringside *skeleton = capture->skeleton;
	int error;

	if (bpf_program__autoload(skeleton->progs.ringside_read) &&
	    attach_tracepoint(skeleton->progs.ringside_read, &skeleton->links.ringside_read)) {
		capability_off(capture, CAPABILITY_PHASES, no_read);
		capability_off(capture, CAPABILITY_TLS, no_read);
	}
	if (attach_tracepoint(skeleton->progs.ringside_state, &skeleton->links.ringside_state))
		capability_off(capture, CAPABILITY_CONNECTIONS,
			       "the tracepoint inet_sock_set_state refused a program");
	if (attach_tracepoint(skeleton->progs.ringside_exit, &skeleton->links.ringside_exit) ||
	    attach_tracepoint(skeleton->progs.ringside_threads, &skeleton->links.ringside_threads))
		capability_off(
			capture, CAPABILITY_WAITS,
			"the tracepoint sched_process_exit or the iterator over tasks refused a program");
	attach_health(capture);
	error = attach_cgroup(skeleton->progs.ringside_egress, capture->cgroup_fd,
			      &skeleton->links.ringside_egress);
	if (error)
		return error;
	return attach_cgroup(skeleton->progs.ringside_ingress, capture->cgroup_fd,
			     &skeleton->links.ringside_ingress);
}

/* One line that says what is missing and how to get it. */
static int explain(int error)
{
	if (access("/sys/kernel/btf/vmlinux", R_OK))
		return log_err(error, "no BTF at /sys/kernel/btf/vmlinux: this needs a kernel built with "
				      "CONFIG_DEBUG_INFO_BTF (Debian's, Ubuntu's and Fedora's are)");
	if (error == -EPERM || (error == -EACCES && geteuid()))
		return log_err(error,
			       "the kernel refused the BPF programs (%s): run as root, in a container with "
			       "--privileged or CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN",
			       strerror(-error));
	return log_err(error, "cannot load the BPF programs: %s (--log.level=debug shows the kernel's words)",
		       strerror(-error));
}

int capture_start(struct capture *ret_capture)
{
	struct capture capture = {.cgroup_fd = -1};
	int cpus, error;

	capabilities_init(&capture);
	libbpf_set_print(libbpf_to_log);
	capture.retransmit_arguments = kernel_btf_tracepoint("tcp_retransmit_skb");
	cpus = libbpf_num_possible_cpus();
	if (cpus < 0)
		return log_err(cpus, "cannot read the number of CPUs: %s", strerror(-cpus));
	capture.cpu_count = cpus;
	capture.ring_count = (capture.cpu_count + CPUS_PER_RING - 1) / CPUS_PER_RING;
	if (capture.ring_count > RINGS_MAX)
		capture.ring_count = RINGS_MAX;
	capture.cgroup_fd = capture_cgroup_root();
	if (capture.cgroup_fd < 0)
		error = log_err(capture.cgroup_fd,
				"no cgroup v2 hierarchy is mounted and mounting one failed: %s",
				strerror(-capture.cgroup_fd));
	else
		error = load(&capture);
	if (!error)
		error = rings_create(&capture);
	if (!error)
		error = attach(&capture);
	if (error) {
		if (capture.cgroup_fd >= 0)
			explain(error);
		capture_stop(&capture);
		return error;
	}
	*ret_capture = capture;
	return 0;
}

void capture_stop(struct capture *capture)
{
	ringside__destroy(capture->skeleton);
	for (unsigned i = 0; capture->ring_fds && i < capture->ring_count; i++)
		if (capture->ring_fds[i] >= 0)
			close(capture->ring_fds[i]);
	free(capture->ring_fds);
	if (capture->cgroup_fd > 0)
		close(capture->cgroup_fd);
	*capture = (struct capture){.cgroup_fd = -1};
}
