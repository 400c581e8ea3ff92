// SPDX-License-Identifier: Apache-2.0
// What test_go.c starts: does what each line of input says and tells what the runtime says of itself. Writing the
// truth allocates nothing, so that it is still true when it is read.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

var (
	keep  [][]byte
	text  [256]byte
	stats runtime.MemStats
)

func truth() {
	time.Sleep(20 * time.Millisecond) // goroutines that end have ended
	runtime.ReadMemStats(&stats)
	line := text[:0]
	for _, number := range [...]uint64{uint64(runtime.NumGoroutine()), stats.Alloc, stats.TotalAlloc, stats.HeapInuse,
		uint64(stats.NumGC), stats.PauseTotalNs, uint64(runtime.GOMAXPROCS(0))} {
		line = append(strconv.AppendUint(line, number, 10), ' ')
	}
	line[len(line)-1] = '\n'
	syscall.Write(1, line)
}

func goroutines() {
	for i := 0; i < 12; i++ {
		go func() { select {} }()
	}
	for i := 0; i < 300; i++ {
		done := make(chan bool)
		go func() { done <- true }()
		<-done
	}
}

func allocate(count int) {
	for i := 0; i < count; i++ {
		keep = append(keep, make([]byte, 100+i%5000))
	}
}

func busy() {
	for {
		waste := make([][]byte, 0)
		for i := 0; i < 1000; i++ {
			waste = append(waste, make([]byte, i))
		}
		done := make(chan int)
		for i := 0; i < 10; i++ {
			go func() { done <- len(waste) }()
		}
		for i := 0; i < 10; i++ {
			<-done
		}
	}
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	fmt.Println("ready", os.Getpid())
	for input.Scan() {
		switch input.Text() {
		case "truth":
			truth()
			continue
		case "goroutines":
			goroutines()
		case "allocate":
			allocate(2000)
		case "collect":
			runtime.GC()
		case "busy":
			go busy()
		}
		fmt.Println("done")
	}
}
