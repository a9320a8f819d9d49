package approval

import (
	"context"
	"time"
)

// Store keeps everything. Its promise, the same on every engine (internal/store/storetest is the proof):
// Commit is all or nothing and durable when it answers nil; reads see every commit that was answered before;
// a row that does not exist is NotFound; a store that cannot answer is Unavailable.
type Store interface {
	// Commit writes one change in one transaction. It answers Conflict when an ExpectVersion is stale or a unique key
	// is taken, and then nothing of the change is written. It refuses (Internal) a change without an event.
	Commit(ctx context.Context, c Change) error

	Space(ctx context.Context, name string) (Space, error)
	// Spaces answers every space of the server, those that were deleted too, by name.
	Spaces(ctx context.Context) ([]Space, error)
	// SpacesOf answers the spaces in which id is a member that is not suspended, by name.
	SpacesOf(ctx context.Context, id string) ([]Space, error)
	Member(ctx context.Context, space, id string) (Member, error)
	// Aliases answers every name that stands beside one of names (in lower case, at most MaxNames) in one record: a directory
	// entry's id, address and altIds; a member's id and its identities. In lower case, in no order.
	Aliases(ctx context.Context, space string, names []string) ([]string, error)
	// AliasesOfEach answers the same for each of names that one record has, itself among them; names of none are left out.
	AliasesOfEach(ctx context.Context, space string, names []string) (map[string][]string, error)
	// Identity answers whose an identity is, NotFound when it is nobody's.
	Identity(ctx context.Context, space, identity string) (Identity, error)
	// Identities answers the identities of a member, ordered by identity.
	Identities(ctx context.Context, space, member string) ([]Identity, error)
	// GroupMembers answers the memberships in one group, ordered by kind, member and source.
	GroupMembers(ctx context.Context, space, group string) ([]GroupMember, error)
	// Memberships answers the memberships that one of members (at most MaxBulk, all of the kind) has in groups, ordered by
	// group, member and source.
	Memberships(ctx context.Context, space, kind string, members []string) ([]GroupMember, error)
	DelegationReader
	ApplicationStore
	// Members answers the members of a space of one kind ("" = all), ordered by id.
	Members(ctx context.Context, space, kind string) ([]Member, error)

	Petition(ctx context.Context, space, name string) (Petition, error)
	// RecentPetition answers the petition as this node wrote or read it last, without asking the database, while it knows it: every
	// state that it answers was committed, but another node may have changed it since. Nothing can be refused by it, and a change
	// that rests on it commits only if it is still that. It is in many hands: nobody changes it. nil is none.
	RecentPetition(space, name string) *Petition
	// PetitionsByName answers those of the named petitions (at most MaxBulk) that exist, in no order.
	PetitionsByName(ctx context.Context, space string, names []string) ([]Petition, error)
	// PhasesByName answers the phase of each of the named petitions (at most MaxBulk) that exists.
	PhasesByName(ctx context.Context, space string, names []string) (map[string]Phase, error)
	Petitions(ctx context.Context, q PetitionQuery) (Page[Petition], error)
	// Leases answers a page of leases, what ends first before the rest.
	Leases(ctx context.Context, q LeaseQuery) (Page[Lease], error)
	// Idempotency answers the record of a key, NotFound when the key was never used.
	Idempotency(ctx context.Context, space, actor, key string) (Idempotency, error)

	Resource(ctx context.Context, space, name string) (Resource, error)
	Resources(ctx context.Context, q ResourceQuery) (Page[Resource], error)
	// ResourcesByID answers the entries whose id is one of ids (at most MaxResources), in no order.
	ResourcesByID(ctx context.Context, space string, ids []string) ([]Resource, error)
	// ResourcesNamed answers the entries of which one of names (at most 2*MaxNames) is the id as it is written or, in lower
	// case, the id, the address or one of the altIds beside it; ordered by name.
	ResourcesNamed(ctx context.Context, space string, names []string) ([]Resource, error)

	// Events answers a page of the log, newest first unless Ascending.
	Events(ctx context.Context, q EventQuery) (Page[Event], error)
	// EventsAfter answers at most limit events after the cursor in log order, and only those behind which nothing
	// can still appear (see [Cursor]).
	EventsAfter(ctx context.Context, q EventQuery, after Cursor, limit int) ([]Event, error)
	// LastCursor answers the end of a space's log.
	LastCursor(ctx context.Context, space string) (Cursor, error)

	// Policy answers the newest document of the space, NotFound when there is none.
	Policy(ctx context.Context, space string) (PolicyDocument, error)
	// PolicyProposal answers what a petition for another policy asks for, NotFound for any other petition.
	PolicyProposal(ctx context.Context, space, petition string) (PolicyProposal, error)
	// PolicyHealth answers what was found stuck in the space's policy, NotFound when nothing ever was.
	PolicyHealth(ctx context.Context, space string) (PolicyHealth, error)
	// PolicyVersion answers one version of the space's document, NotFound when there is none.
	PolicyVersion(ctx context.Context, space string, version int64) (PolicyDocument, error)
	// Policies answers a page of the versions of the space's document, newest first, without their texts.
	Policies(ctx context.Context, space string, r PageRequest) (Page[PolicyDocument], error)

	Token(ctx context.Context, space, name string) (Token, error)
	TokenByHash(ctx context.Context, kind, hash string) (Token, error)
	// Tokens answers the tokens of the kinds in a space, newest first; of one member unless member is "".
	Tokens(ctx context.Context, space, member string, kinds ...string) ([]Token, error)
	// TouchTokens notes when tokens were used, each unless a later use is noted. It is bookkeeping and no change: it makes no
	// event, and a token that does not exist is passed over.
	TouchTokens(ctx context.Context, uses []TokenUse) error
	// Trusts answers the trusts of a service account, or of all when account is "", oldest first.
	Trusts(ctx context.Context, space, account string) ([]Trust, error)
	// Passkey answers one by its credential's id, NotFound when the space does not have it.
	Passkey(ctx context.Context, space, id string) (Passkey, error)
	// Passkeys answers the passkeys of a member, oldest first.
	Passkeys(ctx context.Context, space, member string) ([]Passkey, error)
	// OpenLogin stores a login that nobody has answered, unless most of its source are open at now: then it is TooMany. It
	// forgets logins that ended an hour before. It is in no log: it is a stranger's, and of no space yet.
	OpenLogin(ctx context.Context, l Login, most int) error
	Login(ctx context.Context, hash string) (Login, error)
	// LoginByUserHash answers the login whose code a person enters.
	LoginByUserHash(ctx context.Context, userHash string) (Login, error)
	RefreshToken(ctx context.Context, hash string) (RefreshToken, error)
	// Session answers what is kept of a session, NotFound for a token that is none.
	Session(ctx context.Context, space, name string) (Session, error)
	// Sessions answers the sessions of a member that have not ended at now, those that were used last first.
	Sessions(ctx context.Context, space, member string, now time.Time) ([]Session, error)
	// MappedRole answers the role that a member has by a group at a sign-in provider, NotFound when there is none. It goes
	// with the member.
	MappedRole(ctx context.Context, space, member string) (MappedRole, error)
	// Webhook answers one webhook, and Webhooks all of a space, by name.
	Webhook(ctx context.Context, space, name string) (Webhook, error)
	Webhooks(ctx context.Context, space string) ([]Webhook, error)
	// WebhookPolicy answers one webhook policy, and WebhookPolicies all of a space, by name.
	WebhookPolicy(ctx context.Context, space, name string) (WebhookPolicy, error)
	WebhookPolicies(ctx context.Context, space string) ([]WebhookPolicy, error)
	PullReader
	// SigningKeys answers all signing keys, newest first.
	SigningKeys(ctx context.Context) ([]SigningKey, error)

	// LeaseJobs takes at most limit jobs of a lane that are due at now and not leased, until now+lease, oldest first.
	LeaseJobs(ctx context.Context, lane string, now time.Time, lease time.Duration, limit int) ([]Job, error)
	// NextJob answers when the next job of the lane of timers can be taken; ok is false when there is none.
	NextJob(ctx context.Context) (at time.Time, ok bool, err error)
	// Lanes answers the lanes that have jobs, but that of timers, by name.
	Lanes(ctx context.Context) ([]Lane, error)
	// FinishJob deletes the jobs, each unless it was replaced or leased again since. One of a lane that was woken meanwhile it
	// gives free instead.
	FinishJob(ctx context.Context, jobs ...Job) error
	// RetryJob gives the lease back and lets the job run again at a later time, or when it was woken for.
	RetryJob(ctx context.Context, j Job, at time.Time) error

	// Ping answers Unavailable, with the cause inside, unless the store can read and write.
	Ping(ctx context.Context) error
}

