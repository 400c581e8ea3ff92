// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
// Plaintext of connections in TLS, at the calls by which programs read and write it. Tells user space pieces
// of it, under the cookie of the socket that the records came from.
//
// A session's socket is the one that its thread had read from last when the session first gave out something:
// both where the library reads the socket itself and where the program does (Node's memory BIOs). These
// programs can be preempted: nothing here is shared by CPU.
#include "phases.bpf.h"
#include "tls.bpf.h"

static __always_inline void call_enter(__u64 session, __u64 buffer, __u64 len_address,
				       enum tls_call_kind kind)
{
	struct tls_thread *thread = thread_get(bpf_get_current_pid_tgid());

	if (thread)
		thread->calls[kind] = (struct tls_call){session, buffer, len_address};
}

/* Ends the call. False if it is not known: it was under way when the probes came, and whether it read a
 * request, nobody knows; or where two names of one file have probes, which then run twice. */
static __always_inline bool call_take(struct tls_thread *thread, enum tls_call_kind kind, __s64 result,
				      struct tls_call *ret_call)
{
	struct tls_call *call = &thread->calls[kind];

	if (!call->session) {
		if (result > 0 && !call->buffer && kind == CALL_READ)
			count(COUNT_LOST_TLS);
		call->buffer = CALL_KNOWN;
		return false;
	}
	*ret_call = *call;
	call->session = 0;
	call->buffer = CALL_KNOWN;
	return true;
}

/* The socket of a session; it gets one if it has none and this thread has just read one that is to be had. */
static __always_inline __u64 session_socket(__u64 session, __u64 last_read)
{
	struct tls_session_key key = {.session = session, .tgid = bpf_get_current_pid_tgid() >> 32};
	__u64 *found = bpf_map_lookup_elem(&tls_sessions, &key);

	if (found)
		return *found;
	return session_bind(&key, last_read) ? last_read : 0;
}

/* Also a call that gave out nothing tells whose the socket is that was read for it. */
static __always_inline void call_leave(__s64 result, enum direction direction)
{
	struct tls_thread *thread = thread_get(bpf_get_current_pid_tgid());
	__u64 len = result, cookie;
	struct tls_call call;

	if (!thread || !call_take(thread, direction == DIRECTION_IN ? CALL_READ : CALL_WRITE, result, &call))
		return;
	cookie = session_socket(call.session, thread->socket);
	if (result <= 0)
		return;
	if (call.len_address && bpf_probe_read_user(&len, sizeof(len), (void *)call.len_address))
		return;
	if (!len || len > 1 << 30)
		return;
	if (cookie)
		tls_tell(cookie, call.buffer, len, direction);
	else if (direction == DIRECTION_IN && user_is_request(call.buffer, len))
		count(COUNT_LOST_TLS);
}

/* The thread that shakes hands need not be the one that reads requests. BoringSSL shakes hands within calls
 * that read or write. */
SEC("uprobe")
int ringside_tls_handshake_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), 0, 0, CALL_HANDSHAKE);
	return 0;
}

SEC("uprobe")
int ringside_tls_handshake_leave(struct pt_regs *ctx)
{
	struct tls_thread *thread = thread_get(bpf_get_current_pid_tgid());
	struct tls_call call;

	if (thread && call_take(thread, CALL_HANDSHAKE, 0, &call))
		session_socket(call.session, thread->socket);
	return 0;
}

SEC("uprobe")
int ringside_tls_read_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), 0, CALL_READ);
	return 0;
}

/* SSL_read_ex(ssl, buf, num, *readbytes) */
SEC("uprobe")
int ringside_tls_read_ex_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx), CALL_READ);
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
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), 0, CALL_WRITE);
	return 0;
}

SEC("uprobe")
int ringside_tls_write_ex_enter(struct pt_regs *ctx)
{
	call_enter(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx), PT_REGS_PARM4(ctx), CALL_WRITE);
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
	/* A fork may have it by now. */
	if (connection && connection->session.session == key.session && connection->session.tgid == key.tgid)
		connection->session.session = TLS_SESSION_FREED;
	bpf_map_delete_elem(&tls_sessions, &key);
	return 0;
}
