// SPDX-License-Identifier: Apache-2.0
// The configuration file as it was written. Its shape is checked here, its values in config.c.
#ifndef RINGSIDE_CONFIG_DOCUMENT_H
#define RINGSIDE_CONFIG_DOCUMENT_H

/// What may be left out is a pointer, NULL if it was, so that a 0 given is not taken for nothing given.
struct document_match {
	char *container;
	char *executable;
	char *command;
	unsigned *port;
};

struct document_service {
	char *name;
	struct document_match *match;
	char **routes;
	unsigned routes_len;
};

struct document_web {
	char **listen_addresses;
	unsigned listen_addresses_len;
};

struct document_runtimes {
	char *event_loop;
};

struct document_limits {
	unsigned *routes_per_service;
	unsigned *series;
};

struct document {
	struct document_web *web;
	struct document_service *services;
	unsigned services_len;
	struct document_runtimes *runtimes;
	struct document_limits *limits;
};

/// *ret_document is NULL for an empty file. On failure logs one line and returns -errno.
int document_load(const char *path, struct document **ret_document);
/// Strings may have been taken out before (TAKE_PTR).
void document_free(struct document *document);

#endif
