// SPDX-License-Identifier: Apache-2.0
// Which of the formats that we can write an Accept header asks for, and how that one is announced.
#ifndef RINGSIDE_NEGOTIATION_H
#define RINGSIDE_NEGOTIATION_H

#include "exposition.h"

/// By RFC 9110's q-values, for Prometheus's own headers and everybody else's. NULL or nothing known: text.
enum exposition_format negotiation_format(const char *accept);
/// The value of Content-Type. Static.
const char *negotiation_content_type(enum exposition_format format);

#endif
