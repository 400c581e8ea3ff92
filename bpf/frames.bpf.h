/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only */
/* Walks the frames of HTTP/2 and WebSocket as far as is needed to pass over the insides of payloads, which
 * say nothing to anybody but cost most. What else there is goes to user space, which has the decoders. */
#ifndef RINGSIDE_FRAMES_BPF_H
#define RINGSIDE_FRAMES_BPF_H

#include "shared.bpf.h"

/* Payloads up to this length are told with their frame: passing over them would cost an event more. */
#define PAYLOAD_TOLD_MAX 256

/* Headers and payloads looked at in one segment, or one call of a TLS library: 64 KiB of frames that say
 * something have less. What has more is told as it is from then on. */
#define TURNS_MAX 1024

/* RFC 9113 section 4.1 */
#define HTTP2_HEADER_LEN 9
#define HTTP2_DATA 0
#define HTTP2_END_STREAM 1
#define HTTP2_PREFACE_LEN 24

/* RFC 6455 section 5.2: at most 2 + 8 + 4 */
#define WEBSOCKET_HEADER_MAX 14
#define WEBSOCKET_CLOSE 8

/* `len` bytes, a constant, at `at` of an skb, or of the current process's memory from `base` on. */
static __always_inline bool bytes_load(void *skb, __u64 base, __u32 at, void *ret_bytes, const __u32 len,
				       const bool from_user)
{
	if (from_user)
		return !bpf_probe_read_user(ret_bytes, len, (void *)(base + at));
	return !bpf_skb_load_bytes(skb, at, ret_bytes, len);
}

static __always_inline __u32 frame_header_len(enum stream_protocol protocol, const __u8 *header)
{
	__u32 extended = (header[1] & 0x7f) == 126 ? 2 : (header[1] & 0x7f) == 127 ? 8 : 0;

	if (protocol == STREAM_HTTP2)
		return HTTP2_HEADER_LEN;
	return 2 + extended + (header[1] & 0x80 ? 4 : 0);
}

static __always_inline void frame_begin(struct framing *framing, enum stream_protocol protocol,
					const __u8 *header)
{
	__u32 len = header[1] & 0x7f;

	if (protocol == STREAM_HTTP2) {
		framing->payload_left = (__u32)header[0] << 16 | header[1] << 8 | header[2];
		framing->told = header[3] != HTTP2_DATA;
		framing->ends = header[3] == HTTP2_DATA && header[4] & HTTP2_END_STREAM;
		return;
	}
	if (len == 126) {
		len = header[2] << 8 | header[3];
	} else if (len == 127) {
		/* Nobody sends frames of 4 GiB: the upper half is taken for a mistake of ours. */
		if (header[2] | header[3] | header[4] | header[5])
			framing->raw = 1;
		len = (__u32)header[6] << 24 | header[7] << 16 | header[8] << 8 | header[9];
	}
	framing->payload_left = len;
	framing->told = (header[0] & 0x0f) == WEBSOCKET_CLOSE;
	framing->ends = 0;
}

/* The header that begins at `at`, if it is whole, or as much of it as there is. Returns the bytes used. */
static __always_inline __u32 frame_header_take(struct framing *framing, enum stream_protocol protocol,
					       void *skb, __u64 base, __u32 at, __u32 left,
					       const bool from_user)
{
	__u8 header[16] = {};

	if (!framing->header_len && protocol == STREAM_HTTP2 && left >= HTTP2_HEADER_LEN) {
		if (!bytes_load(skb, base, at, header, HTTP2_HEADER_LEN, from_user))
			return 0;
		frame_begin(framing, protocol, header);
		return HTTP2_HEADER_LEN;
	}
	if (!framing->header_len && left >= WEBSOCKET_HEADER_MAX) {
		if (!bytes_load(skb, base, at, header, WEBSOCKET_HEADER_MAX, from_user))
			return 0;
		frame_begin(framing, protocol, header);
		return frame_header_len(protocol, header);
	}
	/* It may end in a later segment: byte by byte. */
	if (!bytes_load(skb, base, at, header, 1, from_user))
		return 0;
	framing->header[framing->header_len & 15] = header[0];
	framing->header_len++;
	if (framing->header_len < 2 || framing->header_len < frame_header_len(protocol, framing->header))
		return 1;
	frame_begin(framing, protocol, framing->header);
	framing->header_len = 0;
	return 1;
}

