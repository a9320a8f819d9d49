package web

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// editPolicyPath is the page whose form has a whole document.
const editPolicyPath = "/policy/edit"

// policyEditView is the editor of the rule document, and what was found in what was typed.
type policyEditView struct {
	Text, Reason string
	Base         int64 // the version that the text is made of
	// Looked: the text was looked at. Refused is why it was not taken, in a sentence.
	Looked      bool
	Refused     string
	Examination approval.Examination
	// Lines are those of the text with what was found in each; About is what was found in the whole.
	Lines []ruleLine
	About []approval.Finding
	// Stale: another version holds by now.
	Stale bool
}

// Sound answers whether the document would be taken.
func (v policyEditView) Sound() bool {
	return v.Looked && len(v.Examination.Problems) == 0 && len(v.Examination.Failed()) == 0
}

func (w *Web) showPolicyEditor(r *http.Request, v visitor) (answer, error) {
	d, err := w.policyNow(r, v)
	if err != nil {
		return answer{}, err
	}
	return policyEditor(http.StatusOK, policyEditView{Text: d.Text, Base: d.Version}), nil
}

func policyEditor(status int, view policyEditView) answer {
	return answer{status: status, page: "policyedit", title: "Change the policy", data: view}
}

// editPolicy looks at what was typed, or makes it the next version.
func (w *Web) editPolicy(r *http.Request, v visitor) (answer, error) {
	if err := form(r); err != nil {
		return answer{}, err
	}
	base, err := strconv.ParseInt(r.PostForm.Get("base"), 10, 64)
	if err != nil {
		return answer{}, notAButton()
	}
	view := policyEditView{Text: strings.ReplaceAll(r.PostForm.Get("text"), "\r\n", "\n"), Reason: r.PostForm.Get("reason"), Base: base}
	switch r.PostForm.Get("do") {
	case "check":
		view.Examination, err = w.Service.ExaminePolicy(r.Context(), v.Actor, view.Text)
	case "apply":
		var c approval.PolicyChange
		if c, err = w.Service.ApplyPolicy(r.Context(), v.Actor, approval.NewPolicy{Text: view.Text, Reason: view.Reason, Expect: base}); err == nil {
			return w.policyChanged(c), nil
		}
	default:
		err = notAButton()
	}
	return w.lookedAt(r, v, view, err)
}

// lookedAt shows the text again, with all that was found in it.
func (w *Web) lookedAt(r *http.Request, v visitor, view policyEditView, refused error) (answer, error) {
	status := http.StatusOK
	if refused != nil {
		var here bool
		if status, here = shownOnPage(refused); !here {
			return answer{}, refused
		}
		view.Refused = refused.Error()
		var known *approval.Error
		if errors.As(refused, &known) && (known.Field == approval.ExpectedVersion || known.Field == "text") {
			view.Refused, view.Stale = sentenceOf(known.Message), known.Field == approval.ExpectedVersion
		}
		// What is wrong with the text is told in full, whatever else it was refused for.
		x, err := w.Service.ExaminePolicy(r.Context(), v.Actor, view.Text)
		if err != nil && approval.CodeOf(err) != approval.Invalid {
			return answer{}, err
		}
		view.Looked, view.Examination = err == nil, x
	} else {
		view.Looked = true
	}
	findings := append(append([]approval.Finding{}, view.Examination.Problems...), view.Examination.Warnings...)
	for _, t := range view.Examination.Failed() {
		for _, failure := range t.Failures {
			findings = append(findings, approval.Finding{Line: t.Line, Test: t.Name, Message: failure})
		}
	}
	view.Lines = linesOf(view.Text, findings)
	for _, f := range findings {
		if f.Line < 1 || f.Line > len(view.Lines) {
			view.About = append(view.About, f)
		}
	}
	if len(findings) == 0 {
		view.Lines = nil // nothing to point at
	}
	return policyEditor(status, view), nil
}

// sentenceOf begins a message about the text with what it is about.
func sentenceOf(message string) string {
	for _, verb := range []string{"was ", "is ", "has "} {
		if strings.HasPrefix(message, verb) {
			return "The document " + message
		}
	}
	return message
}
