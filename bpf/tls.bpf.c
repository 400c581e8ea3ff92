// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Plaintext of connections in TLS, at the calls by which programs read and write it. Tells user space pieces
// of it, under the cookie of the socket that the records came from.
//
// A session's socket is the one that its thread had read from last when the session first gave out something:
// both where the library reads the socket itself and where the program does (Node's memory BIOs). These
// programs can be preempted: nothing here is shared by CPU.
#include "phases.bpf.h"
#include "tls.bpf.h"

/* A call under way, by thread and direction. */
struct tls_call {
	__u64 session;
	__u64 buffer;
	__u64 len_address; /* where the call leaves the length; 0 if it returns it */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct tls_call);
} tls_calls SEC(".maps");

static __always_inline __u64 call_key(enum direction direction)
{
	/* The uppermost bit of a process's number is never set. */
	return bpf_get_current_pid_tgid() | (__u64)direction << 63;
}

static __always_inline void call_enter(__u64 session, __u64 buffer, __u64 len_address,
				       enum direction direction)
{
	struct tls_call call = {session, buffer, len_address};
	__u64 key = call_key(direction);

	bpf_map_update_elem(&tls_calls, &key, &call, BPF_ANY);
}

/* The socket of a session; it gets one if it has none and this thread has read one that belongs to no other.
 */
static __always_inline __u64 session_socket(__u64 session)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid(), *found, cookie;
	struct tls_session_key key = {.session = session, .tgid = pid_tgid >> 32};
	struct tls_connection *connection;
	__u32 tid = pid_tgid;

	found = bpf_map_lookup_elem(&tls_sessions, &key);
	if (found)
		return *found;
	found = bpf_map_lookup_elem(&tls_reads, &tid);
	cookie = found ? *found : 0;
	connection = bpf_map_lookup_elem(&tls_connections, &cookie);
	if (!connection || (connection->session.session && connection->session.session != session))
		return 0;
	if (bpf_map_update_elem(&tls_sessions, &key, &cookie, BPF_ANY)) {
		count(COUNT_LOST_STATE);
		return 0;
	}
	connection->session = key;
	return cookie;
}

static __always_inline void call_leave(__s64 result, enum direction direction)
{
	__u64 key = call_key(direction), len = result, cookie;
	struct tls_call *found = bpf_map_lookup_elem(&tls_calls, &key);
	struct tls_call call;

	if (!found)
		return;
	call = *found;
	bpf_map_delete_elem(&tls_calls, &key);
	if (result <= 0)
		return;
	if (call.len_address && bpf_probe_read_user(&len, sizeof(len), (void *)call.len_address))
		return;
	if (!len || len > 1 << 30)
		return;
	cookie = session_socket(call.session);
	if (cookie)
		tls_tell(cookie, call.buffer, len, direction);
	else if (direction == DIRECTION_IN && user_is_request(call.buffer, len))
		count(COUNT_LOST_TLS);
}

/* The thread that shakes hands need not be the one that reads requests. */
SEC("uprobe")
int ringside_tls_handshake_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), 0, 0, DIRECTION_IN);
	return 0;
}

SEC("uprobe")
int ringside_tls_handshake_leave(struct pt_regs *ctx)
{
	__u64 key = call_key(DIRECTION_IN);
	struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &key);
	__u64 session = call ? call->session : 0;

	if (!session)
		return 0;
	bpf_map_delete_elem(&tls_calls, &key);
	session_socket(session);
	return 0;
}

SEC("uprobe")
int ringside_tls_read_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), 0, DIRECTION_IN);
	return 0;
}

/* SSL_read_ex(ssl, buf, num, *readbytes) */
SEC("uprobe")
int ringside_tls_read_ex_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx), DIRECTION_IN);
	return 0;
}

SEC("uprobe")
int ringside_tls_read_leave(struct pt_regs *ctx)
{
	call_leave((__s32)PT_REGS_RC(ctx), DIRECTION_IN);
	return 0;
}

SEC("uprobe")
int ringside_tls_write_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), 0, DIRECTION_OUT);
	return 0;
}

SEC("uprobe")
int ringside_tls_write_ex_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx), DIRECTION_OUT);
	return 0;
}

SEC("uprobe")
int ringside_tls_write_leave(struct pt_regs *ctx)
{
	call_leave((__s32)PT_REGS_RC(ctx), DIRECTION_OUT);
	return 0;
}

/* The session's memory may be another one's before its socket is closed. */
SEC("uprobe")
int ringside_tls_free(struct pt_regs *ctx)
{
	struct tls_session_key key = {.session = PT_REGS_PARM1(ctx),
				      .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tls_connection *connection;
	__u64 *cookie = bpf_map_lookup_elem(&tls_sessions, &key);

	if (!cookie)
		return 0;
	connection = bpf_map_lookup_elem(&tls_connections, cookie);
	if (connection)
		connection->session.session = 0;
	bpf_map_delete_elem(&tls_sessions, &key);
	return 0;
}
