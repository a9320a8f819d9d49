package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

//go:embed static
var staticFiles embed.FS

type staticFile struct {
	content []byte
	hash    string
}

// statics are the embedded files by name, with the hash that their addresses carry.
var statics = readStatics()

func readStatics() map[string]staticFile {
	files := map[string]staticFile{}
	entries, err := fs.ReadDir(staticFiles, "static")
	if err != nil {
		panic(err) // the files are part of the program
	}
	for _, e := range entries {
		content, err := staticFiles.ReadFile("static/" + e.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		files[e.Name()] = staticFile{content, hex.EncodeToString(sum[:6])}
	}
	return files
}

// asset answers the address of a static file. It changes with the content, so that browsers may keep it for ever.
func asset(name string) string { return "/static/" + name + "?v=" + statics[name].hash }

func (w *Web) sendStatic(r *http.Request, _ visitor) (answer, error) {
	name := r.PathValue("file")
	file, ok := statics[name]
	if !ok {
		return answer{}, approval.Errorf(approval.NotFound, "There is nothing at this address.")
	}
	return answer{write: func(rw http.ResponseWriter) {
		rw.Header().Set("Cache-Control", "no-cache")
		if r.URL.Query().Get("v") == file.hash {
			rw.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		}
		rw.Header().Set("ETag", `"`+file.hash+`"`)
		http.ServeContent(rw, r, name, time.Time{}, bytes.NewReader(file.content))
	}}, nil
}
