/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* One TCP segment as a cgroup_skb program sees it: where its payload is, and what its first bytes look like.
 */
#ifndef RINGSIDE_SEGMENT_BPF_H
#define RINGSIDE_SEGMENT_BPF_H

#include "shared.bpf.h"

struct segment {
	__u32 offset; /* of the payload in the skb */
	__u32 len;    /* of the payload */
	__u32 seq;
	__u16 remote_port; /* of the sender, host byte order; as local_port of use for segments that come in
			    */
	__u16 local_port;
	bool fin;
};

/* The data of a cgroup_skb program starts at the IP header. */
static __always_inline bool segment_load(struct __sk_buff *skb, struct segment *ret_segment)
{
	struct tcphdr tcp;
	__u32 offset;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, 0, &ip, sizeof(ip)) || ip.protocol != IPPROTO_TCP)
			return false;
		offset = ip.ihl * 4;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		__u8 next_header;

		/* Extension headers before TCP do not occur on hosts that we know of. */
		if (bpf_skb_load_bytes(skb, 6, &next_header, 1) || next_header != IPPROTO_TCP)
			return false;
		offset = sizeof(struct ipv6hdr);
	} else {
		return false;
	}
	if (bpf_skb_load_bytes(skb, offset, &tcp, sizeof(tcp)))
		return false;
	offset += tcp.doff * 4;
	if (offset > skb->len)
		return false;
	ret_segment->offset = offset;
	ret_segment->len = skb->len - offset;
	ret_segment->seq = bpf_ntohl(tcp.seq);
	ret_segment->remote_port = bpf_ntohs(tcp.source);
	ret_segment->local_port = bpf_ntohs(tcp.dest);
	ret_segment->fin = tcp.fin;
	return true;
}

/* Drop the part of the segment that lies before `next_seq`: a retransmission, or the overlap of one. False if
 * that is all. */
static __always_inline bool segment_trim(struct segment *segment, __u32 next_seq)
{
	__s32 seen = (__s32)(next_seq - segment->seq);

	if (seen <= 0)
		return true;
	if ((__u32)seen >= segment->len)
		return false;
	segment->offset += seen;
	segment->seq += seen;
	segment->len -= seen;
	return true;
}

/* Up to `max` of the payload's first `len` bytes. The verifiers of 5.10 and 6.1 learn nothing from `len ==
 * 0`: they see that the length is not zero only if one is added at the end. */
static __always_inline bool load_clamped(struct __sk_buff *skb, __u32 offset, void *ret_bytes, __u32 len,
					 const __u32 max)
{
	__u32 last;

	if (!len)
		return false;
	last = (len > max ? max : len) - 1;
	asm volatile("" : "+r"(last));
	if (last >= max)
		return false;
	return !bpf_skb_load_bytes(skb, offset, ret_bytes, last + 1);
}

/* The payload's last bytes, right-aligned in eight. */
static __always_inline void segment_tail(struct __sk_buff *skb, const struct segment *segment, __u8 *ret_tail)
{
	__u64 word = 0;

	if (segment->len >= 8) {
		bpf_skb_load_bytes(skb, segment->offset + segment->len - 8, ret_tail, 8);
		return;
	}
	/* Little-endian, as our hosts are: shifting left moves bytes towards the end. */
	if (load_clamped(skb, segment->offset, &word, segment->len, 7))
		word <<= 8 * (8 - segment->len);
	__builtin_memcpy(ret_tail, &word, 8);
}

#define EMPTY_LINE 0x0a0d0a0d /* "\r\n\r\n", little-endian */

/* The payload's last four bytes; 0 if there are fewer. */
static __always_inline __u32 segment_last_word(struct __sk_buff *skb, const struct segment *segment)
{
	__u32 word = 0;

	if (segment->len >= 4)
		bpf_skb_load_bytes(skb, segment->offset + segment->len - 4, &word, 4);
	return word;
}

/* Enough of a segment to tell what it begins: the longest registered method has 17 letters
 * (UPDATEREDIRECTREF). */
#define START_LEN 24

struct start {
	char bytes[START_LEN];
	__u32 len;
};

static __always_inline bool start_load(struct __sk_buff *skb, const struct segment *segment,
				       struct start *ret_start)
{
	__u32 len = segment->len;

	if (len >= START_LEN) {
		ret_start->len = START_LEN;
		return !bpf_skb_load_bytes(skb, segment->offset, ret_start->bytes, START_LEN);
	}
	__builtin_memset(ret_start->bytes, 0, START_LEN);
	ret_start->len = len;
	return load_clamped(skb, segment->offset, ret_start->bytes, len, START_LEN - 1);
}

#define WORD(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

static __always_inline __u32 start_word(const struct start *start, __u32 at)
{
	__u32 word;

	__builtin_memcpy(&word, start->bytes + at, 4);
	return word;
}

static __always_inline bool is_token_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' ||
	       (c >= '0' && c <= '9');
}

/* "/path", "http://…", "*" (RFC 9112 section 3.2): what else stands behind a word and a space is prose, of a
 * body that was answered before it came. */
static __always_inline bool is_target_begin(char c)
{
	return c == '/' || c == '*' || c == 'h' || c == 'H';
}

