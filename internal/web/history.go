package web

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

// historyEntry is one line of a petition's timeline.
type historyEntry struct {
	approval.Event
	Kind string // its colour
	Did  string // what the actor did, behind the actor's name
	// Nameless is what followed from the claim before it: Did stands alone.
	Nameless bool
	Until    time.Time
	Marks    []string
}

// deeds says what each event means, behind the name of who did it.
var deeds = map[string]struct{ kind, did string }{
	approval.EventRequest: {"asked", "asked"},
	approval.EventApprove: {"approved", "approved"},
	approval.EventDeny:    {"denied", "denied"},
	approval.EventGrant:   {"approved", "granted"},
	approval.EventRevoke:  {"over", "revoked the grant"},
	approval.EventEnd:     {"over", "ended the grant: its time was up"},
	approval.EventExpire:  {"over", "closed it: nobody decided in time"},
	approval.EventStart:   {"approved", "began the grant"},
	approval.EventWarn:    {"over", "told that the grant ends soon"},
	approval.EventExtend:  {"approved", "found that another petition goes on with it"},
	approval.EventClose:   {"over", "closed it: nothing is left to undo"},
	approval.EventRefused: {"refused", "was refused"},

	approval.EventEscalate:      {"over", "asked more reviewers: nobody had decided in time"},
	approval.EventRemind:        {"over", "reminded the reviewers"},
	approval.EventRatify:        {"approved", "found it ratified"},
	approval.EventUnratified:    {"denied", "ended it: it was not ratified"},
	approval.EventUnsatisfiable: {"refused", "found that nobody can grant it as things stand"},
	approval.EventSatisfiable:   {"over", "found that it can be granted again"},
	approval.EventRecount:       {"over", "counted the approvals anew"},
}

func historyOf(p approval.Petition, events []approval.Event) []historyEntry {
	entries := make([]historyEntry, 0, len(events))
	for _, e := range events {
		entry := historyEntry{Event: e, Kind: deeds[e.Event].kind, Did: deeds[e.Event].did}
		if kind, did := webhookDeed(e); did != "" {
			entry.Kind, entry.Did, entry.Nameless = kind, did, e.Actor.Kind == approval.KindSystem
		}
		if entry.Did == "" {
			entry.Kind, entry.Did = "over", e.Event
		}
		asker := p.AskedBy(e.Actor)
		switch {
		case e.Event == approval.EventApprove && p.Verdict.BreakGlass != nil:
			entry.Did = "ratified it"
		case e.Event == approval.EventDeny && p.Verdict.BreakGlass != nil:
			entry.Did = "did not ratify it"
		case e.Event == approval.EventDeny && asker:
			entry.Kind, entry.Did = "over", "withdrew it"
		case e.Event == approval.EventRevoke && asker:
			entry.Did = "gave it back"
		case e.Event == approval.EventGrant:
			entry.Did, entry.Until = grantWords(e)
			entry.Nameless = e.Actor.Kind != approval.KindSystem
		case e.Event == approval.EventRequest:
			entry.Reason = "" // it stands above, in full
		}
		entry.Marks = append(marksOf(e), stageMark(p, e)...)
		entries = append(entries, entry)
	}
	return entries
}

func grantWords(e approval.Event) (did string, until time.Time) {
	if end, err := time.Parse(time.RFC3339Nano, e.Label(approval.LabelTimeExpires)); err == nil {
		until = end
	}
	switch {
	case e.Actor.Kind == approval.KindSystem && until.IsZero():
		return "granted it by rule, until revoked", until
	case e.Actor.Kind == approval.KindSystem:
		return "granted it by rule until", until
	case until.IsZero():
		return "Granted until revoked", until
	}
	return "Granted until", until
}

func marksOf(e approval.Event) []string {
	var marks []string
	if away := e.Label(approval.LabelOnBehalfOf); away != "" {
		marks = append(marks, "on behalf of "+away)
	}
	if hook := e.Label(approval.LabelWebhook); hook != "" && (e.Event == approval.EventApprove || e.Event == approval.EventDeny) {
		marks = append(marks, "answered by webhook "+hook)
	}
	if e.Event == approval.EventApprove && e.Label(approval.LabelSelfApproval) == "true" {
		marks = append(marks, "self-approval")
	}
	if e.Label(approval.LabelPolicyDev) == "true" && (e.Event == approval.EventApprove || e.Event == approval.EventGrant) {
		marks = append(marks, "dev policy")
	}
	if e.Event == approval.EventApprove {
		if e.Label(approval.LabelCredential) != "" {
			marks = append(marks, "confirmed with a passkey")
		}
		if d := e.Label(approval.LabelTimeDuration); d != "" {
			if parsed, err := time.ParseDuration(d); err == nil {
				marks = append(marks, "for "+duration(parsed))
			}
		}
		if e.Label(approval.LabelTimeIndefinite) == "true" {
			marks = append(marks, "until revoked")
		}
	}
	return marks
}

// stageMark says in which stage an event was, where there are several.
func stageMark(p approval.Petition, e approval.Event) []string {
	text, _, _ := strings.Cut(e.Label(approval.LabelRequirements), ",")
	if e.Event == approval.EventEscalate || e.Event == approval.EventRemind {
		text = e.Label(approval.LabelRequirement)
	}
	i, err := strconv.Atoi(text)
	if err != nil || i < 0 || i >= len(askedOf(p)) || !slices.ContainsFunc(askedOf(p), func(r approval.Requirement) bool { return r.Stage > 0 }) {
		return nil
	}
	return []string{"stage " + strconv.Itoa(askedOf(p)[i].Stage+1)}
}
