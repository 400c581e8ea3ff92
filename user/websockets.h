// SPDX-License-Identifier: Apache-2.0
// Sessions of WebSocket: opened by an answer 101, followed frame by frame, over with their connection. What
// they add up to is each service's; websocket_families.c writes it out.
#ifndef RINGSIDE_WEBSOCKETS_H
#define RINGSIDE_WEBSOCKETS_H

#include <stdint.h>

struct exchange;
struct response_event;
struct service;
struct services;
struct stream_event;
struct websockets;

/// Upper bounds of a session's length in seconds: a page that was looked at, to a terminal that stays open.
#define WEBSOCKET_DURATION_BOUNDS {0.1, 1, 5, 15, 60, 300, 900, 3600, 14400, 86400}
#define WEBSOCKET_DURATION_BOUNDS_LEN 10

/// 1000 to 1015, and one for all others.
#define WEBSOCKET_CODES 17

/// Of one service; NULL there before its first session.
struct websocket_stats {
	uint64_t active;
	uint64_t opened;
	uint64_t received; ///< messages
	uint64_t sent;
	uint64_t closes[WEBSOCKET_CODES];
	uint64_t durations[WEBSOCKET_DURATION_BOUNDS_LEN + 1];
	double duration_seconds;
};

struct websocket_losses {
	uint64_t table_full; ///< sessions that are not followed
	uint64_t lost;       ///< stretches of a session whose messages are not counted
};

/// `services` is borrowed. NULL without memory.
struct websockets *websockets_new(struct services *services);
void websockets_free(struct websockets *websockets);

/// The request that was answered by a switch to WebSocket.
void websockets_open(struct websockets *websockets, const struct exchange *exchange);
void websockets_on_stream(struct websockets *websockets, const struct stream_event *event);
/// A connection, of whatever protocol, is over.
void websockets_on_close(struct websockets *websockets, const struct response_event *event);
/// Once a second: sessions whose service had no name yet, and those whose end was lost. `closes_lost`: how
/// many connections' ends the kernel could not tell so far.
void websockets_tick(struct websockets *websockets, uint64_t closes_lost, uint64_t now_ns);
/// The service is about to be freed.
void websockets_forget_service(struct websockets *websockets, const struct service *service);
const struct websocket_losses *websockets_losses(const struct websockets *websockets);

/// The label of one of websocket_stats.closes; `buffer` has room for 8 bytes.
const char *websocket_code_name(unsigned index, char *buffer);

#endif