// Change is everything that one use case writes: state, events and outgoing work, all or nothing.
type Change struct {
	Space  string
	Writes []Write
	Events []Event
}

// Write is one row that a [Change] writes: one of the Put…, Delete… and Use… types below.
type Write interface{ write() }

// The writes.
type (
	// PutPetition inserts the petition (Expect 0) or replaces it if its version is Expect; the store writes Expect+1. From the commit
	// on nobody changes it.
	PutPetition struct {
		Petition *Petition
		Expect   int64
		// SameLabels says that a replaced petition has the labels that are stored, which then need not be written again.
		SameLabels bool
	}
	// PutVote keeps that a person counts once in a stage of a petition (I5): a second one is a Conflict.
	PutVote struct {
		Petition, Person string
		Stage            int
	}
	// PutIdempotency keeps the key: a second one is a Conflict.
	PutIdempotency struct{ Idempotency Idempotency }
	// PutResource inserts or replaces by name. With MustBeNew, an existing name is a Conflict. An entry that is not a group
	// loses the memberships of and in it.
	PutResource struct {
		Resource  Resource
		MustBeNew bool
	}
	// DeleteResource deletes by name, with the memberships of and in a group of that name; a name that does not exist is
	// NotFound.
	DeleteResource struct{ Name string }
	// PutSpace inserts the space (Expect 0) or replaces it if its version is Expect; the store writes Expect+1.
	PutSpace struct {
		Space  Space
		Expect int64
	}
	// PutMember inserts or replaces by id. With MustBeNew, an existing id is a Conflict.
	PutMember struct {
		Member    Member
		MustBeNew bool
	}
	// PutGroupMember inserts; one that exists stays as it is. A group that is not in the directory, or a member that does not
	// exist, is NotFound.
	PutGroupMember struct{ GroupMember GroupMember }
	// DeleteGroupMember deletes by all but the time; one that does not exist is NotFound.
	DeleteGroupMember struct{ GroupMember GroupMember }
	// DeleteMember deletes by id, with the member's identities, memberships in groups and delegations, away and deputy; an id that
	// does not exist is NotFound.
	DeleteMember struct{ ID string }
	// PutIdentity inserts; an identity that is somebody's is a Conflict.
	PutIdentity struct{ Identity Identity }
	// DeleteIdentity deletes; an identity that does not exist is NotFound.
	DeleteIdentity struct{ Identity string }
	// PutToken inserts a token.
	PutToken struct{ Token Token }
	// EndToken sets RevokeTime of a token that is not yet revoked or used; otherwise it is a Conflict (one-use).
	EndToken struct {
		Name string
		At   time.Time
	}
	// ShortenToken lets a token that is not yet revoked or used end at End, unless it ends before; otherwise it is a Conflict.
	ShortenToken struct {
		Name string
		End  time.Time
	}
	// PutTrust inserts a trust.
	PutTrust struct{ Trust Trust }
	// DeleteTrust deletes by name; a name that does not exist is NotFound.
	DeleteTrust struct{ Name string }
	// PutLogin inserts a login that began in a person's browser.
	PutLogin struct{ Login Login }
	// AnswerLogin sets State, Space (the change's), Member, Scopes and Session of an open login; otherwise it is a Conflict.
	AnswerLogin struct{ Login Login }
	// UseLogin sets the State of an allowed login of the change's space to used; otherwise it is a Conflict (one-use).
	UseLogin struct{ Hash string }
	// RefuseLogins sets the State of every allowed login of a member of the change's space to refused; there may be none.
	RefuseLogins struct{ Member string }
	// PutRefreshToken inserts, and forgets those of its family that expired before it was made.
	PutRefreshToken struct{ RefreshToken RefreshToken }
	// UseRefreshToken sets UseTime of a refresh token that is not used; otherwise it is a Conflict (one-use).
	UseRefreshToken struct {
		Hash string
		At   time.Time
	}
	// PutPolicy inserts the document's next version; a version that exists is a Conflict.
	PutPolicy struct{ Document PolicyDocument }
	// PutPolicyProposal inserts what a petition of the change's space asks for.
	PutPolicyProposal struct{ Proposal PolicyProposal }
	// PutPolicyHealth inserts what was found stuck in the policy of the change's space (Expect 0) or replaces it if its version is
	// Expect; the store writes Expect+1.
	PutPolicyHealth struct {
		Health PolicyHealth
		Expect int64
	}
	// PutSigningKey inserts a key.
	PutSigningKey struct{ Key SigningKey }
	// DeleteSigningKey deletes by id; an id that does not exist is a Conflict.
	DeleteSigningKey struct{ ID string }
	// PutWebhook inserts the webhook (Expect 0; a name that exists is a Conflict) or replaces it if its version is Expect; the
	// store writes Expect+1.
	PutWebhook struct {
		Webhook Webhook
		Expect  int64
	}
	// DeleteWebhook deletes by name, with its health and the log of its calls, if its version is Expect; otherwise, and while it holds
	// access, it is a Conflict.
	DeleteWebhook struct {
		Name   string
		Expect int64
	}
	// PutPasskey inserts; a credential that is known, in whatever space, is a Conflict, and so is a second First of a member.
	PutPasskey struct{ Passkey Passkey }
	// UsePasskey sets the counter and LastUsed if the counter is still Expect; otherwise it is a Conflict.
	UsePasskey struct {
		ID              string
		Expect, Counter int64
		At              time.Time
	}
	// DeletePasskey deletes; one that does not exist is NotFound.
	DeletePasskey struct{ ID string }
	// PutChallenge inserts, or replaces the session's last one of the purpose. Those that are over at Now are deleted.
	PutChallenge struct {
		Challenge Challenge
		Now       time.Time
	}
	// UseChallenge deletes a challenge that is not over; one that is, or that was used or replaced, is a Conflict.
	UseChallenge struct {
		Session, Purpose, Hash string
		Now                    time.Time
	}
	// PutConfirmation keeps that a signature was used: a second time is a Conflict.
	PutConfirmation struct{ Use string }
	// PutJob inserts or replaces the job with the same key, free of any lease.
	PutJob struct{ Job Job }
	// DeleteJob deletes by key, if it is there.
	DeleteJob struct{ Key string }
)

