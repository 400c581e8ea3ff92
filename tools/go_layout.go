// SPDX-License-Identifier: Apache-2.0
// Prints, from the DWARF of a Go executable, one row of the layout table in user/runtimes/go_layout.c:
//
//	GOTOOLCHAIN=go1.27.4 go build -o /tmp/sample SOME.go && go run tools/go_layout.go /tmp/sample...
package main

import (
	"debug/buildinfo"
	"debug/dwarf"
	"debug/elf"
	"fmt"
	"os"
	"strings"
)

type field struct{ name, in, path string }

// Some fields moved: the first path that a version has counts.
var fields = []field{
	{"ngsys", "schedt", "ngsys"},
	{"mnext", "schedt", "mnext"},
	{"maxmcount", "schedt", "maxmcount"},
	{"sched_gfree", "schedt", "gFree.n|gFree.stack.size"},
	{"sched_gfree_nostack", "schedt", "gFree.noStack.size|-"},
	{"p_gfree", "p", "gFree.n|gFree.size"},
	{"numgc", "mstats", "numgc"},
	{"last_gc_unix", "mstats", "last_gc_unix"},
	{"pause_total_ns", "mstats", "pause_total_ns"},
	{"pause_ns", "mstats", "pause_ns"},
	{"heap_minimum", "gcControllerState", "heapMinimum"},
	{"heap_in_use", "gcControllerState", "heapInUse"},
	{"total_alloc", "gcControllerState", "totalAlloc"},
	{"total_free", "gcControllerState", "totalFree"},
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "go_layout:", err)
		os.Exit(1)
	}
}

func structure(kind dwarf.Type) *dwarf.StructType {
	for {
		switch concrete := kind.(type) {
		case *dwarf.TypedefType:
			kind = concrete.Type
		case *dwarf.StructType:
			return concrete
		default:
			return nil
		}
	}
}

func find(kind *dwarf.StructType, path string) (offset, size int64, found bool) {
	head, rest, deeper := strings.Cut(path, ".")
	if kind == nil {
		return 0, 0, false
	}
	for _, member := range kind.Field {
		if member.Name != head {
			continue
		}
		if !deeper {
			return member.ByteOffset, member.Type.Size(), true
		}
		offset, size, found = find(structure(member.Type), rest)
		return offset + member.ByteOffset, size, found
	}
	return 0, 0, false
}

func types(path string) map[string]*dwarf.StructType {
	found := map[string]*dwarf.StructType{}
	file, err := elf.Open(path)
	fail(err)
	data, err := file.DWARF()
	fail(err)
	reader := data.Reader()
	for {
		entry, err := reader.Next()
		fail(err)
		if entry == nil {
			return found
		}
		name, _ := entry.Val(dwarf.AttrName).(string)
		if entry.Tag != dwarf.TagStructType || !strings.HasPrefix(name, "runtime.") {
			continue
		}
		kind, err := data.Type(entry.Offset)
		fail(err)
		found[strings.TrimPrefix(name, "runtime.")] = structure(kind)
	}
}

func main() {
	for _, path := range os.Args[1:] {
		build, err := buildinfo.ReadFile(path)
		fail(err)
		known := types(path)
		fmt.Printf("%-10s", build.GoVersion)
		for _, wanted := range fields {
			text := "MISSING"
			for _, way := range strings.Split(wanted.path, "|") {
				if offset, size, ok := find(known[wanted.in], way); ok {
					text = fmt.Sprintf("%d/%d", offset, size)
					break
				} else if way == "-" {
					text = "-"
				}
			}
			fmt.Printf(" %s=%s", wanted.name, text)
		}
		fmt.Println()
	}
}
