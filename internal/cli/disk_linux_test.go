package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// child is the command in a process of its own, of which the kernel can be told what it may do.
type child struct {
	*exec.Cmd
	url, space, token string
	out               *bufio.Reader
	log               *locked
}

// nobody is a user who owns nothing.
const nobody = 65534

// publicFolder is a folder that other users can look into, too.
func publicFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("/tmp", "indent-disk-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}

// command answers the command, this test's own binary under the name by which it knows what it is.
func command(t *testing.T, args ...string) *child {
	t.Helper()
	name := filepath.Join(publicFolder(t), "indent")
	if err := os.Link(os.Args[0], name); err != nil {
		binary, err := os.ReadFile(os.Args[0])
		if err == nil {
			err = os.WriteFile(name, binary, 0o755)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	c := &child{Cmd: exec.Command(name, args...), log: &locked{}}
	c.Stderr = c.log
	return c
}

// begin starts a command that prints what it is, on a line of JSON, when it serves.
func (c *child) begin(t *testing.T) *child {
	t.Helper()
	out, err := c.StdoutPipe()
	if err == nil {
		err = c.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Process.Kill(); _ = c.Wait() })
	c.out = bufio.NewReader(out)
	return c
}

func startDev(t *testing.T, folder string) *child {
	t.Helper()
	c := command(t, "dev", "--addr", "127.0.0.1:0", "--data-dir", folder, "--json").begin(t)
	var told struct{ URL, Space, ReviewerEnv string }
	line, err := c.out.ReadString('\n')
	if err != nil || json.Unmarshal([]byte(line), &told) != nil {
		t.Fatalf("the server said %q, %v, %s", line, err, c.log)
	}
	c.url, c.space, c.token = told.URL, told.Space, tokenIn(t, told.ReviewerEnv)
	return c
}

// stopped ends a server as a supervisor does.
func (c *child) stopped(t *testing.T) {
	t.Helper()
	if err := c.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Errorf("the server ended with %v: %s", err, c.log)
	}
}

// answer is what a server says to one request.
type answer struct {
	status     int
	retryAfter string
	body       string
}

func (c *child) ask(t *testing.T, method, path, body string) answer {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+c.token)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, c.log)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response.StatusCode, response.Header.Get("Retry-After"), string(raw)}
}

func (c *child) create(t *testing.T, reason string) answer {
	t.Helper()
	return c.ask(t, "POST", "/v1/spaces/"+c.space+"/petitions", `{"petition":{"reason":"`+reason+`","resources":[{"id":"production","kind":"environment"}]}}`)
}

// name answers the name of a petition that was made.
func (a answer) name(t *testing.T) string {
	t.Helper()
	var made struct{ Name string }
	if err := json.Unmarshal([]byte(a.body), &made); err != nil || a.status != http.StatusOK || made.Name == "" {
		t.Fatalf("a petition was not made: %+v", a)
	}
	return made.Name
}

func (a answer) refused(t *testing.T, words string) {
	t.Helper()
	if a.status != http.StatusServiceUnavailable || a.retryAfter == "" || !strings.Contains(a.body, words) || !strings.Contains(a.body, `"unavailable"`) {
		t.Errorf("answered %+v, want 503, a time to come back, and %q", a, words)
	}
}

// become waits until the path answers so.
func (c *child) become(t *testing.T, path string, status int) answer {
	t.Helper()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for range 1000 {
		if a := c.ask(t, "GET", path, ""); a.status == status {
			return a
		}
		<-ticks.C
	}
	t.Fatalf("%s never answers %d: %s", path, status, c.log)
	return answer{}
}

// limitFiles sets how large the process's files may become: 0 is a disk that takes nothing any more.
func (c *child) limitFiles(t *testing.T, bytes uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: bytes, Max: ^uint64(0)}
	const fileSize = 1 // RLIMIT_FSIZE
	if _, _, err := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(c.Process.Pid), fileSize, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); err != 0 {
		t.Fatal(err)
	}
}

// A disk that takes nothing any more: what changes something is refused, what reads goes on, who waits waits on, and the
// server goes on by itself when there is room. Nothing that was acknowledged is lost, nothing that was refused is there.
func TestDiskThatIsFull(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	server := startDev(t, folder)
	fullDisk(t, server, folder, "the disk of the database", func() { server.limitFiles(t, 0) }, func() { server.limitFiles(t, ^uint64(0)) })
}