func (PutPetition) write()       {}
func (PutVote) write()           {}
func (PutIdempotency) write()    {}
func (PutResource) write()       {}
func (DeleteResource) write()    {}
func (PutSpace) write()          {}
func (PutMember) write()         {}
func (DeleteMember) write()      {}
func (PutGroupMember) write()    {}
func (DeleteGroupMember) write() {}
func (PutIdentity) write()       {}
func (DeleteIdentity) write()    {}
func (PutToken) write()          {}
func (EndToken) write()          {}
func (PutPolicy) write()         {}
func (PutPolicyProposal) write() {}
func (PutPolicyHealth) write()   {}
func (PutSigningKey) write()     {}
func (PutJob) write()            {}
func (DeleteJob) write()         {}
func (ShortenToken) write()      {}
func (PutTrust) write()          {}
func (DeleteTrust) write()       {}
func (DeleteSigningKey) write()  {}
func (PutWebhook) write()        {}
func (DeleteWebhook) write()     {}

// PetitionQuery selects petitions of a space, newest first unless Page.Ascending.
type PetitionQuery struct {
	Space      string
	Phases     []Phase // nil: all
	Petitioner string  // id of a petitioner or of the creator; "": all
	Words      []string
	Selector   Selector
	Page       PageRequest
}

// ResourceQuery selects resources of a space, by name ascending.
type ResourceQuery struct {
	Space    string
	View     View // "": all
	Words    []string
	Selector Selector
	Page     PageRequest
}

