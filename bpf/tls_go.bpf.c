// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Plaintext of Go's crypto/tls, at the entries and returns of (*Conn).Read and (*Conn).Write: what
// bpf/tls.bpf.c does for C. Calls go by goroutine, which may enter on one thread and return on another; the
// socket is the one whose descriptor the connection holds.
//
// Registers of Go's internal ABI, 1.17 to now (src/cmd/compile/abi-internal.md): receiver, pointer and length
// of the slice in the first three, the goroutine in a register of its own; results in the first ones.
#include "tls.bpf.h"

#ifdef __TARGET_ARCH_arm64
#define GO_GOROUTINE(ctx) (((const struct user_pt_regs *)(ctx))->regs[28])
#define GO_ARGUMENT_1(ctx) (((const struct user_pt_regs *)(ctx))->regs[0])
#define GO_ARGUMENT_2(ctx) (((const struct user_pt_regs *)(ctx))->regs[1])
#define GO_RESULT_1(ctx) GO_ARGUMENT_1(ctx)
#else
#define GO_GOROUTINE(ctx) ((ctx)->r14)
#define GO_ARGUMENT_1(ctx) ((ctx)->ax)
#define GO_ARGUMENT_2(ctx) ((ctx)->bx)
#define GO_RESULT_1(ctx) ((ctx)->ax)
#endif

struct go_call_key {
	__u64 goroutine;
	__u32 tgid;
	__u32 direction;
};

struct go_call {
	__u64 connection; /* *tls.Conn; 0 once the call has ended */
	__u64 buffer;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct go_call_key);
	__type(value, struct go_call);
} go_calls SEC(".maps");

/* include/uapi/linux/stat.h */
#define S_IFMT 0170000
#define S_IFSOCK 0140000

/* The cookie of the TCP socket that the current process has open under this number; 0 if it is none. */
static __always_inline __u64 cookie_of_descriptor(__u32 descriptor)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct file **table = BPF_CORE_READ(task, files, fdt, fd), *file = NULL;
	struct socket *socket;
	struct sock *sk;

	if (descriptor >= BPF_CORE_READ(task, files, fdt, max_fds) ||
	    bpf_probe_read_kernel(&file, sizeof(file), table + descriptor) || !file ||
	    (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	sk = BPF_CORE_READ(socket, sk);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	return BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
}

/* tls.Conn begins with the connection below it, an interface: its second word points to a net.TCPConn, that
 * holds a *netFD, that begins with a poll.FD: fdMutex (a word, two halves), then Sysfd
 * (src/internal/poll/fd_unix.go). */
#define SYSFD_OFFSET 16

static __always_inline __u64 cookie_of_connection(__u64 connection)
{
	__u64 below, descriptor_address;
	__u32 descriptor;

	if (bpf_probe_read_user(&below, sizeof(below), (void *)(connection + 8)) ||
	    bpf_probe_read_user(&descriptor_address, sizeof(descriptor_address), (void *)below) ||
	    bpf_probe_read_user(&descriptor, sizeof(descriptor), (void *)(descriptor_address + SYSFD_OFFSET)))
		return 0;
	return cookie_of_descriptor(descriptor);
}

/* Where the connection below is another type, it is what the thread has read last, as long as it is nobody
 * else's. */
static __always_inline __u64 cookie_of_thread(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &tid);

	return thread ? thread->socket : 0;
}

static __always_inline __u64 go_socket(__u64 session)
{
	struct tls_session_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	__u64 *found = bpf_map_lookup_elem(&tls_sessions, &key), known = found ? *found : 0, cookie;
	struct tls_connection *connection = bpf_map_lookup_elem(&tls_connections, &known);

	if (connection && !connection->closed)
		return known;
	cookie = cookie_of_connection(session);
	/* A call that returns after its socket was closed, unless the collector has given the memory to
	 * another connection by now. */
	if (known && (!cookie || cookie == known))
		return known;
	if (session_bind(&key, cookie))
		return cookie;
	cookie = cookie_of_thread();
	return session_bind(&key, cookie) ? cookie : 0;
}

static __always_inline struct go_call_key go_call_key(struct pt_regs *ctx, enum direction direction)
{
	return (struct go_call_key){
		.goroutine = GO_GOROUTINE(ctx),
		.tgid = bpf_get_current_pid_tgid() >> 32,
		.direction = direction,
	};
}

static __always_inline void go_enter(struct pt_regs *ctx, enum direction direction)
{
	struct go_call_key key = go_call_key(ctx, direction);
	struct go_call call = {GO_ARGUMENT_1(ctx), GO_ARGUMENT_2(ctx)};

	bpf_map_update_elem(&go_calls, &key, &call, BPF_ANY);
}

static __always_inline void go_leave(struct pt_regs *ctx, enum direction direction)
{
	struct go_call_key key = go_call_key(ctx, direction);
	struct go_call *found = bpf_map_lookup_elem(&go_calls, &key), call;
	__s64 len = GO_RESULT_1(ctx);
	__u64 cookie;

	/* Of a call that was under way when the probes came, whose it is and what it read is not known; most
	 * wait for a request. */
	if (!found) {
		if (direction == DIRECTION_IN && len > 0 && len <= 1 << 30)
			count(COUNT_LOST_TLS);
		return;
	}
	call = *found;
	if (!call.connection)
		return;
	found->connection = 0;
	if (len <= 0 || len > 1 << 30)
		return;
	cookie = go_socket(call.connection);
	if (cookie)
		tls_tell(cookie, call.buffer, len, direction);
	else if (direction == DIRECTION_IN && user_is_request(call.buffer, len))
		count(COUNT_LOST_TLS);
}

SEC("uprobe")
int ringside_go_read_enter(struct pt_regs *ctx)
{
	go_enter(ctx, DIRECTION_IN);
	return 0;
}

SEC("uprobe")
int ringside_go_read_leave(struct pt_regs *ctx)
{
	go_leave(ctx, DIRECTION_IN);
	return 0;
}

SEC("uprobe")
int ringside_go_write_enter(struct pt_regs *ctx)
{
	go_enter(ctx, DIRECTION_OUT);
	return 0;
}

SEC("uprobe")
int ringside_go_write_leave(struct pt_regs *ctx)
{
	go_leave(ctx, DIRECTION_OUT);
	return 0;
}
