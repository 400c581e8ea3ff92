// SPDX-License-Identifier: Apache-2.0
// Prints one row of the layout table in user/runtimes/python.c from CPython's own headers. For each minor
// version, with its development files (python3.X-dev, or a pyenv tree):
//   cc -I INCLUDE/python3.X -I INCLUDE/python3.X/internal -o /tmp/layout tools/python_layout.c && /tmp/layout
#define Py_BUILD_CORE 1
#include <Python.h>

#include <stddef.h>
#include <stdio.h>

#if PY_VERSION_HEX >= 0x030e0000
#include "pycore_interp_structs.h"
#endif
#if PY_VERSION_HEX < 0x03090000
#include "pycore_pystate.h"
#include "pycore_pymem.h"
#else
#include "pycore_interp.h"
#include "pycore_runtime.h"
#include "pycore_gc.h"
#endif

#if PY_VERSION_HEX < 0x03090000
#define GC offsetof(_PyRuntimeState, gc)
#else
#define GC offsetof(PyInterpreterState, gc)
#endif
#if PY_VERSION_HEX < 0x030b0000
#define THREADS offsetof(PyInterpreterState, num_threads)
#define TSTATES offsetof(PyInterpreterState, tstate_head)
#else
#define THREADS offsetof(PyInterpreterState, threads.count)
#define TSTATES offsetof(PyInterpreterState, threads.head)
#endif

int main(void)
{
	printf("%s: head %zu next %zu id %zu threads_count %zu threads_head %zu gc %zu generations +%zu "
	       "stats +%zu "
	       "stats_size %zu interp_size %zu runtime_size %zu\n",
	       PY_VERSION, offsetof(_PyRuntimeState, interpreters.head), offsetof(PyInterpreterState, next),
	       offsetof(PyInterpreterState, id), THREADS, TSTATES, (size_t)GC,
	       offsetof(struct _gc_runtime_state, generations),
	       offsetof(struct _gc_runtime_state, generation_stats),
	       sizeof(((struct _gc_runtime_state *)0)->generation_stats), sizeof(PyInterpreterState),
	       sizeof(_PyRuntimeState));
	return 0;
}
