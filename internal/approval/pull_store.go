package approval

import "context"

// PullReader is what the store keeps of pulls.
type PullReader interface {
	// PullPolicy answers one pull policy, and PullPolicies all of a space, by name.
	PullPolicy(ctx context.Context, space, name string) (PullPolicy, error)
	PullPolicies(ctx context.Context, space string) ([]PullPolicy, error)
	// Pull answers how the pulls of a policy stand, NotFound when there is no such policy; Pulls those of all of a space, by policy.
	Pull(ctx context.Context, space, policy string) (Pull, error)
	Pulls(ctx context.Context, space string) ([]Pull, error)
	// Pulled answers at most limit entries that a policy brought, by name, behind the name after.
	Pulled(ctx context.Context, space, policy, after string, limit int) ([]Pulled, error)
	// PulledEntries answers the entries of the directory that have one of the names, or that the policy brought and are one of the things
	// (at most MaxBulk of each), in no order.
	PulledEntries(ctx context.Context, space, policy string, names []string, things []Thing) ([]PulledEntry, error)
	// NameOwners answers who bears one of the names (in lower case, at most MaxBulk), in no order.
	NameOwners(ctx context.Context, space string, names []string) ([]NameOwner, error)
	// FailingPulls answers how many pull policies of the server have failed since they last worked.
	FailingPulls(ctx context.Context) (int64, error)
}
