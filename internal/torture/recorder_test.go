package torture

import (
	"path/filepath"
	"sync"
	"testing"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// The recorder stands between SQLite and the operating system: everything that SQLite does to the files of a recorded
// folder goes through and is noted down, in order. It is the VFS that SQLite's own documentation calls a shim: a copy of
// the system's, with the methods that change files replaced. SQLite uses it for all that this process opens, as the
// default; files of other folders pass.
//
// https://www.sqlite.org/vfs.html#vfs_shims

// kind is what an operation does.
type kind string

const (
	created   kind = "create"
	written   kind = "write"
	truncated kind = "truncate"
	synced    kind = "sync"
	removed   kind = "remove"
)

// operation is one change that SQLite made to a file.
type operation struct {
	kind   kind
	file   string // name within the folder
	offset int64  // of a write; the size after a truncation
	data   []byte
	folder bool // the folder's entries are on the disk, too
}

// recording is what happened in one folder.
type recording struct {
	mu         sync.Mutex
	operations []operation
	inFolder   map[string]bool // new files whose first sync also syncs the folder
}

// record begins to note down what SQLite does to files in the folder.
func record(t *testing.T, folder string) *recording {
	t.Helper()
	installRecorder(t)
	r := &recording{inFolder: map[string]bool{}}
	recorded.Store(folder, r)
	t.Cleanup(func() { recorded.Delete(folder) })
	return r
}

// now is how many operations there were.
func (r *recording) now() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.operations)
}

func (r *recording) add(o operation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.operations = append(r.operations, o)
}

var (
	recorded sync.Map // folder -> *recording
	files    sync.Map // sqlite3_file of a recorded file -> *openFile
	system   struct {
		once    sync.Once
		vfs     *sqlite3.Tsqlite3_vfs
		methods sync.Map // the system's sqlite3_io_methods -> address of ours
	}
)

// openFile is a file that SQLite has open in a recorded folder.
type openFile struct {
	in      *recording
	name    string
	methods *sqlite3.Tsqlite3_io_methods // the system's
}

// installRecorder makes the recorder the default VFS, once per process.
func installRecorder(t *testing.T) {
	t.Helper()
	system.once.Do(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		address := sqlite3.Xsqlite3_vfs_find(tls, 0)
		system.vfs = at[sqlite3.Tsqlite3_vfs](address)
		name, err := libc.CString("recorder")
		if err != nil {
			t.Fatal(err)
		}
		own := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(*system.vfs)))
		shim := at[sqlite3.Tsqlite3_vfs](own)
		*shim = *system.vfs
		shim.FpNext, shim.FzName = 0, name
		shim.FxOpen, shim.FxDelete = addressOf(recordOpen), addressOf(recordDelete)
		if code := sqlite3.Xsqlite3_vfs_register(tls, own, 1); code != sqlite3.SQLITE_OK {
			t.Fatalf("the recorder cannot be registered: %d", code)
		}
	})
}

func recordOpen(tls *libc.TLS, vfs, name, file uintptr, flags int32, outFlags uintptr) int32 {
	var r *recording
	var base string
	existed := false
	if name != 0 {
		if found, ok := recorded.Load(filepath.Dir(libc.GoString(name))); ok {
			r, base = found.(*recording), filepath.Base(libc.GoString(name))
			existed = exists(tls, vfs, name)
		}
	}
	code := function[func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32](system.vfs.FxOpen)(tls, vfs, name, file, flags, outFlags)
	if code != sqlite3.SQLITE_OK || r == nil {
		return code
	}
	opened := at[sqlite3.Tsqlite3_file](file)
	files.Store(file, &openFile{r, base, at[sqlite3.Tsqlite3_io_methods](opened.FpMethods)})
	opened.FpMethods = ourMethods(tls, opened.FpMethods)
	r.mu.Lock()
	defer r.mu.Unlock()
	if !existed {
		r.operations = append(r.operations, operation{kind: created, file: base})
	}
	const journals = sqlite3.SQLITE_OPEN_WAL | sqlite3.SQLITE_OPEN_MAIN_JOURNAL | sqlite3.SQLITE_OPEN_SUPER_JOURNAL
	if flags&sqlite3.SQLITE_OPEN_CREATE != 0 && flags&journals != 0 {
		r.inFolder[base] = true // unixOpen sets UNIXFILE_DIRSYNC
	}
	return code
}

