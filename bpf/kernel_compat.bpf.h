/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Kernel constants that BTF does not carry, and the few fields that kernels name differently. */
#ifndef RINGSIDE_KERNEL_COMPAT_BPF_H
#define RINGSIDE_KERNEL_COMPAT_BPF_H

/* include/uapi/linux/if_ether.h, in.h, socket.h: macros, so not in vmlinux.h. */
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86DD
#define ETH_HLEN 14
#define AF_INET 2
#define AF_INET6 10

/* include/uapi/asm-generic/errno.h */
#define ECONNRESET 104
#define EPIPE 32
#define ETIMEDOUT 110

/* include/linux/sched.h: flags of a task. */
#define PF_EXITING 0x00000004
#define PF_KTHREAD 0x00200000

/* include/net/net_namespace.h: the loopback is every namespace's first interface. */
#define LOOPBACK_IFINDEX 1

/* Before 5.15 a socket's cgroup shared its place with the numbers of net_cls and net_prio, which have one of
 * the two lowest bits set (commit 8520e224f547, "bpf, cgroups: Fix cgroup v2 fallback on v1/v2 mixed mode").
 */
struct sock_cgroup_data___shared {
	__u64 val;
} __attribute__((preserve_access_index));

/* Flags of the TCP header's fourteenth byte (RFC 9293 section 3.1). */
#define TCP_FLAG_BYTE_FIN 0x01

/* task_struct.__state was `state` before 5.14 (https://git.kernel.org/linus/2f064a59a11f). */
struct task_struct___before_5_14 {
	long state;
} __attribute__((preserve_access_index));

#endif
