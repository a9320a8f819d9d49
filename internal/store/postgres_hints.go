package store

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
)

// hints carries wake-ups between the nodes of one database by NOTIFY. They are batched and sent outside the deciding
// transaction, which would otherwise queue at a lock that all commits share. A hint may get lost: waiters look by
// themselves now and then, and after a lost connection all of them are woken.
type hints struct {
	config *pgx.ConnConfig
	broker *Broker
	known  *knownPetitions
	logger *slog.Logger

	mu      sync.Mutex
	pending map[string]struct{}
	more    chan struct{} // has an element when pending has
	own     uint32        // the sending session, whose notifications this node has woken for already
	heard   atomic.Int32  // for how many batches more another node counts as busy

	cancel context.CancelFunc
	tasks  sync.WaitGroup
}

const (
	hintChannel = "indent"
	// everything is the payload that wakes all: more topics are pending than can be told.
	everything  = "*"
	mostPending = 16 << 10
	// A payload has less than 8,000 bytes; topics are joined by newlines, which none of them has.
	mostPayload = 7900
	// linger is how long topics are collected before they are sent.
	linger = 4 * time.Millisecond
	// A session that has heard nothing for this long is asked for a sign of life: a cut cable tells nobody.
	listenPatience = 15 * time.Second
	sendPatience   = 5 * time.Second
	reconnectAfter = 250 * time.Millisecond
	reconnectMost  = 5 * time.Second
	// busyAfterHint is for how many batches of this node another one, of which a hint came, counts as busy.
	busyAfterHint = 32
)

func startHints(config *pgx.ConnConfig, broker *Broker, logger *slog.Logger) *hints {
	ctx, cancel := context.WithCancel(context.Background())
	config = config.Copy()
	// A hint need not survive a crash: its transaction does not wait for the disk.
	config.RuntimeParams["synchronous_commit"] = "off"
	h := &hints{config: config, broker: broker, known: newKnownPetitions(), logger: logger, pending: map[string]struct{}{}, more: make(chan struct{}, 1), cancel: cancel}
	broker.forward = h.publish
	h.tasks.Go(func() { h.connected(ctx, h.send) })
	h.tasks.Go(func() { h.connected(ctx, h.listen) })
	return h
}

func (h *hints) stop() {
	h.cancel()
	h.tasks.Wait()
}

// publish queues the topics; it never waits.
func (h *hints) publish(topics []string) {
	h.mu.Lock()
	for _, t := range topics {
		h.pending[t] = struct{}{}
	}
	if len(h.pending) > mostPending {
		clear(h.pending)
		h.pending[everything] = struct{}{}
	}
	h.mu.Unlock()
	select {
	case h.more <- struct{}{}:
	default:
	}
}

// connected runs a task on a session of its own, again and again until ctx ends.
func (h *hints) connected(ctx context.Context, task func(context.Context, *pgx.Conn) error) {
	wait := reconnectAfter
	for ctx.Err() == nil {
		conn, err := pgx.ConnectConfig(ctx, h.config.Copy())
		if err == nil {
			wait = reconnectAfter
			err = task(ctx, conn)
			closeSoon(ctx, conn)
		}
		if ctx.Err() != nil {
			return
		}
		h.logger.Warn("wake-ups between nodes are interrupted: waiters look by themselves until they work again", "error", err)
		if !sleep(ctx, wait) {
			return
		}
		wait = min(2*wait, reconnectMost)
	}
}

func closeSoon(ctx context.Context, conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = conn.Close(ctx) // it is given up either way
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// send tells other nodes. Topics whose sending failed are told again on the next session.
func (h *hints) send(ctx context.Context, conn *pgx.Conn) error {
	h.mu.Lock()
	h.own = conn.PgConn().PID()
	h.mu.Unlock()
	for {
		select {
		case <-h.more:
			sleep(ctx, linger)
		case <-ctx.Done():
		}
		topics := h.take()
		if err := h.notify(ctx, conn, topics); err != nil {
			h.publish(topics)
			return err
		}
		if ctx.Err() != nil {
			return nil
		}
	}
}

func (h *hints) take() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	topics := make([]string, 0, len(h.pending))
	for t := range h.pending {
		topics = append(topics, t)
	}
	clear(h.pending)
	return topics
}

func (h *hints) notify(ctx context.Context, conn *pgx.Conn, topics []string) error {
	// What was published before the store closes is still told.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), sendPatience)
	defer cancel()
	batch := &pgx.Batch{}
	for _, payload := range payloads(topics) {
		batch.Queue("SELECT pg_notify($1, $2)", hintChannel, payload)
	}
	return conn.SendBatch(ctx, batch).Close()
}

// payloads joins topics as far as a notification carries them.
func payloads(topics []string) (list []string) {
	var b strings.Builder
	for _, t := range topics {
		if len(t) > mostPayload {
			t = everything
		}
		if b.Len() > 0 && b.Len()+1+len(t) > mostPayload {
			list = append(list, b.String())
			b.Reset()
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(t)
	}
	if b.Len() > 0 {
		list = append(list, b.String())
	}
	return list
}

// listen wakes this node's waiters for what other nodes publish.
func (h *hints) listen(ctx context.Context, conn *pgx.Conn) error {
	if _, err := conn.Exec(ctx, "LISTEN "+hintChannel); err != nil {
		return err
	}
	// Whatever was published until now may have been missed.
	h.known.listens(true)
	defer h.known.listens(false)
	h.broker.wakeAll()
	for {
		patience, cancel := context.WithTimeout(ctx, listenPatience)
		n, err := conn.WaitForNotification(patience)
		cancel()
		switch {
		case err == nil:
			h.received(n.PID, n.Payload)
		case ctx.Err() != nil:
			return nil
		case patience.Err() != nil && !conn.IsClosed():
			if err := alive(ctx, conn); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

func alive(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	return conn.Ping(ctx)
}

func (h *hints) received(from uint32, payload string) {
	h.mu.Lock()
	own := from == h.own
	h.mu.Unlock()
	if own {
		return
	}
	h.heard.Store(busyAfterHint)
	topics := strings.Split(payload, "\n")
	for _, t := range topics {
		if t == everything {
			h.known.listens(true)
			h.broker.wakeAll()
			return
		}
	}
	h.known.overtaken(topics)
	h.broker.wake(topics)
}

// others answers whether another node commits as well, by its hints; each batch asks once.
func (h *hints) others() bool { return h.heard.Load() > 0 && h.heard.Add(-1) >= 0 }
