// SPDX-License-Identifier: Apache-2.0
// Ends of connections in TLS wait here for a moment: what a call wrote is told when it returns, and by then
// the client may have read it and left.
#ifndef RINGSIDE_TLS_CLOSES_H
#define RINGSIDE_TLS_CLOSES_H

#include <stdint.h>

struct ringside;
struct tls_close_event;
struct tls_closes;

/// `on_close` borrows the event. `skeleton` is loaded, and borrowed; NULL leaves the kernel's tables alone
/// (tests). NULL without memory.
struct tls_closes *tls_closes_new(struct ringside *skeleton,
				  void (*on_close)(void *context, const struct tls_close_event *event),
				  void *context);
void tls_closes_free(struct tls_closes *closes);

void tls_closes_add(struct tls_closes *closes, const struct tls_close_event *event);
/// Hands on what has waited long enough, and gives its place in the kernel's tables back. After each drain.
void tls_closes_run(struct tls_closes *closes, uint64_t now_ns);

#endif
