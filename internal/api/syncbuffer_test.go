package api

import (
	"bytes"
	"strings"
	"sync"
)

// syncBuffer keeps what a logger writes, for tests that wait until something is said.
type syncBuffer struct {
	mu      sync.Mutex
	written *sync.Cond
	buf     bytes.Buffer
}

func newSyncBuffer() *syncBuffer {
	b := &syncBuffer{}
	b.written = sync.NewCond(&b.mu)
	return b
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.written.Broadcast()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// waitFor blocks until the text has been written.
func (b *syncBuffer) waitFor(text string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for !strings.Contains(b.buf.String(), text) {
		b.written.Wait()
	}
}