// The same on a real file system without room, where one can be mounted: in the nightly run.
func TestDiskThatIsReallyFull(t *testing.T) {
	t.Parallel()
	if os.Getenv("INDENT_TORTURE") == "" {
		return
	}
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size=8m"); err != nil {
		t.Logf("NOT PROVED: a small disk cannot be mounted here (%v); TestDiskThatIsFull stands for it", err)
		return
	}
	t.Cleanup(func() { _ = syscall.Unmount(folder, syscall.MNT_DETACH) })
	server := startDev(t, folder)
	filler := filepath.Join(folder, "filler")
	fullDisk(t, server, folder, "the disk of the database is full", func() {
		// page by page, so that not one is left
		f, err := os.Create(filler)
		for err == nil {
			_, err = f.Write(make([]byte, 4096))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		_ = f.Close()
		for range 200 { // the write-ahead log may have room left that it had before
			if server.create(t, "uses what is left").status != http.StatusOK {
				return
			}
		}
	}, func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	})
}

func fullDisk(t *testing.T, server *child, folder, words string, fill, free func()) {
	t.Helper()
	var kept []string
	for range 3 {
		kept = append(kept, server.create(t, "kept").name(t))
	}
	petition := "/v1/spaces/" + server.space + "/petitions/" + kept[0]
	waiter := make(chan answer, 1)
	go func() { waiter <- server.ask(t, "GET", petition+"?wait=60s", "") }()
	const approve = `{"claim":{"event":"access/approve","reason":"ok"}}`

	fill()
	server.create(t, "refused").refused(t, words)
	server.ask(t, "POST", petition+"/claims", approve).refused(t, words)
	server.become(t, "/readyz", http.StatusServiceUnavailable).refused(t, words)
	for _, path := range []string{petition, "/v1/spaces/" + server.space + "/petitions?search=kept", "/v1/spaces/" + server.space + "/events", "/healthz"} {
		if a := server.ask(t, "GET", path, ""); a.status != http.StatusOK || strings.Contains(a.body, `"phase":"granted"`) {
			t.Errorf("%s answers %+v", path, a)
		}
	}
	select {
	case a := <-waiter:
		t.Errorf("who waited was told %+v although nothing was decided", a)
	default:
	}

	free()
	server.become(t, "/readyz", http.StatusOK)
	if a := server.ask(t, "POST", petition+"/claims", approve); a.status != http.StatusOK {
		t.Errorf("with room again, a decision is answered %+v", a)
	}
	if a := <-waiter; a.status != http.StatusOK || !strings.Contains(a.body, `"phase":"granted"`) {
		t.Errorf("who waited is told %+v", a)
	}
	kept = append(kept, server.create(t, "kept").name(t))
	if err := server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = server.Wait()
	proveKept(t, startDev(t, folder), folder, kept)
}

// proveKept proves that what was acknowledged is there, what was refused is not, and that the file is whole.
func proveKept(t *testing.T, server *child, folder string, kept []string) {
	t.Helper()
	for _, name := range kept {
		if a := server.ask(t, "GET", "/v1/spaces/"+server.space+"/petitions/"+name, ""); a.status != http.StatusOK {
			t.Errorf("the petition %s was acknowledged and answers %+v", name, a)
		}
	}
	if a := server.ask(t, "GET", "/v1/spaces/"+server.space+"/petitions?search=refused", ""); !strings.Contains(a.body, `"petitions":[]`) {
		t.Errorf("what was refused is there: %+v", a)
	}
	backup := command(t, "backup", "--database", filepath.Join(folder, "indent.db"), filepath.Join(t.TempDir(), "check.backup"))
	if err := backup.Run(); err != nil {
		t.Errorf("the file is not whole: %v, %s", err, backup.log)
	}
}

