// SPDX-License-Identifier: Apache-2.0
// This process pretends to be a CPython whose memory is the input: lists that lead to themselves, into the
// void or off the end of a mapping. What is read ends, and its counters never fall.
//
// Input: the version (4 bytes), then the words of _PyRuntime. A word 0xffff…XXXX is the address of the byte
// XXXX of _PyRuntime; nothing is mapped behind the last.
#include "runtimes/python.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memory.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define RUNTIME_SIZE 16384

extern uint64_t _PyRuntime[RUNTIME_SIZE / 8];
extern uint32_t Py_Version;
uint64_t _PyRuntime[RUNTIME_SIZE / 8];
uint32_t Py_Version;

static void become(const uint8_t *input, size_t size)
{
	size_t count = size / 8 < RUNTIME_SIZE / 8 ? size / 8 : RUNTIME_SIZE / 8;

	memset(_PyRuntime, 0, sizeof(_PyRuntime));
	memcpy(_PyRuntime, input, count * 8);
	for (size_t i = 0; i < count; i++)
		if (_PyRuntime[i] >> 48 == 0xffff)
			_PyRuntime[i] = (uint64_t)(uintptr_t)_PyRuntime + (_PyRuntime[i] & 0xffff);
}

static void check_read(struct python *python, struct python_process *process)
{
	struct python_reading first = {0}, second = {0};

	if (python_read(python, process, &first))
		return;
	/* Everything that is not a pointer changes under us. */
	for (size_t i = 0; i < RUNTIME_SIZE / 8; i += 3)
		if (_PyRuntime[i] < 1 << 20)
			_PyRuntime[i] ^= 5;
	if (python_read(python, process, &second))
		return;
	for (unsigned g = 0; g < PYTHON_GENERATIONS; g++)
		CHECK(second.collections[g] >= first.collections[g]);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static struct memory_counts counts;
	static struct python *python;
	struct python_process *process = NULL;
	const char *reason = NULL;
	int error;

	if (!python)
		python = python_new(&counts);
	if (!python || size < 4)
		return 0;
	memcpy(&Py_Version, input, 4);
	become(input + 4, size - 4);
	error = python_attach(python, getpid(), &process, &reason);
	if (!error)
		check_read(python, process);
	CHECK(error == 0 ? process != NULL : process == NULL);
	python_detach(process);
	return 0;
}
