// SPDX-License-Identifier: Apache-2.0
// Finds the functions of TLS libraries in ELF files and puts the kernel side's probes on their entries and
// returns: once for each file, whoever runs it, in containers or not.
#include "tls_files.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include <bpf/libbpf.h>
#include <linux/magic.h>
#include <uthash.h>

#include "cleanup.h"
#include "elf_file.h"
#include "elf_symbols.h"
#include "log.h"
#include "process_image.h"
#include "returns.h"
#include "ringside.skel.h"
#include "runtimes/go_tls.h"
#include "uprobes.h"
#include "uretprobe.h"

/* Files of a host that have anything to do with TLS, and others that were looked at, are fewer. */
#define FILES_MAX 4096
#define FUNCTION_LEN_MAX 65536

/* In the order in which they get their probes: reads last. A request that was seen while writes were not yet
 * would take the next one's answer for its own. */
enum {
	SSL_FREE,
	SSL_HANDSHAKE,
	SSL_WRITE,
	SSL_WRITE_EX,
	SSL_READ,
	SSL_READ_EX,
	GNUTLS_DEINIT,
	GNUTLS_HANDSHAKE,
	GNUTLS_SEND,
	GNUTLS_RECV,
	FUNCTION_COUNT
};

static const char *const function_names[FUNCTION_COUNT] = {
	[SSL_READ] = "SSL_read",
	[SSL_READ_EX] = "SSL_read_ex",
	[SSL_WRITE] = "SSL_write",
	[SSL_WRITE_EX] = "SSL_write_ex",
	[SSL_HANDSHAKE] = "SSL_do_handshake",
	[SSL_FREE] = "SSL_free",
	[GNUTLS_RECV] = "gnutls_record_recv",
	[GNUTLS_SEND] = "gnutls_record_send",
	[GNUTLS_HANDSHAKE] = "gnutls_handshake",
	[GNUTLS_DEINIT] = "gnutls_deinit",
};

_Static_assert(FUNCTION_COUNT <= ELF_SYMBOLS_MAX, "looked for at once");

/// What runs where a function begins and where it returns; NULL for nothing.
struct probes {
	struct bpf_program *enter, *leave;
	bool may_miss_returns; ///< where they cannot be seen, the rest is of use all the same
};

struct tls_file {
	struct file_id id;
	unsigned users;
	const char *trouble; ///< static; NULL
	bool plain;          ///< has no such functions
	char name[64];
	struct uprobes uprobes;
	UT_hash_handle hh;
};

struct tls_files {
	struct probes probes[FUNCTION_COUNT];
	struct probes go_read, go_write;
	bool may_probe_returns;
	struct tls_file *table;
	uint64_t lost;
};

struct tls_files *tls_files_new(struct ringside *skeleton)
{
	struct tls_files *files = calloc(1, sizeof(*files));
	struct probes reads, reads_ex, writes, writes_ex, handshakes, frees;

	if (!files)
		return NULL;
	files->may_probe_returns = uretprobe_is_safe();
	reads = (struct probes){skeleton->progs.ringside_tls_read_enter,
				skeleton->progs.ringside_tls_read_leave, false};
	reads_ex = (struct probes){skeleton->progs.ringside_tls_read_ex_enter, reads.leave, false};
	writes = (struct probes){skeleton->progs.ringside_tls_write_enter,
				 skeleton->progs.ringside_tls_write_leave, false};
	writes_ex = (struct probes){skeleton->progs.ringside_tls_write_ex_enter, writes.leave, false};
	/* What they tell, most reads tell later. */
	handshakes = (struct probes){skeleton->progs.ringside_tls_handshake_enter,
				     skeleton->progs.ringside_tls_handshake_leave, true};
	frees = (struct probes){skeleton->progs.ringside_tls_free, NULL, false};
	files->go_read = (struct probes){skeleton->progs.ringside_go_read_enter,
					 skeleton->progs.ringside_go_read_leave, false};
	files->go_write = (struct probes){skeleton->progs.ringside_go_write_enter,
					  skeleton->progs.ringside_go_write_leave, false};
	files->probes[SSL_READ] = files->probes[GNUTLS_RECV] = reads;
	files->probes[SSL_READ_EX] = reads_ex;
	files->probes[SSL_WRITE] = files->probes[GNUTLS_SEND] = writes;
	files->probes[SSL_WRITE_EX] = writes_ex;
	files->probes[SSL_HANDSHAKE] = files->probes[GNUTLS_HANDSHAKE] = handshakes;
	files->probes[SSL_FREE] = files->probes[GNUTLS_DEINIT] = frees;
	return files;
}

static void file_remove(struct tls_files *files, struct tls_file *file)
{
	uprobes_release(&file->uprobes);
	HASH_DEL(files->table, file);
	free(file);
}

void tls_files_free(struct tls_files *files)
{
	struct tls_file *file, *next;

	if (!files)
		return;
	HASH_ITER (hh, files->table, file, next)
		file_remove(files, file);
	uprobes_wait();
	free(files);
}

/* Returns before the entry: of a call that is under way, nothing is known. */
static int function_probe(struct tls_file *file, const struct process_image *image,
			  const struct elf_symbol *symbol, const struct probes *probes,
			  bool may_probe_returns)
{
	AUTO_FREE uint8_t *code = NULL;
	uint32_t returns[RETURNS_MAX];
	uint64_t offset, leaves[RETURNS_MAX];
	int count = 0, error = 0;

	if (!elf_file_offset(&image->file, symbol->address, symbol->size_bytes, &offset))
		return -ENOEXEC;
	if (probes->leave) {
		if (!symbol->size_bytes || symbol->size_bytes > FUNCTION_LEN_MAX)
			return -ENOEXEC;
		error = elf_file_load(&image->file, offset, symbol->size_bytes, &code);
		if (error)
			return error;
		count = returns_find(code, symbol->size_bytes, image->file.machine, returns);
	}
	/* It leaves by a jump to another one. */
	if (count == -ELOOP && may_probe_returns)
		error = uprobes_add_return(&file->uprobes, probes->leave, image->fd, offset);
	else if (count < 0 && !(count == -ELOOP && probes->may_miss_returns))
		return count;
	for (int i = 0; i < count; i++)
		leaves[i] = offset + returns[i];
	if (count > 0)
		error = uprobes_add(&file->uprobes, probes->leave, image->fd, leaves, count);
	return error ? error : uprobes_add(&file->uprobes, probes->enter, image->fd, &offset, 1);
}

