package api

import (
	"bytes"
	"sync"
)

// buffers are lent to requests, so that bodies cost no memory between them.
var buffers bufferPool

type bufferPool struct{ pool sync.Pool }

// mostKept bounds a buffer that is kept: one large body must not hold memory for ever. A page of a list fits.
const mostKept = 128 << 10

func (p *bufferPool) take() *bytes.Buffer {
	if b, ok := p.pool.Get().(*bytes.Buffer); ok {
		return b
	}
	return new(bytes.Buffer)
}

func (p *bufferPool) give(b *bytes.Buffer) {
	if b.Cap() > mostKept {
		return
	}
	b.Reset()
	p.pool.Put(b)
}
