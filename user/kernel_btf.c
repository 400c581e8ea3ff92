// SPDX-License-Identifier: Apache-2.0
// Each tracepoint has a typedef of its callback, "btf_trace_NAME" (include/trace/bpf_probe.h). capture.c
// asks.
#include "kernel_btf.h"

#include <errno.h>
#include <stdio.h>

#include <bpf/btf.h>

static int count_arguments(const struct btf *btf, const char *name)
{
	const struct btf_type *type;
	char wanted[128];
	int id;

	snprintf(wanted, sizeof(wanted), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, wanted, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	/* A typedef of a pointer to a function. */
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type);
	type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	if (!type || !btf_is_func_proto(type) || !btf_vlen(type))
		return -ENOENT;
	return btf_vlen(type) - 1; /* the first is the callback's own data */
}

int kernel_btf_tracepoint(const char *name)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int arguments;

	if (!btf)
		return -ENOENT;
	arguments = count_arguments(btf, name);
	btf__free(btf);
	return arguments;
}