// EventQuery selects events of a space.
type EventQuery struct {
	Space    string
	Petition string
	Actor    string // actor id
	Event    string
	Since    time.Time // inclusive
	Until    time.Time // exclusive
	Page     PageRequest
}

// Policy answers a petition before a human is asked. An error never approves: the use case falls back to review by
// the space's owners.
type Policy interface {
	Decide(ctx context.Context, in PolicyInput) (Verdict, error)
	// OnCall answers who is on call for a schedule of the document at a time, NotFound when the document has no such schedule.
	OnCall(ctx context.Context, d PolicyDocument, schedule string, at time.Time) (OnCall, error)
	// Selects answers whether a condition over reviewer, which the document has, holds of the candidate. An error means that
	// nobody can tell: the candidate must not review by it.
	Selects(ctx context.Context, d PolicyDocument, where string, c Candidate) (bool, error)
}

// PolicyDocuments reads rule documents before they are taken. It writes nothing and knows nothing of a space.
type PolicyDocuments interface {
	// Examine compiles a document and runs the tests that are part of it. What is wrong with the text is part of the answer;
	// an error means that it could not be looked at.
	Examine(ctx context.Context, text string) (Examination, error)
	// Explain answers the verdict for the input, as [Policy.Decide] does, with each rule that was tried on the way. A document
	// that does not compile is Invalid.
	Explain(ctx context.Context, in PolicyInput) (Explanation, error)
	// Check looks for what would go wrong with a document in a space: petitions that could wait for ever, rules that nothing
	// reaches, and rules that contradict. A document that does not compile is Invalid.
	Check(ctx context.Context, text string, d PolicyDirectory) ([]PolicyFinding, error)
	// Turns answers whether what a check of the document finds may change with time alone: it names a schedule, or looks at the
	// time. A document that does not compile is Invalid.
	Turns(ctx context.Context, d PolicyDocument) (bool, error)
	// Diff answers what to do to the first text to get the second, as a unified diff; "" for the same text.
	Diff(from, to PolicyDocument) string
}

