// Command floor is the least that an approvals server can do and still be durable: net/http, SQLite (WAL,
// synchronous=FULL) with one writer that groups commits, and waiters in memory. Every create and decision also appends
// one audit row in the same transaction.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"io"
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	_ "github.com/mattn/go-sqlite3"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:7070", "address to listen on")
	path := flag.String("db", "floor.db", "file of the database; what is there is removed")
	most := flag.Int("batch", 256, "most changes in one commit")
	flag.Parse()
	db, err := open(*path)
	if err != nil {
		log.Fatal(err)
	}
	s := &server{db: db, changes: make(chan *change, 4096), waiters: map[string]chan string{}}
	w, err := newWriter(s)
	if err != nil {
		log.Fatal(err)
	}
	go w.run(*most)
	mux := http.NewServeMux()
	mux.HandleFunc("POST /petitions", s.create)
	mux.HandleFunc("GET /petitions/{id}/wait", s.wait)
	mux.HandleFunc("POST /petitions/{id}/decision", s.decide)
	log.Fatal(http.ListenAndServe(*addr, mux))
}

const schema = `CREATE TABLE petition(id TEXT PRIMARY KEY, state TEXT, body TEXT, created INTEGER);
CREATE INDEX pst ON petition(state, created);
CREATE TABLE audit(seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER, kind TEXT, petition TEXT, body TEXT)`

func open(path string) (*sql.DB, error) {
	for _, end := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(path + end); err != nil && !os.IsNotExist(err) {
			return nil, err
		}
	}
	db, err := sql.Open("sqlite3", "file:"+path+"?_journal_mode=WAL&_synchronous=FULL&_busy_timeout=5000")
	if err != nil {
		return nil, err
	}
	_, err = db.Exec(schema)
	return db, err
}

type server struct {
	db      *sql.DB
	changes chan *change

	mu      sync.Mutex
	waiters map[string]chan string // of each petition that is not decided
}

// change is what waits for the writer.
type change struct {
	decision bool
	id, text string
	done     chan error
}

// do answers whether the change is durable; if not, the client has been told.
func (s *server) do(w http.ResponseWriter, c *change) bool {
	c.done = make(chan error, 1)
	s.changes <- c
	err := <-c.done
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
	return err == nil
}

func (s *server) create(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var p struct{ ID string }
	if json.Unmarshal(body, &p) != nil || p.ID == "" {
		http.Error(w, "an id is needed", http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.waiters[p.ID] = make(chan string, 1)
	s.mu.Unlock()
	if s.do(w, &change{id: p.ID, text: string(body)}) {
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, `{"id":"`+p.ID+`","state":"pending"}`)
	}
}

func (s *server) wait(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	s.mu.Lock()
	decided := s.waiters[id]
	s.mu.Unlock()
	if decided != nil {
		select {
		case state := <-decided:
			io.WriteString(w, `{"state":"`+state+`"}`)
		case <-r.Context().Done():
		}
		return
	}
	var state string
	if err := s.db.QueryRow("SELECT state FROM petition WHERE id=?", id).Scan(&state); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	io.WriteString(w, `{"state":"`+state+`"}`)
}

func (s *server) decide(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	if s.do(w, &change{decision: true, id: r.PathValue("id"), text: "approved"}) {
		io.WriteString(w, `{"state":"approved"}`)
	}
}

// wake tells the petition's waiter, if it has one.
func (s *server) wake(id, state string) {
	s.mu.Lock()
	decided := s.waiters[id]
	delete(s.waiters, id)
	s.mu.Unlock()
	if decided != nil {
		decided <- state
	}
}

// writer is the one connection that writes.
type writer struct {
	*server
	begin, commit, rollback, insert, update, audit *sql.Stmt
}

func newWriter(s *server) (*writer, error) {
	ctx := context.Background()
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{server: s}
	for text, stmt := range map[string]**sql.Stmt{
		"BEGIN IMMEDIATE":                      &w.begin,
		"COMMIT":                               &w.commit,
		"ROLLBACK":                             &w.rollback,
		"INSERT INTO petition VALUES(?,?,?,?)": &w.insert,
		"UPDATE petition SET state=? WHERE id=? AND state='pending'": &w.update,
		"INSERT INTO audit(at,kind,petition,body) VALUES(?,?,?,?)":   &w.audit,
	} {
		if *stmt, err = conn.PrepareContext(ctx, text); err != nil {
			return nil, err
		}
	}
	return w, nil
}

// run commits what waits, in batches.
func (w *writer) run(most int) {
	batch := make([]*change, 0, most)
	for c := range w.changes {
		batch = append(batch[:0], c)
	fill:
		for len(batch) < most {
			select {
			case c := <-w.changes:
				batch = append(batch, c)
			default:
				break fill
			}
		}
		err := w.write(batch)
		for _, c := range batch {
			if c.decision && err == nil {
				w.wake(c.id, c.text)
			}
			c.done <- err
		}
	}
}

// write makes the batch durable, all or nothing.
func (w *writer) write(batch []*change) error {
	_, err := w.begin.Exec()
	now := time.Now().UnixMicro()
	for i := 0; i < len(batch) && err == nil; i++ {
		err = w.apply(batch[i], now)
	}
	if err == nil {
		_, err = w.commit.Exec()
	}
	if err != nil {
		w.rollback.Exec()
	}
	return err
}

func (w *writer) apply(c *change, now int64) (err error) {
	kind := "create"
	if c.decision {
		kind = "decide"
		_, err = w.update.Exec(c.text, c.id)
	} else {
		_, err = w.insert.Exec(c.id, "pending", c.text, now)
	}
	if err == nil {
		_, err = w.audit.Exec(now, kind, c.id, c.text)
	}
	return err
}