func exists(tls *libc.TLS, vfs, name uintptr) bool {
	result := tls.Alloc(8)
	defer tls.Free(8)
	*at[int32](result) = 0
	function[func(*libc.TLS, uintptr, uintptr, int32, uintptr) int32](system.vfs.FxAccess)(tls, vfs, name, sqlite3.SQLITE_ACCESS_EXISTS, result)
	return *at[int32](result) != 0
}

// ourMethods answers the system's methods with those replaced that change a file.
func ourMethods(tls *libc.TLS, theirs uintptr) uintptr {
	if own, ok := system.methods.Load(theirs); ok {
		return own.(uintptr)
	}
	own := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
	methods := at[sqlite3.Tsqlite3_io_methods](own)
	*methods = *at[sqlite3.Tsqlite3_io_methods](theirs)
	methods.FxClose, methods.FxWrite = addressOf(recordClose), addressOf(recordWrite)
	methods.FxTruncate, methods.FxSync = addressOf(recordTruncate), addressOf(recordSync)
	kept, _ := system.methods.LoadOrStore(theirs, own)
	return kept.(uintptr)
}

func fileAt(file uintptr) *openFile {
	found, _ := files.Load(file)
	return found.(*openFile)
}

func recordClose(tls *libc.TLS, file uintptr) int32 {
	f := fileAt(file)
	files.Delete(file)
	return function[func(*libc.TLS, uintptr) int32](f.methods.FxClose)(tls, file)
}

func recordWrite(tls *libc.TLS, file, buffer uintptr, n int32, offset int64) int32 {
	f := fileAt(file)
	code := function[func(*libc.TLS, uintptr, uintptr, int32, int64) int32](f.methods.FxWrite)(tls, file, buffer, n, offset)
	if code == sqlite3.SQLITE_OK {
		data := append([]byte(nil), unsafe.Slice(at[byte](buffer), n)...)
		f.in.add(operation{kind: written, file: f.name, offset: offset, data: data})
	}
	return code
}

func recordTruncate(tls *libc.TLS, file uintptr, size int64) int32 {
	f := fileAt(file)
	code := function[func(*libc.TLS, uintptr, int64) int32](f.methods.FxTruncate)(tls, file, size)
	if code == sqlite3.SQLITE_OK {
		f.in.add(operation{kind: truncated, file: f.name, offset: size})
	}
	return code
}

func recordSync(tls *libc.TLS, file uintptr, flags int32) int32 {
	f := fileAt(file)
	code := function[func(*libc.TLS, uintptr, int32) int32](f.methods.FxSync)(tls, file, flags)
	if code == sqlite3.SQLITE_OK {
		f.in.mu.Lock()
		defer f.in.mu.Unlock()
		f.in.operations = append(f.in.operations, operation{kind: synced, file: f.name, folder: f.in.inFolder[f.name]})
		f.in.inFolder[f.name] = false
	}
	return code
}

func recordDelete(tls *libc.TLS, vfs, name uintptr, syncFolder int32) int32 {
	code := function[func(*libc.TLS, uintptr, uintptr, int32) int32](system.vfs.FxDelete)(tls, vfs, name, syncFolder)
	if found, ok := recorded.Load(filepath.Dir(libc.GoString(name))); ok && code == sqlite3.SQLITE_OK {
		found.(*recording).add(operation{kind: removed, file: filepath.Base(libc.GoString(name)), folder: syncFolder != 0})
	}
	return code
}

// at answers what C memory holds at an address.
func at[T any](address uintptr) *T { return *(**T)(unsafe.Pointer(&address)) }

// function answers the function that the C function pointer is, and addressOf the pointer of a function.
func function[F any](pointer uintptr) F {
	return *(*F)(unsafe.Pointer(&struct{ uintptr }{pointer}))
}

func addressOf(f any) uintptr { return (*[2]uintptr)(unsafe.Pointer(&f))[1] }
