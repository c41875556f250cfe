package main

import "syscall"

// Memory that the process may have, in bytes.
const memory = 3 << 30

// limitMemory sees to it that what the library reads without an end ends this
// process, and not the machine.
func limitMemory() error {
	return syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: memory, Max: memory})
}
