package approval

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// PullPolicy says what a webhook lists for the directory of its space, when, and how far it is believed.
type PullPolicy struct {
	Space       string
	Name        string
	DisplayName string
	// Base says which of the listed resources are taken: its conditions look at resource alone, as the endpoint describes it.
	Base    PolicyBase
	Webhook string
	Kinds   []string // that are asked for, and the only ones that are taken
	Flags   map[string]string
	// Schedule is a line that [ParseCron] reads, "" for a policy that runs only when somebody asks.
	Schedule string
	// Labels are put on every entry that the policy brings, whatever the endpoint says.
	Labels map[string]string
	// TakeLabels are the keys of labels that are taken from the endpoint; "*" is all but those below indent.com/. No other is: a rule
	// may grant by any of them.
	TakeLabels []string
	// TakeIdentities takes emails and altIds from the endpoint, which say who and what is the same.
	TakeIdentities bool
	CreatedBy      Resource
	CreateTime     time.Time
	UpdateTime     time.Time
	Version        int64 // grows with each change
}

// Limits of pull policies.
const (
	MaxPullPolicies   = 50 // of a space
	MaxPullPolicyName = 60 // it begins the names of what it brings
	MaxPullKinds      = 50
	MaxPullFlags      = 50
	MaxPullFlag       = 1000
)

// AllLabels in TakeLabels stands for every label that is not below indent.com/.
const AllLabels = "*"

const ourLabels = "indent.com/"

// Check refuses a policy that is out of its limits. Its base and whether the webhook exists are looked at where it is made.
func (p PullPolicy) Check() error {
	if len(p.Name) > MaxPullPolicyName {
		return FieldError("name", "is longer than %d characters", MaxPullPolicyName)
	}
	if err := firstError(checkName("name", p.Name), checkLine("displayName", p.DisplayName, MaxDisplayName), checkName("webhook", p.Webhook), checkLine("schedule", p.Schedule, MaxCron),
		checkPullKinds("kinds", p.Kinds), checkPullFlags(p.Flags), checkLabels("labels", p.Labels), checkTakeLabels(p.TakeLabels)); err != nil {
		return err
	}
	for _, key := range []string{LabelBlock, LabelDeactivated} {
		if _, has := p.Labels[key]; has {
			return FieldError("labels."+key, "cannot be the same of all entries: leave it out")
		}
	}
	if v, has := p.Labels[LabelConfirm]; has && v != ConfirmPasskey {
		return FieldError("labels."+LabelConfirm, "must be %q, or left out", ConfirmPasskey)
	}
	if p.Schedule == "" {
		return nil
	}
	_, err := ParseCron("schedule", p.Schedule)
	return err
}

func checkPullKinds(field string, kinds []string) error {
	if len(kinds) == 0 || len(kinds) > MaxPullKinds {
		return FieldError(field, "needs 1 to %d entries, it has %d: the kinds of resources that the endpoint lists", MaxPullKinds, len(kinds))
	}
	for i, kind := range kinds {
		if kind == "" || slices.Contains(kinds[:i], kind) {
			return FieldError(field, "has %.100q twice, or an empty entry", kind)
		}
		if err := checkID(field, kind, MaxKind); err != nil {
			return err
		}
		if isOurKind(kind) {
			return FieldError(field, "has %.100q, which is the server's own: an endpoint cannot list it", kind)
		}
	}
	return nil
}

// isOurKind answers whether entries of the kind speak for the server itself: for its rules, or for who acts in a space without being
// a person.
func isOurKind(kind string) bool {
	lower := strings.ToLower(kind)
	return strings.HasPrefix(lower, "indent/") || lower == strings.ToLower(KindServiceAccount) || lower == KindSystem
}

func checkPullFlags(flags map[string]string) error {
	if len(flags) > MaxPullFlags {
		return FieldError("flags", "has %d entries, at most %d are allowed", len(flags), MaxPullFlags)
	}
	for _, key := range sortedKeys(flags) {
		if key == "" {
			return FieldError("flags", "has an empty key")
		}
		if err := firstError(checkID("flags (a key)", key, MaxLabelKey), checkProse("flags."+key, flags[key], MaxPullFlag)); err != nil {
			return err
		}
	}
	return nil
}

func checkTakeLabels(keys []string) error {
	if len(keys) > MaxLabels {
		return FieldError("takeLabels", "has %d entries, at most %d are allowed", len(keys), MaxLabels)
	}
	for i, key := range keys {
		if key == "" || slices.Contains(keys[:i], key) {
			return FieldError("takeLabels", "has %.100q twice, or an empty entry", key)
		}
		if err := checkID("takeLabels", key, MaxLabelKey); err != nil {
			return err
		}
	}
	return nil
}

// takes answers whether a label of that key is taken from the endpoint.
func (p PullPolicy) takes(key string) bool {
	return slices.Contains(p.TakeLabels, key) || slices.Contains(p.TakeLabels, AllLabels) && !strings.HasPrefix(strings.ToLower(key), ourLabels)
}

// next answers when the schedule says to pull next, zero when nobody says.
func (p PullPolicy) next(now time.Time) time.Time {
	if p.Schedule == "" {
		return time.Time{}
	}
	c, err := ParseCron("schedule", p.Schedule)
	if err != nil { // it was checked, by a version that knew another zone maybe
		return time.Time{}
	}
	return c.Next(now)
}

