#!/usr/bin/env bash
# vm.sh [--kernels "5.10 6.1 6.12 newest"] [--output FILE]: tries build/ringside on Debian's kernels, each in a
# QEMU machine without KVM, and prints a Markdown table of what works where, then "N passed, N failed". FILE gets
# the table. Fails if anything failed, or if nothing could be tried.
#
# Each machine is a kernel (tests/vm/fetch-kernel) and a root file system in memory: busybox, ringside with its
# libraries, a server and a client of our own. tests/vm/check runs in it and reports over the serial console. The
# consoles are kept in build/vm/*.log. RINGSIDE names another binary than build/ringside.
set -euo pipefail

kernels="5.10 6.1 6.12 newest"
output=
seconds=480 # the verifier of 5.10 alone may take two minutes here
at_once=2   # mostly one CPU each

die() {
	echo "vm.sh: $*" >&2
	exit 2
}

while [ $# -gt 0 ]; do
	case $1 in
	--kernels | --output)
		[ $# -ge 2 ] || die "$1 needs a value"
		[ "$1" = --kernels ] && kernels=$2 || output=$2
		shift 2
		;;
	*) die "unknown argument '$1'; usage: vm.sh [--kernels \"5.10 newest\"] [--output FILE]" ;;
	esac
done

[ -z "$output" ] || output=$(realpath -m "$output")
ringside=$(realpath -m "${RINGSIDE:-$(dirname "$0")/../build/ringside}")
cd "$(dirname "$0")/.."
work=$PWD/build/vm

[ -x "$ringside" ] || die "$ringside is not there: run make first"
for need in qemu-system-x86_64:qemu-system-x86 cpio:cpio cc:gcc /usr/bin/busybox:busybox-static; do
	command -v "${need%%:*}" >/dev/null || die "${need%%:*} is missing: apt install ${need##*:}"
done

build_initramfs() {
	local root
	root=$(mktemp -d "$work/root.XXXXXX")

	mkdir -p "$root/bin" "$root/etc"
	cp /usr/bin/busybox "$root/bin/busybox"
	ln -s busybox "$root/bin/sh"
	cp "$ringside" "$root/bin/ringside"
	# "libelf.so.1 => /lib/…/libelf.so.1 (0x…)", and the loader, which has no arrow. Paths stay, so that no
	# ld.so.cache is needed.
	ldd "$ringside" | grep -o '/[^ ]*' | xargs -I{} cp -L --parents {} "$root"
	cc -O2 -static -o "$root/bin/server" tests/vm/server.c
	cc -O2 -static -o "$root/bin/client" tests/vm/client.c
	cp tests/vm/init tests/vm/check "$root/"
	chmod +x "$root/init"
	echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
	echo 'root:x:0:' >"$root/etc/group"
	# Not compressed: unpacking is what emulation is slow at.
	(cd "$root" && find . | cpio --quiet -o -H newc -R 0:0) >"$work/initramfs"
	rm -rf "$root"
}

# Debian 12's QEMU 7.2 now and then leaves garbage in the flags after cmpxchg16b: every second boot of 6.12, whose
# allocator uses it, ended in a double fault; without it 13 of 13 went well. 7.x must have it: socket storage comes
# from its kmalloc_nolock, which returns NULL on a CPU that has not.
cpu_for() { # KERNEL-FOLDER
	case $(cat "$1/package") in
	linux-binary-*) echo max ;; # packages of 7.x and later
	*) echo max,-cx16 ;;
	esac
}

boot() { # KERNEL-FOLDER LOG
	timeout "$seconds" qemu-system-x86_64 -accel tcg,thread=multi -cpu "$(cpu_for "$1")" -smp 2 -m 1500 \
		-nic none -nographic -no-reboot -kernel "$1/vmlinuz" -initrd "$work/initramfs" \
		-append "console=ttyS0 quiet panic=1" </dev/null 2>&1 | tr -d '\r' >"$2" || true
}

# Adds a "KERNEL <tab> pass|fail|skip|capability <tab> NAME <tab> DETAIL" line to the kernel's results.
record() {
	local IFS=$'\t'
	echo "$*" >>"$work/$1.tsv"
}

try_kernel() {
	local version=$1 kernel log=$work/$1.log results=$work/$1.tsv started reason

	: >"$results"
	if ! kernel=$(flock "$work/fetch.lock" tests/vm/fetch-kernel amd64 "$version" 2>"$work/$version.fetch.log"); then
		reason=$(tail -n1 "$work/$version.fetch.log")
		record "$version" skip kernel "${reason:-cannot be fetched}"
		return
	fi
	started=$SECONDS
	boot "$kernel" "$log"
	record "$version" time seconds $((SECONDS - started))
	sed -n -e "s/^@result\t/$version\t/p" -e "s/^@\(kernel\|capability\)\t/$version\t\1\t/p" "$log" >>"$results"
	if ! grep -q '^@end' "$log"; then
		record "$version" fail boot "the check did not finish within $seconds s: $log"
	fi
	if grep -q "^$version	fail" "$results"; then
		echo "--- $version: end of $log" >&2
		sed 's/^@log\t/  /' "$log" | tail -n 80 >&2
	fi
}

mkdir -p "$work"
results=$work/results.tsv
build_initramfs
for version in $kernels; do
	[ "$(jobs -pr | wc -l)" -lt "$at_once" ] || wait -n
	try_kernel "$version" &
done
wait
for version in $kernels; do
	cat "$work/$version.tsv"
done >"$results"

awk -f tests/vm/table.awk "$results" | tee "${output:-/dev/null}"
awk -F'\t' '$2 == "skip" { printf "skipped: %s %s: %s\n", $1, $3, $4 }
	$2 == "fail" { printf "failed: %s %s: %s\n", $1, $3, $4 }' "$results"
awk -F'\t' '{ n[$2]++ }
	END { printf "%d passed, %d failed\n", n["pass"], n["fail"]; exit n["fail"] > 0 || !n["pass"] }' "$results"