/* A method, a space, and a target; or, in a segment that is shorter than that, a beginning of it. Whatever
 * the usual methods ask for is a request. Empty lines may come first (RFC 9112 section 2.2). User space has
 * the parser: what passes here and is none is found out when it is answered by something else than HTTP. */
static __always_inline bool start_is_request(const struct start *start)
{
	__u32 method = 0;

	switch (start_word(start, 0)) {
	case WORD('G', 'E', 'T', ' '):
	case WORD('P', 'O', 'S', 'T'):
	case WORD('P', 'U', 'T', ' '):
	case WORD('H', 'E', 'A', 'D'):
	case WORD('C', 'O', 'N', 'N'):
		return true;
	}
	for (__u32 i = 0; i < START_LEN - 1; i++) {
		char c = start->bytes[i];

		if (i >= start->len)
			return method > 0;
		if (!method && (c == '\r' || c == '\n'))
			continue;
		if (c == ' ')
			return method > 0 && (i + 1 >= start->len || is_target_begin(start->bytes[i + 1]));
		if (!is_token_byte(c))
			return false;
		method++;
	}
	return false;
}

/* Whether it begins with one of the methods of RFC 9110 and PATCH, and a space. Of what may have lost its
 * beginning
 * ("ET / HTTP/1.1") only that is a request, or the one byte of it that Go's server reads ahead. */
static __always_inline bool start_has_usual_method(const struct start *start)
{
	__u32 second = start_word(start, 4);

	if (start->len == 1)
		return start->bytes[0] == 'G' || start->bytes[0] == 'P' || start->bytes[0] == 'H' ||
		       start->bytes[0] == 'D' || start->bytes[0] == 'O';
	switch (start_word(start, 0)) {
	case WORD('G', 'E', 'T', ' '):
	case WORD('P', 'U', 'T', ' '):
		return true;
	case WORD('P', 'O', 'S', 'T'):
	case WORD('H', 'E', 'A', 'D'):
		return (char)second == ' ';
	case WORD('D', 'E', 'L', 'E'):
		return (second & 0xffffff) == WORD('T', 'E', ' ', 0);
	case WORD('O', 'P', 'T', 'I'):
		return second == WORD('O', 'N', 'S', ' ');
	case WORD('P', 'A', 'T', 'C'):
		return (second & 0xffff) == WORD('H', ' ', 0, 0);
	case WORD('C', 'O', 'N', 'N'):
		return second == WORD('E', 'C', 'T', ' ');
	case WORD('T', 'R', 'A', 'C'):
		return (second & 0xffff) == WORD('E', ' ', 0, 0);
	}
	return false;
}

/* "HTTP/1.", or as much of it as there is. */
static __always_inline bool start_is_response(const struct start *start)
{
	__u32 first = start_word(start, 0), second = start_word(start, 3);

	if (start->len >= 7)
		return first == WORD('H', 'T', 'T', 'P') && second == WORD('P', '/', '1', '.');
	if (start->bytes[0] != 'H')
		return false;
	return (start->len < 2 || start->bytes[1] == 'T') && (start->len < 3 || start->bytes[2] == 'T') &&
	       (start->len < 4 || start->bytes[3] == 'P') && (start->len < 5 || start->bytes[4] == '/') &&
	       (start->len < 6 || start->bytes[5] == '1');
}

/* The preface of HTTP/2 with prior knowledge (RFC 9113 section 3.4) also looks like a request of HTTP/1. */
static __always_inline bool start_is_http2(const struct start *start)
{
	return start_word(start, 0) == WORD('P', 'R', 'I', ' ') &&
	       start_word(start, 4) == WORD('*', ' ', 'H', 'T') &&
	       start_word(start, 8) == WORD('T', 'P', '/', '2');
}

/* A HEADERS frame of HTTP/2 that begins a request (RFC 9113 section 6.2): on a stream of the client's, with
 * no flags but its own. */
static __always_inline bool start_is_http2_headers(const struct start *start)
{
	return start->len >= 9 && !start->bytes[0] && start->bytes[3] == 1 && !(start->bytes[4] & ~0x2d) &&
	       !(start->bytes[5] & 0x80) && start->bytes[8] & 1;
}

/* A TLS record of a handshake (RFC 8446 section 5.1). */
static __always_inline bool start_is_tls(const struct start *start)
{
	return start->len >= 3 && start->bytes[0] == 0x16 && start->bytes[1] == 3 && start->bytes[2] <= 4;
}

/* "upgrade:", little-endian; with a bit set that makes letters small */
#define UPGRADE_WORD 0x3a65646172677075ULL
#define SMALL_LETTERS 0x2020202020202020ULL

/* The enum stream_protocol whose name begins with these four bytes, perhaps behind a space. */
static __always_inline enum stream_protocol upgrade_value(__u32 value)
{
	__u8 first, second;

	if ((value & 0xff) == ' ')
		value >>= 8;
	first = value | 0x20;
	second = value >> 8;
	if (first == 'w')
		return STREAM_WEBSOCKET;
	return first == 'h' && second == '2' ? STREAM_HTTP2 : STREAM_PROTOCOLS;
}

#endif