static const char *explain(int error)
{
	switch (error) {
	case -EPERM:
	case -EACCES:
		return "the kernel refused a probe on it (CAP_SYS_ADMIN or CAP_PERFMON)";
	case -ELOOP:
		return "a function leaves by a jump to another one, and this kernel's return probes kill "
		       "whom a "
		       "seccomp filter keeps from their system call (Linux 6.14 and later let it pass)";
	case -ENOTSUP:
		return "a Go program whose function table cannot be read (Go 1.18 and later can)";
	case -E2BIG:
		return "its functions return in more places than there may be probes";
	case -EMFILE:
		return "too many open files: raise the limit (LimitNOFILE=)";
	default:
		return "its functions cannot be read or probed";
	}
}

/* Functions of C, by their symbols. -ENOENT if there are none. */
static int attach_c(struct tls_files *files, struct tls_file *file, const struct process_image *image)
{
	struct elf_symbol symbols[FUNCTION_COUNT];
	int error = 0;

	elf_symbols_find(&image->file, function_names, FUNCTION_COUNT, symbols);
	if (!(symbols[SSL_READ].address && symbols[SSL_WRITE].address) &&
	    !(symbols[GNUTLS_RECV].address && symbols[GNUTLS_SEND].address))
		return -ENOENT;
	for (unsigned i = 0; !error && i < FUNCTION_COUNT; i++)
		if (symbols[i].address)
			error = function_probe(file, image, &symbols[i], &files->probes[i],
					       files->may_probe_returns);
	return error == -ENOENT ? -ENOEXEC : error;
}

/* -ENOENT if it is no Go program with crypto/tls. */
static int attach_go(struct tls_files *files, struct tls_file *file, pid_t pid,
		     const struct process_image *image)
{
	struct elf_symbol read, write;
	struct go_tls tls;
	int error = go_tls_find(pid, image, &tls);

	if (error)
		return error;
	read = (struct elf_symbol){tls.read, tls.read_len};
	write = (struct elf_symbol){tls.write, tls.write_len};
	error = function_probe(file, image, &write, &files->go_write, false);
	if (!error)
		error = function_probe(file, image, &read, &files->go_read, false);
	return error == -ENOENT ? -ENOEXEC : error;
}

static void file_attach(struct tls_files *files, struct tls_file *file, pid_t pid,
			const struct process_image *image)
{
	int error = attach_c(files, file, image);

	if (error == -ENOENT)
		error = attach_go(files, file, pid, image);
	if (!error || error == -ESRCH) /* of one that has ended, the next process of the file tells */
		return;
	uprobes_release(&file->uprobes);
	file->plain = error == -ENOENT;
	if (file->plain)
		return;
	file->trouble = explain(error);
	log_warn("TLS in %s is not decoded: %s (%s)", file->name, file->trouble, strerror(-error));
}

/* Containers of one image share a file's inode, and each has a device number of its own for it. */
static struct file_id id_of(const struct process_image *image)
{
	struct file_id id = image->id;
	struct statfs filesystem;

	if (!fstatfs(image->fd, &filesystem) && filesystem.f_type == OVERLAYFS_SUPER_MAGIC)
		id.device = OVERLAYFS_SUPER_MAGIC;
	return id;
}

/* What has no users makes room: most are programs without TLS, kept so that they are not looked into again.
 */
static bool make_room(struct tls_files *files)
{
	struct tls_file *file, *next;

	if (HASH_COUNT(files->table) < FILES_MAX)
		return true;
	HASH_ITER (hh, files->table, file, next)
		if (!file->users)
			file_remove(files, file);
	return HASH_COUNT(files->table) < FILES_MAX;
}

struct tls_file *tls_files_use(struct tls_files *files, pid_t pid, const struct process_image *image,
			       const char *path)
{
	struct file_id id = id_of(image);
	const char *slash = strrchr(path, '/');
	struct tls_file *file = NULL;

	HASH_FIND(hh, files->table, &id, sizeof(id), file);
	if (!file) {
		file = make_room(files) ? calloc(1, sizeof(*file)) : NULL;
		if (!file) {
			files->lost++;
			return NULL;
		}
		file->id = id;
		snprintf(file->name, sizeof(file->name), "%s", slash ? slash + 1 : path);
		HASH_ADD(hh, files->table, id, sizeof(file->id), file);
	}
	if (!file->plain && !file->uprobes.len && !file->trouble)
		file_attach(files, file, pid, image);
	if (file->plain)
		return NULL;
	file->users++;
	return file;
}

void tls_files_leave(struct tls_files *files, struct tls_file *file)
{
	if (!--file->users)
		file_remove(files, file);
}

const struct tls_file *tls_files_next(const struct tls_files *files, const struct tls_file *file)
{
	return file ? file->hh.next : files->table;
}

const char *tls_file_name(const struct tls_file *file)
{
	return file->name;
}

const char *tls_file_trouble(const struct tls_file *file)
{
	return file->trouble;
}

uint64_t tls_files_lost(const struct tls_files *files)
{
	return files->lost;
}
