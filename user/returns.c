// SPDX-License-Identifier: Apache-2.0
// Walks the instructions of one function: on amd64 by Zydis, as its return instruction also occurs inside of
// others. tls_files.c puts probes where they are.
#include "returns.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include <elf.h>

#include <Zydis/Zydis.h>

/* Version 4, which has this macro, has another way of initializing and decoding than 3 (Ubuntu 22.04). */
static void decoder_init(ZydisDecoder *ret_decoder)
{
#ifdef ZYDIS_MAX_OPERAND_COUNT_VISIBLE
	ZydisDecoderInit(ret_decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
#else
	ZydisDecoderInit(ret_decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_ADDRESS_WIDTH_64);
#endif
}

static bool decode(const ZydisDecoder *decoder, const uint8_t *code, size_t len,
		   ZydisDecodedInstruction *ret_instruction)
{
#ifdef ZYDIS_MAX_OPERAND_COUNT_VISIBLE
	return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(decoder, NULL, code, len, ret_instruction));
#else
	return ZYAN_SUCCESS(ZydisDecoderDecodeBuffer(decoder, code, len, ret_instruction));
#endif
}

static int add(uint32_t ret_offsets[RETURNS_MAX], int count, size_t at)
{
	if (count == RETURNS_MAX)
		return -E2BIG;
	ret_offsets[count] = at;
	return count + 1;
}

/* Whether behind the instruction the caller's frame is back: a jump through a register or memory is then a
 * call of the function that a pointer names (as SSL_do_handshake ends), and otherwise a switch. */
static bool frame_is_back(const ZydisDecodedInstruction *instruction, const uint8_t *code, bool was)
{
	static const uint8_t add_rsp[] = {0x48, 0x83, 0xc4}, add_rsp_long[] = {0x48, 0x81, 0xc4};

	switch (instruction->meta.category) {
	case ZYDIS_CATEGORY_POP:
		return true;
	case ZYDIS_CATEGORY_PUSH:
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
		return false;
	default:
		break;
	}
	if (instruction->mnemonic == ZYDIS_MNEMONIC_LEAVE)
		return true;
	if (instruction->length < sizeof(add_rsp))
		return was;
	return was || !memcmp(code, add_rsp, sizeof(add_rsp)) ||
	       !memcmp(code, add_rsp_long, sizeof(add_rsp_long));
}

/* A jump out of the function. Its own unlikely part, which compilers move elsewhere, is reached by
 * conditional ones, and comes back by a jump into it. */
static bool is_tail_call(const ZydisDecodedInstruction *instruction, size_t at, size_t len, bool frame_back)
{
	int64_t target = (int64_t)at + instruction->length + instruction->raw.imm[0].value.s;

	if (instruction->mnemonic != ZYDIS_MNEMONIC_JMP)
		return false;
	if (!instruction->raw.imm[0].is_relative)
		return frame_back;
	return target < 0 || target >= (int64_t)len;
}

static int find_amd64(const uint8_t *code, size_t len, uint32_t ret_offsets[RETURNS_MAX])
{
	ZydisDecodedInstruction instruction;
	ZydisDecoder decoder;
	bool frame_back = false;
	int count = 0;

	decoder_init(&decoder);
	for (size_t at = 0; at < len; at += instruction.length) {
		if (!decode(&decoder, code + at, len - at, &instruction))
			return -EILSEQ;
		if (is_tail_call(&instruction, at, len, frame_back))
			return -ELOOP;
		frame_back = frame_is_back(&instruction, code + at, frame_back);
		if (instruction.mnemonic == ZYDIS_MNEMONIC_RET)
			count = add(ret_offsets, count, at);
		if (count < 0)
			return count;
	}
	return count ? count : -ENOENT;
}

/* Every instruction has four bytes (Arm ARM C6.2, RET and B). */
static int find_arm64(const uint8_t *code, size_t len, uint32_t ret_offsets[RETURNS_MAX])
{
	int count = 0;

	for (size_t at = 0; at + 4 <= len && count >= 0; at += 4) {
		uint32_t word;
		int64_t target;

		memcpy(&word, code + at, sizeof(word));
		target = (int64_t)at + (int64_t)(int32_t)(word << 6) / 16;
		if ((word & 0xfc000000) == 0x14000000 && (target < 0 || target >= (int64_t)len))
			return -ELOOP;
		if ((word & 0xfffffc1f) == 0xd65f0000)
			count = add(ret_offsets, count, at);
	}
	return count ? count : -ENOENT;
}

int returns_find(const uint8_t *code, size_t len, uint16_t machine, uint32_t ret_offsets[RETURNS_MAX])
{
	switch (machine) {
	case EM_X86_64:
		return find_amd64(code, len, ret_offsets);
	case EM_AARCH64:
		return find_arm64(code, len, ret_offsets);
	default:
		return -ENOTSUP;
	}
}
