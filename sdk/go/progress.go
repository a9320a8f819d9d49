package indent

import (
	"fmt"
	"io"
	"time"
)

// Kinds of [Progress].
const (
	ProgressRequested = "requested"
	ProgressMessage   = "message" // the server says what who asks should know, such as that too few people may approve
	ProgressResumed   = "resumed"
	ProgressWaiting   = "waiting" // a sign of life after 2, 4, 8 … seconds
	ProgressTrouble   = "trouble" // the server cannot be reached or fails; it is asked again
	ProgressGranted   = "granted"
	ProgressDenied    = "denied"
	ProgressExpired   = "expired"
	ProgressWithdrawn = "withdrawn"
	ProgressTimeout   = "timeout"
)

// Progress is something that happened to an approval that is being waited for.
type Progress struct {
	Kind     string
	Message  string        // the line that [PrintProgress] writes
	Petition *Petition     // as it was last seen; nil before it was made
	Elapsed  time.Duration // since the waiting began
	Err      error         // of ProgressTrouble
}

// PrintProgress answers a function for Request.OnProgress that writes a line to w, such as os.Stderr, for each thing that happens:
//
//	⏵ Requested approval #acmecorp/aec1b116-42b3-11ee-824e-42010aac000d
//	↳ Waiting for approval... (2s elapsed)
//	✅ Granted
func PrintProgress(w io.Writer) func(Progress) {
	return func(p Progress) { _, _ = fmt.Fprintln(w, printable(p.Message)) }
}

// firstSign is when the first sign of life is given; the next ones come after twice the time.
const firstSign = 2 * time.Second

func (w *watch) signOfLife() {
	passed := time.Duration(0)
	for w.nextSign <= w.elapsed() {
		passed, w.nextSign = w.nextSign, 2*w.nextSign
	}
	// at the very end the timeout itself is the news
	if passed > 0 && w.petition != nil && w.petition.Phase() == PhaseOpen && w.left() > 0 {
		w.tell(ProgressWaiting, "↳ Waiting for approval... (%ds elapsed)", int(passed.Seconds()))
	}
}

// tellTrouble tells of the first failure in a row only.
func (w *watch) tellTrouble() {
	if w.setbacks == 1 {
		w.tell(ProgressTrouble, "↳ Trying again: %v", w.trouble)
	}
}

func (w *watch) tell(kind, format string, args ...any) {
	if w.progress != nil {
		w.progress(Progress{Kind: kind, Message: fmt.Sprintf(format, args...), Petition: w.petition, Elapsed: w.elapsed(), Err: w.trouble})
	}
}
