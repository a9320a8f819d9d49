package approval

import "time"

// KindGroup is the kind of a membership that one group has in another.
const KindGroup = "group"

// Limits of groups.
const (
	MaxGroupMembers = 10_000 // of one group, and of the persons in it through nesting
	MaxGroupDepth   = 10     // how deep groups nest: a group without groups in it is 1
	MaxGroups       = 1_000  // how many groups one look at nesting follows
	maxGroupSource  = 500    // of the name of who said so
)

// GroupMember is one membership in a group. A group is an entry of the directory whose kind is group; the store keeps its
// memberships only as long as that entry.
type GroupMember struct {
	Space  string
	Group  string // name of the group's entry
	Kind   string // KindUser, KindServiceAccount or KindGroup
	Member string // Member.ID, or the name of a group's entry
	// Source is who said so: "" for people, else the sign-in provider, which alone takes it back.
	Source     string
	CreateTime time.Time
}

// IsGroup answers whether the entry is a group, and so may have members.
func (r Resource) IsGroup() bool { return lastSegment(r.Kind, "group") }
