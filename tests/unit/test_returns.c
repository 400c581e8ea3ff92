// SPDX-License-Identifier: Apache-2.0
// Return instructions of made-up functions, and of the real ones that probes go on.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>

#include "cleanup.h"
#include "elf_file.h"
#include "elf_symbols.h"
#include "returns.h"

#define FIND(code, machine, offsets) returns_find((const uint8_t *)(code), sizeof(code) - 1, machine, offsets)

static void returns_that_are_not_inside_of_others(void **state)
{
	uint32_t offsets[RETURNS_MAX];

	(void)state;
	/* mov eax, 0xc3c3c3c3; test eax, eax; je +1; ret; xor eax, eax; repz ret; int3 */
	assert_int_equal(
		FIND("\xb8\xc3\xc3\xc3\xc3\x85\xc0\x74\x01\xc3\x31\xc0\xf3\xc3\xcc", EM_X86_64, offsets), 2);
	assert_int_equal(offsets[0], 9);
	assert_int_equal(offsets[1], 12);
	/* stp x29, x30, [sp, #-16]!; ret */
	assert_int_equal(FIND("\xfd\x7b\xbf\xa9\xc0\x03\x5f\xd6", EM_AARCH64, offsets), 1);
	assert_int_equal(offsets[0], 4);
}

static void ways_out_that_are_not_seen(void **state)
{
	uint32_t offsets[RETURNS_MAX];
	char many[RETURNS_MAX + 2];

	(void)state;
	/* sub rsp, 8; jmp far away; ret */
	assert_int_equal(FIND("\x48\x83\xec\x08\xe9\xff\xff\x00\x00\xc3", EM_X86_64, offsets), -ELOOP);
	/* pop rbx; mov rdi, rax; jmp rax; ret */
	assert_int_equal(FIND("\x5b\x48\x89\xc7\xff\xe0\xc3", EM_X86_64, offsets), -ELOOP);
	/* add rsp, 8; jmp [rax]; ret */
	assert_int_equal(FIND("\x48\x83\xc4\x08\xff\x20\xc3", EM_X86_64, offsets), -ELOOP);
	/* pop rbx; push rbx; add rax, rdx; jmp rax; ret: a switch */
	assert_int_equal(FIND("\x5b\x53\x48\x01\xd0\xff\xe0\xc3", EM_X86_64, offsets), 1);
	/* jmp to itself is within */
	assert_int_equal(FIND("\xeb\xfe\xc3", EM_X86_64, offsets), 1);
	/* b far away; ret */
	assert_int_equal(FIND("\x00\x10\x00\x14\xc0\x03\x5f\xd6", EM_AARCH64, offsets), -ELOOP);
	assert_int_equal(FIND("\x90\x90", EM_X86_64, offsets), -ENOENT);
	assert_int_equal(FIND("\x0f", EM_X86_64, offsets), -EILSEQ);
	assert_int_equal(FIND("\xc3", EM_RISCV, offsets), -ENOTSUP);
	memset(many, 0xc3, sizeof(many));
	assert_int_equal(returns_find((uint8_t *)many, RETURNS_MAX + 1, EM_X86_64, offsets), -E2BIG);
}

/* What is on this machine: libssl of Debian 12 (3.0), 13 (3.5) or Ubuntu 22.04 (3.0). */
static void functions_of_openssl(void **state)
{
	static const char *const names[] = {"SSL_read", "SSL_read_ex", "SSL_write", "SSL_write_ex",
					    "SSL_do_handshake"};
	struct elf_symbol symbols[5];
	AUTO_ELF_FILE struct elf_file file = {0};
	AUTO_CLOSE int fd = -1;
	glob_t found;

	(void)state;
	if (glob("/usr/lib/*/libssl.so.*", 0, NULL, &found) || !found.gl_pathc) {
		globfree(&found);
		skip();
	}
	fd = open(found.gl_pathv[0], O_RDONLY | O_CLOEXEC);
	globfree(&found);
	assert_true(fd >= 0);
	assert_int_equal(elf_file_open(fd, &file), 0);
	assert_int_equal(elf_symbols_find(&file, names, 5, symbols), 5);
	for (unsigned i = 0; i < 5; i++) {
		AUTO_FREE uint8_t *code = NULL;
		uint32_t offsets[RETURNS_MAX];
		uint64_t offset;
		int count;

		assert_true(elf_file_offset(&file, symbols[i].address, symbols[i].size_bytes, &offset));
		assert_int_equal(elf_file_load(&file, offset, symbols[i].size_bytes, &code), 0);
		count = returns_find(code, symbols[i].size_bytes, file.machine, offsets);
		/* The handshake's last is a jump to the method's own. */
		if (count < 1 && !(count == -ELOOP && i == 4))
			fail_msg("%s: %d", names[i], count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(returns_that_are_not_inside_of_others),
		cmocka_unit_test(ways_out_that_are_not_seen),
		cmocka_unit_test(functions_of_openssl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