// resource answers the policy as it appears in events.
func (p PullPolicy) resource() Resource {
	return Resource{ID: p.Name, Kind: "pullPolicy", DisplayName: p.DisplayName}
}

// Pull is how the pulls of a policy stand. It is bookkeeping: what a pull changes is in the log.
type Pull struct {
	Space  string
	Policy string
	// Run is the pull that is going on, "" for none. It holds the policy until Until, and longer as long as it goes on: no other node
	// pulls meanwhile, and what it writes afterwards is refused.
	Run   string
	Until time.Time
	Begun time.Time
	// Asked is what somebody has asked for and no pull has begun with; nil: nothing.
	Asked *PullAsked
	// Last is the last pull that ended, Good the last whole one that worked; zero where there was none.
	Last, Good PullResult
	// Failures is how many whole pulls have failed since one worked, FailingSince when the first of them did.
	Failures     int
	FailingSince time.Time
	// Next is when the next pull begins, zero when nobody says.
	Next    time.Time
	Version int64
}

// PullAsked is a pull that somebody wants at once.
type PullAsked struct {
	ID    string
	By    string
	Kinds []string          // nil: those of the policy
	Flags map[string]string // beside those of the policy
	Force bool
	Time  time.Time
}

// PullState is how a pull ended.
type PullState string

// The states.
const (
	PullDone    PullState = "done"
	PullFailed  PullState = "failed"  // nothing was changed that stands in Problem; the last good state stays
	PullRefused PullState = "refused" // it would mark too much as gone: an Editor may force it
	PullNotSent PullState = "notSent" // a dry run of the webhook
	PullRunning PullState = "running" // it goes on, or begins soon
)

// PullResult is what came of one pull.
type PullResult struct {
	ID      string // of the pull that was asked for, or of the run
	State   PullState
	Problem string // what is wrong and what to do about it, "" when nothing is
	// Partial: it was asked for some kinds only, or with flags of somebody's own.
	Partial    bool
	Begin, End time.Time
	Listed     int // by the endpoint
	Taken      int // of these, by what the policy says
	Created    int
	Changed    int
	Gone       int // marked
	// Conflicts is how many were left alone because they are not the policy's, and Examples are some of these, with the reason.
	Conflicts int
	Examples  []string
	// Dropped are keys of labels, and "email" and "altIds", that the endpoint lists and the policy does not take: some of them.
	Dropped []string
	Pages   int
	Bytes   int64
}

// Thing is by what a policy knows again what an endpoint lists: a digest of its kind and its id, in whatever case.
type Thing [16]byte

func thingOf(r Resource) (t Thing) {
	sum := sha256.Sum256([]byte(strings.ToLower(r.Kind) + "\x00" + strings.ToLower(r.ID)))
	copy(t[:], sum[:])
	return t
}

// String answers 32 hexadecimal digits.
func (t Thing) String() string { return hex.EncodeToString(t[:]) }

// ParseThing reads what [Thing.String] wrote.
func ParseThing(text string) (t Thing, err error) {
	raw, err := hex.DecodeString(text)
	if err == nil && copy(t[:], raw) != len(t) {
		err = Errorf(Internal, "a digest of a thing has another length")
	}
	return t, err
}

// Pulled is the provenance of an entry of the directory: a policy brought it, and nobody has changed it since.
type Pulled struct {
	Name  string // of the entry
	Kind  string
	Thing Thing
	Gone  bool // it is marked
}

// PulledEntry is an entry of the directory and which policy brought it: "" for one that people made or changed.
type PulledEntry struct {
	Resource Resource
	Policy   string
	Thing    Thing
}

// NameOwner is a record that bears a name: a member, or an entry of the directory by its name. One of the two is "".
type NameOwner struct {
	Name     string
	Member   string
	Resource string
}

type (
	// PutPullPolicy inserts the policy (Expect 0; a name that exists is a Conflict) or replaces it if its version is Expect; the store
	// writes Expect+1.
	PutPullPolicy struct {
		Policy PullPolicy
		Expect int64
	}
	// DeletePullPolicy deletes by name, with how its pulls stand; a name that does not exist is NotFound. The entries that it brought
	// stay its own: a policy of that name takes them over.
	DeletePullPolicy struct{ Name string }
	// PutPull inserts how the pulls of a policy stand (Expect 0) or replaces it if its version is Expect; otherwise it is a Conflict. The store
	// writes Expect+1.
	PutPull struct {
		Pull   Pull
		Expect int64
	}
	// HoldPull demands that the run still has the policy; otherwise it is a Conflict.
	HoldPull struct{ Policy, Run string }
	// PutPulled inserts an entry that the policy brings (New; a name that exists is a Conflict), or replaces one that is still the policy's
	// (otherwise it is a Conflict).
	PutPulled struct {
		Resource Resource
		Policy   string
		Thing    Thing
		New      bool
	}
)

func (PutPullPolicy) write()    {}
func (DeletePullPolicy) write() {}
func (PutPull) write()          {}
func (HoldPull) write()         {}
func (PutPulled) write()        {}