/* One turn of the walk: a header, or a payload, or what there is of either between framing->at and `end`.
 * Moves framing->at, sets passed; false if nothing can be read. Callers make a function of it that the
 * verifier reads once. */
static __always_inline bool frames_turn(struct framing *framing, enum stream_protocol protocol, void *skb,
					__u64 base, __u32 end, const bool from_user)
{
	__u32 left = end - framing->at, len, passed = 0;

	if (framing->payload_left) {
		len = framing->payload_left < left ? framing->payload_left : left;
		framing->payload_left -= len;
		if (!framing->told && len > PAYLOAD_TOLD_MAX)
			passed = len;
		/* The last byte of what was asked, or answered, has a time that counts. */
		if (passed && framing->ends && !framing->payload_left) {
			framing->payload_left = 1;
			passed--;
			len--;
		}
	} else {
		if (!framing->header_len && framing->frame == NO_FRAME)
			framing->frame = framing->at - framing->untold;
		len = frame_header_take(framing, protocol, skb, base, framing->at, left, from_user);
	}
	framing->passed = passed;
	framing->at += len;
	return len;
}

/* Begin the walk of what stands between `begin` and an end, and is at `position` in its direction. */
static __always_inline void frames_begin(struct framing *framing, __u32 begin, __u64 position)
{
	framing->at = begin;
	framing->untold = begin;
	framing->frame = NO_FRAME;
	framing->begin = position - begin;
}

/* Whether a frame of HTTP/2 may begin with these nine bytes (RFC 9113 section 6), and how long it is then. */
static __always_inline bool http2_plausible(const __u8 *header, __u32 *ret_len)
{
	__u32 len = (__u32)header[0] << 16 | header[1] << 8 | header[2];
	__u32 stream = (__u32)(header[5] & 0x7f) << 24 | header[6] << 16 | header[7] << 8 | header[8];
	bool on_stream = stream & 1;

	*ret_len = HTTP2_HEADER_LEN + len;
	if (header[5] & 0x80 || len > 1 << 20)
		return false;
	switch (header[3]) {
	case 0: /* DATA: padded, or the end */
		return on_stream && !(header[4] & ~0x09);
	case 1: /* HEADERS */
		return on_stream && len && !(header[4] & ~0x2d);
	case 2: /* PRIORITY */
		return stream && len == 5;
	case 3: /* RST_STREAM */
		return stream && len == 4;
	case 4: /* SETTINGS */
		return !stream && len % 6 == 0 && !(header[4] & ~1) && len < 256;
	case 6: /* PING */
		return !stream && len == 8 && !(header[4] & ~1);
	case 7: /* GOAWAY */
		return !stream && len >= 8;
	case 8: /* WINDOW_UPDATE */
		return len == 4;
	case 9: /* CONTINUATION */
		return on_stream && !(header[4] & ~4);
	}
	return false;
}

/* Frames that must be plausible, one behind the other, before a connection that is older than ringside is
 * taken for HTTP/2. */
#define PLAUSIBLE_MAX 8

/* The frame of HTTP/2 that may begin at `offset`: 1 if it is plausible, 2 if it begins a request or an
 * answer, and its length, shifted by two bits; 0 if something else stands there. */
static __always_inline __u32 frame_look(void *skb, __u64 base, __u32 offset, const bool from_user)
{
	__u8 header[HTTP2_HEADER_LEN];
	__u32 len;

	if (!bytes_load(skb, base, offset, header, sizeof(header), from_user) ||
	    !http2_plausible(header, &len))
		return 0;
	return len << 2 | (header[3] == 1 ? 2 : 1);
}

#endif