// Conditions compiles and evaluates the conditions of policies about resources ([PolicyBase]). It writes nothing.
type Conditions interface {
	// CheckCondition refuses (Invalid) a text that is no condition, with the line and column of what is wrong.
	CheckCondition(text string) error
	// Holds answers whether a condition holds. An error means that nobody can tell; it is Unavailable where it can be tried again.
	Holds(ctx context.Context, text string, in ConditionInput) (bool, error)
	// CheckListed and Listed are the same of a condition over resource alone, as an endpoint lists it.
	CheckListed(text string) error
	Listed(ctx context.Context, text string, r Resource) (bool, error)
}

// PolicyInput is what a rule may look at: the petition as checked, who asks, and the directory's own record of what is
// asked for. Petition.Resources are the petitioner's words; Known, Groups and Labels answer the server's (I13). They read
// the store, so a document calls them only when one of its rules looks there.
type PolicyInput struct {
	Space    string
	Petition *Petition // which nobody changes
	Actor    Actor
	Lookups
	Now      time.Time
	Document PolicyDocument
}

// Lookups are what rules may look up in the directory of a space. They are of no petition, so that they are made once.
type Lookups struct {
	// Known answers the entries of the asked resources, those that exist.
	Known func(ctx context.Context, space string, asked []Resource) ([]Resource, error)
	// Groups answers the names of all groups that a member is in, through whatever nesting; of who is no member, none.
	Groups func(ctx context.Context, space, member string) ([]string, error)
	// Labels answers the labels of the directory's entry of a member; where several entries bear its id, those of all of
	// which none says otherwise.
	Labels func(ctx context.Context, space, member string) (map[string]string, error)
}