// asUser makes the command run as a user whom the kernel does not let write everywhere, and makes the folder that user's.
func (c *child) asUser(t *testing.T, folder string) {
	t.Helper()
	if os.Geteuid() != 0 {
		return
	}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	entries, err := filepath.Glob(folder + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(entries, folder) {
		if err := os.Chown(path, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
}

// A folder or a file that the server may not write to: it does not start, or says what is wrong where one looks.
func TestDiskThatIsReadOnly(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(publicFolder(t), "data")
	startDev(t, folder).stopped(t)
	database := filepath.Join(folder, "indent.db")

	if err := os.Chmod(database, 0o400); err != nil {
		t.Fatal(err)
	}
	server := command(t, "serve", "--addr", "127.0.0.1:0", "--database", database, "--log-format", "json")
	server.asUser(t, folder)
	server.begin(t)
	server.url = servingURL(t, server)
	server.become(t, "/readyz", http.StatusServiceUnavailable).refused(t, "the database is read-only for the server")
	server.stopped(t)

	if err := os.Chmod(folder, 0o500); err != nil {
		t.Fatal(err)
	}
	for _, end := range []string{"-wal", "-shm", ".lock"} {
		if err := os.Remove(database + end); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
	server = command(t, "serve", "--addr", "127.0.0.1:0", "--database", database)
	server.asUser(t, folder)
	err := server.Run()
	if server.ProcessState.ExitCode() != exitError || !strings.Contains(server.log.String(), "must be able to write to the folder "+folder) {
		t.Errorf("it ended with %v: %s", err, server.log)
	}
}

// servingURL waits for the log's entry that says where the server is.
func servingURL(t *testing.T, server *child) string {
	t.Helper()
	ticks := time.NewTicker(20 * time.Millisecond)
	defer ticks.Stop()
	for range 1000 {
		for line := range strings.Lines(server.log.String()) {
			var entry struct{ Msg, URL string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "serving" {
				return entry.URL
			}
		}
		<-ticks.C
	}
	t.Fatalf("the server does not serve: %s", server.log)
	return ""
}

// A page of the file that is not what was written: what needs it is refused, what does not is answered, nothing is
// written any more, and a backup brings everything back.
func TestDiskThatDamagesAPage(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "data")
	database, backup := filepath.Join(folder, "indent.db"), filepath.Join(t.TempDir(), "indent.backup")
	server := startDev(t, folder)
	var kept []string
	for range 12 {
		kept = append(kept, server.create(t, strings.Repeat("a long reason ", 200)).name(t))
	}
	if made := command(t, "backup", "--database", database, backup); made.Run() != nil {
		t.Fatal(made.log)
	}
	server.stopped(t)
	damagePage(t, database, kept[5])

	server = startDev(t, folder)
	petitions := "/v1/spaces/" + server.space + "/petitions"
	server.ask(t, "GET", petitions+"/"+kept[5], "").refused(t, "the file of the database is damaged")
	server.become(t, "/readyz", http.StatusServiceUnavailable).refused(t, "restore a backup (indent restore)")
	server.create(t, "refused").refused(t, "damaged")
	for _, path := range []string{"/healthz", "/v1/spaces/" + server.space, "/v1/spaces/" + server.space + "/resources"} {
		if a := server.ask(t, "GET", path, ""); a.status != http.StatusOK {
			t.Errorf("%s does not need the page and answers %+v", path, a)
		}
	}
	server.stopped(t)

	check := command(t, "backup", "--database", database, backup+"-2")
	if err := check.Run(); check.ProcessState.ExitCode() != exitDamaged {
		t.Errorf("a backup of it ended with %v: %s", err, check.log)
	}
	restore := command(t, "restore", "--database", database, "--force", backup)
	if err := restore.Run(); err != nil {
		t.Fatalf("%v: %s", err, restore.log)
	}
	proveKept(t, startDev(t, folder), folder, kept)
}

// damagePage overwrites the beginning of the page on which the petition's row is.
func damagePage(t *testing.T, database, petition string) {
	t.Helper()
	raw, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	hurt := 0
	for page := 0; page < len(raw); page += 4096 {
		if row := raw[page : page+4096]; bytes.Contains(row, []byte("acmecorp"+petition+"open")) {
			copy(row, "damaged!")
			hurt++
		}
	}
	if hurt == 0 {
		t.Fatal("the petition's row was not found in the file")
	}
	if err := os.WriteFile(database, raw, 0o600); err != nil {
		t.Fatal(err)
	}
}
