package cli

import (
	"bufio"
	"encoding/binary"
	"errors"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/indent-approvals/indent/internal/app/apptest"
	"github.com/indent-approvals/indent/internal/policy"
)

// A login is kept in the keyring where there is one: of a double, over the wire as the library speaks it, so that several
// processes share it as they do a real one and it can be made to fail; and of GNOME's own daemon where that is installed.
// `make test` installs it and demands it; elsewhere the double is half of the proof.
func TestALoginIsKeptInTheKeyring(t *testing.T) {
	t.Parallel()
	kept := filepath.Join("testdata", "keyring", "kept.txtar")
	t.Run("double", func(t *testing.T) {
		t.Parallel()
		keyring := startKeyring(t)
		withKeyring(t, keyring.address, kept, nil)
	})
	t.Run("failing", func(t *testing.T) {
		t.Parallel()
		keyring := startKeyring(t)
		withKeyring(t, keyring.address, filepath.Join("testdata", "keyring", "failing.txtar"), map[string]func(*testscript.TestScript, bool, []string){
			"keyring": keyring.command,
		})
	})
	bus, errBus := exec.LookPath("dbus-daemon")
	daemon, errDaemon := exec.LookPath("gnome-keyring-daemon")
	if err := errors.Join(errBus, errDaemon); err != nil {
		if os.Getenv("CI") == "true" || os.Getenv("INDENT_TEST_REQUIRE_KEYRING") != "" {
			t.Fatal(err)
		}
		return
	}
	t.Run("GNOME", func(t *testing.T) {
		t.Parallel()
		withKeyring(t, startGNOME(t, bus, daemon), kept, nil)
	})
}

func withKeyring(t *testing.T, address, script string, commands map[string]func(*testscript.TestScript, bool, []string)) {
	t.Helper()
	server := apptest.Start(t, apptest.Options{Policy: policy.Dev()})
	all := map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "link": link(t.Context(), server)}
	maps.Copy(all, commands)
	testscript.Run(t, testscript.Params{
		Files: []string{script},
		Setup: func(env *testscript.Env) error {
			for name, value := range map[string]string{"INDENT_API_URL": server.URL(), "INDENT_API_TOKEN": "UNSET", "INDENT_SPACE": "UNSET", "BROWSER": "browser", "PRESS": "allow",
				"XDG_CONFIG_HOME": filepath.Join(env.WorkDir, "config"), "DBUS_SESSION_BUS_ADDRESS": address, "NO_COLOR": "1"} {
				env.Setenv(name, value)
			}
			return nil
		},
		Cmds: all,
	})
}

// startGNOME runs a bus and GNOME's keyring on it, with a folder and a password of their own, and answers the bus's address.
func startGNOME(t *testing.T, bus, daemon string) string {
	t.Helper()
	home := t.TempDir()
	env := append(os.Environ(), "HOME="+home, "XDG_DATA_HOME="+home, "XDG_RUNTIME_DIR="+home, "XDG_CONFIG_HOME="+home)
	start := func(cmd *exec.Cmd) *bufio.Reader {
		cmd.Env, cmd.Stderr = env, t.Output()
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
		return bufio.NewReader(out)
	}
	line, err := start(exec.Command(bus, "--session", "--nofork", "--print-address=1")).ReadString('\n')
	if err != nil {
		t.Fatalf("the bus does not start: %v", err)
	}
	address := strings.TrimSpace(line)
	env = append(env, "DBUS_SESSION_BUS_ADDRESS="+address)
	keyring := exec.Command(daemon, "--foreground", "--unlock", "--components=secrets")
	keyring.Stdin = strings.NewReader("a password of this test")
	start(keyring)
	conn, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for range 1000 {
		var serves bool
		if err := conn.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, "org.freedesktop.secrets").Store(&serves); err != nil {
			t.Fatal(err)
		}
		if serves {
			return address
		}
		<-ticks.C
	}
	t.Fatal("the keyring does not start")
	return ""
}

// keyringDouble is a session bus on which nothing is but the Secret Service (specifications.freedesktop.org/secret-service),
// as far as it is asked: one collection, that needs no unlocking.
type keyringDouble struct {
	address string

	mu     sync.Mutex
	broken bool
	items  map[dbus.ObjectPath]*keptItem
	made   int
}

type keptItem struct {
	attributes map[string]string
	value      []byte
}

func startKeyring(t *testing.T) *keyringDouble {
	t.Helper()
	folder, err := os.MkdirTemp("", "bus") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "bus")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	k := &keyringDouble{address: "unix:path=" + path, items: map[dbus.ObjectPath]*keptItem{}}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { k.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		serving.Wait()
		_ = os.RemoveAll(folder)
	})
	return k
}