// Clock tells the time and wakes sleepers; tests bring their own.
type Clock interface {
	// Now answers UTC in whole microseconds.
	Now() time.Time
	// After answers a channel that receives once d has passed, and a stop that frees it.
	After(d time.Duration) (<-chan time.Time, func())
}

// IDs makes names and secrets.
type IDs interface {
	UUID() string
	// Secret answers n random characters of 0-9A-Za-z, from the system's cryptographic source.
	Secret(n int) string
}

// Vault encrypts what must not be read from the storage alone. What was sealed for one place opens for no other: place says whose
// secret it is. A vault without a key answers Unavailable.
type Vault interface {
	Seal(place, text string) (sealed string, err error)
	Open(place, sealed string) (text string, err error)
}

// Endpoints makes calls to webhooks. Whatever goes wrong with a call is in its answer.
type Endpoints interface {
	Call(ctx context.Context, t WebhookTarget, c WebhookCall) (WebhookAnswer, error)
	// Pull makes a call PullUpdate and hands over each resource as it comes. They count only when it is done; an error of take ends it.
	Pull(ctx context.Context, t WebhookTarget, c WebhookCall, take func(Resource) error) (WebhookAnswer, error)
	// PublicKey answers what verifies the signatures v1a of a key.
	PublicKey(k WebhookKey) string
}

// noVault and noEndpoints are what stands where a program makes no webhooks.
type noVault struct{}

func (noVault) Seal(string, string) (string, error) { return "", errNoVault }
func (noVault) Open(string, string) (string, error) { return "", errNoVault }

var errNoVault = Errorf(Unavailable, "this server has no key to keep secrets with, and so no webhooks: its operator sets seal_keys")

type noEndpoints struct{}

func (noEndpoints) Call(context.Context, WebhookTarget, WebhookCall) (WebhookAnswer, error) {
	return WebhookAnswer{}, Errorf(Unavailable, "this program makes no calls to webhooks")
}

func (noEndpoints) Pull(context.Context, WebhookTarget, WebhookCall, func(Resource) error) (WebhookAnswer, error) {
	return WebhookAnswer{}, Errorf(Unavailable, "this program makes no calls to webhooks")
}

func (noEndpoints) PublicKey(WebhookKey) string { return "" }

// Limits bounds what one actor may cost. A budget that is spent answers TooMany, with a time to come back.
type Limits interface {
	// Call counts a call of an actor whom only the use case knows: who exchanges a credential for a token.
	Call(a Actor) error
	// Petition counts a petition that the actor asks for.
	Petition(a Actor) error
	// Refusal counts a refused attempt of the actor. With an error the attempt is not written to the log; tell says that
	// the log is to be told so, once in a while.
	Refusal(a Actor) (tell bool, err error)
}

// noLimits bounds nothing.
type noLimits struct{}

func (noLimits) Call(Actor) error                     { return nil }
func (noLimits) Petition(Actor) error                 { return nil }
func (noLimits) Refusal(Actor) (tell bool, err error) { return false, nil }

// Broker tells waiters that something may have changed. It is only ever a hint: whoever is woken reads the store.
type Broker interface {
	// Subscribe answers a channel that receives after every Publish of the topic from now on; hints may be merged.
	Subscribe(topic string) (hints <-chan struct{}, cancel func())
	// Gather answers a subscription to many topics, none yet.
	Gather() Gathering
	// Publish wakes the topic's subscribers, on this node at once and on others soon.
	Publish(topics ...string)
	// Done is closed when the server stops: waiters answer what they have.
	Done() <-chan struct{}
}

// Gathering is one subscription to many topics that tells which of them were published. Whoever is done removes them all.
type Gathering interface {
	// Add subscribes to the topic from now on.
	Add(topic string)
	Remove(topic string)
	// Hints receives when Take has something to answer.
	Hints() <-chan struct{}
	// Take answers the topics that were published since it was last asked, each once, or any when some may have got lost.
	Take() (topics []string, any bool)
}