// serve lets anybody in (the socket is in a folder of ours) and answers calls until the client has gone.
func (k *keyringDouble) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		answer := "ERROR\r\n"
		switch line = strings.Trim(line, "\x00\r\n"); {
		case line == "BEGIN":
			k.answerCalls(conn, in)
			return
		case line == "AUTH":
			answer = "REJECTED EXTERNAL\r\n"
		case strings.HasPrefix(line, "AUTH EXTERNAL"):
			answer = "OK 0123456789abcdef0123456789abcdef\r\n"
		}
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
	}
}

func (k *keyringDouble) answerCalls(conn net.Conn, in *bufio.Reader) {
	for {
		call, err := dbus.DecodeMessage(in)
		if err != nil {
			return
		}
		reply := &dbus.Message{Type: dbus.TypeMethodReply, Headers: map[dbus.HeaderField]dbus.Variant{dbus.FieldReplySerial: dbus.MakeVariant(call.Serial())}}
		body, failed := k.do(call)
		if failed != "" {
			reply.Type, body = dbus.TypeError, []any{"made to fail"}
			reply.Headers[dbus.FieldErrorName] = dbus.MakeVariant(failed)
		}
		if reply.Body = body; len(body) > 0 {
			reply.Headers[dbus.FieldSignature] = dbus.MakeVariant(dbus.SignatureOf(body...))
		}
		if reply.EncodeTo(conn, binary.LittleEndian) != nil {
			return
		}
	}
}

const (
	login  = dbus.ObjectPath("/org/freedesktop/secrets/collection/login")
	prompt = dbus.ObjectPath("/") // none
)

// do carries one call out; failed is the name of an error.
func (k *keyringDouble) do(call *dbus.Message) (body []any, failed string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	path, _ := call.Headers[dbus.FieldPath].Value().(dbus.ObjectPath)
	member, _ := call.Headers[dbus.FieldMember].Value().(string)
	if k.broken && member != "Hello" {
		return nil, "org.freedesktop.Secret.Error.IsLocked"
	}
	switch member {
	case "Hello":
		return []any{":1.1"}, ""
	case "Get":
		return []any{dbus.MakeVariant([]dbus.ObjectPath{login})}, ""
	case "OpenSession":
		return []any{dbus.MakeVariant(""), dbus.ObjectPath("/session")}, ""
	case "Unlock":
		return []any{call.Body[0], prompt}, ""
	case "Close":
		return nil, ""
	case "CreateItem":
		return []any{k.put(call.Body), prompt}, ""
	case "SearchItems":
		return []any{k.search(call.Body[0].(map[string]string))}, ""
	case "GetSecret":
		if item := k.items[path]; item != nil {
			return []any{struct {
				Session           dbus.ObjectPath
				Parameters, Value []byte
				ContentType       string
			}{"/session", []byte{}, item.value, "text/plain"}}, ""
		}
	case "Delete":
		delete(k.items, path)
		return []any{prompt}, ""
	}
	return nil, "org.freedesktop.DBus.Error.UnknownMethod"
}

// put makes an item, or replaces the one with the same attributes.
func (k *keyringDouble) put(body []any) dbus.ObjectPath {
	attributes := body[0].(map[string]dbus.Variant)["org.freedesktop.Secret.Item.Attributes"].Value().(map[string]string)
	value := body[1].([]any)[2].([]byte)
	found := k.search(attributes)
	if len(found) == 0 {
		k.made++
		found = append(found, login+"/"+dbus.ObjectPath(rune('a'+k.made)))
	}
	k.items[found[0]] = &keptItem{attributes, value}
	return found[0]
}

func (k *keyringDouble) search(attributes map[string]string) []dbus.ObjectPath {
	found := []dbus.ObjectPath{}
	for path, item := range k.items {
		if maps.Equal(item.attributes, attributes) {
			found = append(found, path)
		}
	}
	return found
}

// command is what a script does to the keyring: keyring breaks, works, ages (its access tokens look as if they end now), or
// whether it holds anything.
func (k *keyringDouble) command(ts *testscript.TestScript, neg bool, args []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch strings.Join(args[:1], "") {
	case "breaks":
		k.broken = true
	case "works":
		k.broken = false
	case "ages":
		for _, item := range k.items {
			item.value = regexp.MustCompile(`"expireTime":"[^"]*"`).ReplaceAll(item.value, []byte(`"expireTime":"2020-01-01T00:00:00Z"`))
		}
	case "holds":
		if (len(k.items) != 0) == neg {
			ts.Fatalf("it holds %d items", len(k.items))
		}
	default:
		ts.Fatalf("usage: keyring breaks|works|ages|holds")
	}
}
