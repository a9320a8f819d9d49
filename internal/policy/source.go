package policy

// source is the document as it is written. JSON is YAML, so both are read. The tags doc, min, max and the like are what
// the document's JSON Schema says (see schema.go); what is checked here is checked by the compiler as well.
type source struct {
	Version   *whole           `yaml:"version" doc:"Version of the format: 1." required:"true" const:"1"`
	Name      text             `yaml:"name" doc:"What the document is called." maxLength:"100"`
	Dev       bool             `yaml:"dev" doc:"Marks the policy of a server to play with: pages and log say so."`
	Schedules []sourceSchedule `yaml:"schedules" doc:"Who is on call, and when." maxItems:"50"`
	Changes   *sourceChanges   `yaml:"changes" doc:"Who must agree to a change of this document; without it an Owner changes it alone."`
	Rules     []sourceRule     `yaml:"rules" doc:"Tried in order: the first that matches decides. When none matches, the petition is denied." required:"true" minItems:"1" maxItems:"1000"`
	Tests     []sourceTest     `yaml:"tests" doc:"Petitions and what the rules must answer to them. A document whose tests fail is not taken." maxItems:"1000"`
}

// sourceChanges is how the document itself is changed.
type sourceChanges struct {
	place        `yaml:"-"`
	Require      *sourceStages `yaml:"require" doc:"Asks people, as a rule does: a change is a petition, and is made when they agree." required:"true"`
	DecideWithin *text         `yaml:"decideWithin" doc:"How long they have. 168h unless said." format:"duration"`
}

type sourceRule struct {
	place           `yaml:"-"`
	broken          error             // why it could not be read
	Name            text              `yaml:"name" doc:"Unique in the document; petitions, log and errors name it." required:"true" minLength:"1" maxLength:"100"`
	Description     text              `yaml:"description" doc:"One sentence that the petitioner and the reviewers read."`
	When            *text             `yaml:"when" doc:"A condition in CEL; without one the rule is for every petition." minLength:"1" maxLength:"10000"`
	Approve         *sourceApprove    `yaml:"approve" doc:"Grants at once." answer:"true"`
	Deny            *sourceDeny       `yaml:"deny" doc:"Refuses at once." answer:"true"`
	Require         *sourceStages     `yaml:"require" doc:"Asks people: one stage, or a list of stages in order." answer:"true"`
	BreakGlass      *sourceBreakGlass `yaml:"breakGlass" doc:"Grants at once in an emergency; people ratify it afterwards." answer:"true"`
	DecideWithin    *text             `yaml:"decideWithin" doc:"How long reviewers have; then the petition expires. 168h unless said." format:"duration"`
	DefaultDuration *text             `yaml:"defaultDuration" doc:"How long a grant holds when the petition does not say. 1h unless said." format:"duration"`
	MaxDuration     *text             `yaml:"maxDuration" doc:"The longest grant that may be asked for." format:"duration"`
	Denials         *whole            `yaml:"denials" doc:"How many reviewers must refuse to close the petition. 1 unless said." minimum:"1" maximum:"100"`
	Inputs          []sourceInput     `yaml:"inputs" doc:"Labels of the petition that the petitioner fills in." maxItems:"20"`
}

type sourceApprove struct {
	Duration *text `yaml:"duration" doc:"The longest grant, and the default." required:"true" format:"duration"`
}

type sourceDeny struct {
	Reason text `yaml:"reason" doc:"What the petitioner reads." required:"true" minLength:"1"`
}

// sourceStages is one stage, or a list of them.
type sourceStages struct {
	place
	list []sourceStage
}

// sourceStage is one requirement, or several that must all be met.
type sourceStage struct {
	place        `yaml:"-"`
	Name         *text               `yaml:"name" doc:"How distinctFrom of a later stage calls this one." minLength:"1" maxLength:"100"`
	All          []sourceRequirement `yaml:"all" doc:"Requirements that must all be met before the next stage begins; instead of the keys of one requirement." minItems:"1" maxItems:"20"`
	Reviewers    *sourceReviewers    `yaml:"reviewers" doc:"Who may decide."`
	Count        *whole              `yaml:"count" doc:"How many distinct persons must approve. 1 unless said." minimum:"1" maximum:"100"`
	SelfApproval bool                `yaml:"selfApproval" doc:"Lets the person who asks review as well; such a claim is marked."`
	Confirm      *text               `yaml:"confirm" doc:"passkey: each approval is confirmed with a passkey." enum:"passkey"`
	DistinctFrom []text              `yaml:"distinctFrom" doc:"Names of earlier stages: whoever approved there does not count here." maxItems:"9"`
	Notify       *sourceReviewers    `yaml:"notify" doc:"Who is told, instead of the reviewers. It gives nobody authority."`
	RemindAfter  *text               `yaml:"remindAfter" doc:"When, after the stage began, those who have not decided are told again." format:"duration"`
	Escalate     []sourceEscalation  `yaml:"escalate" doc:"Adds reviewers as time passes; those before stay." maxItems:"10"`
}

type sourceRequirement struct {
	place        `yaml:"-"`
	Reviewers    *sourceReviewers   `yaml:"reviewers" doc:"Who may decide." required:"true"`
	Count        *whole             `yaml:"count" doc:"How many distinct persons must approve. 1 unless said." minimum:"1" maximum:"100"`
	SelfApproval bool               `yaml:"selfApproval" doc:"Lets the person who asks review as well; such a claim is marked."`
	Confirm      *text              `yaml:"confirm" doc:"passkey: each approval is confirmed with a passkey." enum:"passkey"`
	DistinctFrom []text             `yaml:"distinctFrom" doc:"Names of earlier stages: whoever approved there does not count here." maxItems:"9"`
	Notify       *sourceReviewers   `yaml:"notify" doc:"Who is told, instead of the reviewers. It gives nobody authority."`
	RemindAfter  *text              `yaml:"remindAfter" doc:"When, after the stage began, those who have not decided are told again." format:"duration"`
	Escalate     []sourceEscalation `yaml:"escalate" doc:"Adds reviewers as time passes; those before stay." maxItems:"10"`
}

type sourceReviewers struct {
	place    `yaml:"-"`
	Roles    []text `yaml:"roles" doc:"Whoever has one of these roles in the space." enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Persons  []text `yaml:"persons" doc:"Addresses of persons." maxItems:"100"`
	Groups   []text `yaml:"groups" doc:"Names of groups in the directory: whoever is in one, through other groups too." maxItems:"100"`
	Managers *text  `yaml:"managers" doc:"The label of the petitioner's directory entry that names the manager." minLength:"1" maxLength:"200"`
	Owners   *text  `yaml:"owners" doc:"The label of a resource's directory entry that names its owners: addresses or names of groups, between commas. Each resource needs its own." minLength:"1" maxLength:"200"`
	OnCall   []text `yaml:"onCall" doc:"Names of schedules: whoever is on call at the moment of the claim." maxItems:"100"`
	Where    *text  `yaml:"where" doc:"A condition in CEL over reviewer: every member of whom it holds." minLength:"1" maxLength:"10000"`
}

type sourceEscalation struct {
	place     `yaml:"-"`
	After     *text            `yaml:"after" doc:"How long after the stage began." required:"true" format:"duration"`
	Reviewers *sourceReviewers `yaml:"reviewers" doc:"Who may decide from then on, too." required:"true"`
}

type sourceBreakGlass struct {
	place    `yaml:"-"`
	Who      *sourceReviewers `yaml:"who" doc:"Who may break the glass: by roles, persons, groups, onCall or where." required:"true"`
	Duration *text            `yaml:"duration" doc:"The longest grant, and the default." required:"true" format:"duration"`
	Review   *sourceReview    `yaml:"review" doc:"Who must ratify it, and within what time." required:"true"`
}

type sourceReview struct {
	place   `yaml:"-"`
	Require *sourceStages `yaml:"require" doc:"As require of a rule." required:"true"`
	Within  *text         `yaml:"within" doc:"How long the review may take, from the grant. What nobody ratifies in time ends." required:"true" format:"duration"`
}

type sourceInput struct {
	place       `yaml:"-"`
	Label       text     `yaml:"label" doc:"The label of the petition that is filled in." required:"true" minLength:"1" maxLength:"200"`
	Description text     `yaml:"description" doc:"What the petitioner reads."`
	Type        text     `yaml:"type" doc:"What may be filled in." required:"true" enum:"text,number,choice"`
	Optional    bool     `yaml:"optional" doc:"It may be left out."`
	Choices     []text   `yaml:"choices" doc:"Of a choice: what there is to choose from." maxItems:"50"`
	Min         *decimal `yaml:"min" doc:"Of a number: the least."`
	Max         *decimal `yaml:"max" doc:"Of a number: the most."`
	MaxLength   *whole   `yaml:"maxLength" doc:"Of a text: how many characters at most." minimum:"1" maximum:"1000"`
}

type sourceSchedule struct {
	place     `yaml:"-"`
	broken    error
	Name      text             `yaml:"name" doc:"How rules call it." required:"true" minLength:"1" maxLength:"100"`
	TimeZone  *text            `yaml:"timeZone" doc:"The zone of its wall-clock times, such as Europe/Berlin. UTC unless said."`
	Rotations []sourceRotation `yaml:"rotations" doc:"Each has one person on call at a time." maxItems:"20"`
	Overrides []sourceOverride `yaml:"overrides" doc:"Who is on call for a time instead of those of the rotations." maxItems:"200"`
	Source    *sourceSource    `yaml:"source" doc:"Where another system says who is on call, instead of rotations and overrides."`
	Fallback  *sourceFallback  `yaml:"fallback" doc:"Who stands in when nobody is on call, or when the source cannot be read."`
}

type sourceRotation struct {
	place    `yaml:"-"`
	Every    *text               `yaml:"every" doc:"How long a shift is: 12h, 1d or 2w." required:"true" pattern:"^[1-9][0-9]{0,2}[hdw]$"`
	Start    *text               `yaml:"start" doc:"When the first shift begins, such as 2026-01-05T09:00." required:"true" format:"wall"`
	Persons  []text              `yaml:"persons" doc:"Addresses, in the order of their shifts." required:"true" minItems:"1" maxItems:"100"`
	Restrict []sourceRestriction `yaml:"restrict" doc:"When the rotation holds; always unless said." maxItems:"20"`
}

type sourceRestriction struct {
	place `yaml:"-"`
	Days  []text `yaml:"days" doc:"The days on which it begins; every day unless said." enum:"mon,tue,wed,thu,fri,sat,sun"`
	From  *text  `yaml:"from" doc:"Such as 09:00; 00:00 unless said." pattern:"^([01][0-9]|2[0-3]):[0-5][0-9]$"`
	To    *text  `yaml:"to" doc:"Such as 17:00; 24:00 unless said. A time that is not after from is on the next day." pattern:"^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"`
}

type sourceOverride struct {
	place  `yaml:"-"`
	From   *text `yaml:"from" doc:"Such as 2026-12-24T09:00." required:"true" format:"wall"`
	To     *text `yaml:"to" doc:"Such as 2026-12-27T09:00." required:"true" format:"wall"`
	Person *text `yaml:"person" doc:"Address of who is on call." required:"true"`
}

type sourceSource struct {
	URL   *text `yaml:"url" doc:"An https address that answers {\"onCall\": [\"ada@example.com\"]}." required:"true"`
	Every *text `yaml:"every" doc:"How long an answer holds: 10s to 1h. 1m unless said." format:"duration"`
}

type sourceFallback struct {
	Group *text `yaml:"group" doc:"Name of a group in the directory." required:"true" minLength:"1"`
}

type sourceTest struct {
	place    `yaml:"-"`
	broken   error
	Name     text                       `yaml:"name" doc:"What it proves." required:"true" minLength:"1" maxLength:"200"`
	As       *sourceTestActor           `yaml:"as" doc:"Who asks; a Viewer unless said."`
	Petition *sourceTestPetition        `yaml:"petition" doc:"What is asked for." required:"true"`
	Known    []sourceTestResource       `yaml:"known" doc:"The directory's entries of what is asked for; none unless said." maxItems:"100"`
	Groups   map[string][]text          `yaml:"groups" doc:"Groups and who is in them: persons, service accounts, other groups."`
	Labels   map[string]map[string]text `yaml:"labels" doc:"Labels of persons in the directory, by address."`
	OnCall   map[string][]text          `yaml:"onCall" doc:"What the sources of schedules answer; one that is not named here cannot be read."`
	At       *text                      `yaml:"at" doc:"When it is asked, such as 2026-01-05T12:00:00Z, which it is unless said." format:"date-time"`
	Expect   *sourceExpect              `yaml:"expect" doc:"What the rules must answer." required:"true"`
}

type sourceTestActor struct {
	ID          text `yaml:"id" doc:"The address of a person, the id of a service account." required:"true" minLength:"1" maxLength:"1024"`
	Kind        text `yaml:"kind" doc:"user unless said." enum:"user,serviceAccount"`
	Role        text `yaml:"role" doc:"Viewer unless said." enum:"Viewer,Auditor,Petition Admin,Editor,Owner"`
	Person      text `yaml:"person" doc:"Address of the owner of a service account." maxLength:"320"`
	Email       text `yaml:"email" doc:"The id unless said, if that is an address." maxLength:"320"`
	DisplayName text `yaml:"displayName" doc:"What people read." maxLength:"500"`
}

type sourceTestPetition struct {
	place       `yaml:"-"`
	Petitioners []sourceTestResource `yaml:"petitioners" doc:"Who shall be allowed it; who asks unless said." maxItems:"20"`
	Resources   []sourceTestResource `yaml:"resources" doc:"What is asked for." required:"true" minItems:"1" maxItems:"100"`
	Reason      text                 `yaml:"reason" doc:"Why." maxLength:"4000"`
	Params      *freeValue           `yaml:"params" doc:"The action's arguments." type:"object"`
	Labels      map[string]text      `yaml:"labels" doc:"Labels of the petition."`
	Duration    *text                `yaml:"duration" doc:"For how long; policy's default unless said." format:"duration"`
	StartTime   *text                `yaml:"startTime" doc:"When the grant is to begin, after at, such as 2026-01-09T16:00:00Z; at once unless said." format:"date-time"`
}

type sourceTestResource struct {
	ID          text            `yaml:"id" doc:"Identifier." maxLength:"1024"`
	Kind        text            `yaml:"kind" doc:"What sort of thing it is." maxLength:"200"`
	DisplayName text            `yaml:"displayName" doc:"What people read." maxLength:"500"`
	Email       text            `yaml:"email" doc:"Address." maxLength:"320"`
	AltIDs      []text          `yaml:"altIds" doc:"Other identifiers of the same thing." maxItems:"32"`
	Labels      map[string]text `yaml:"labels" doc:"Free labels."`
}

// sourceExpect names what must hold; what it leaves out may be anything.
type sourceExpect struct {
	place        `yaml:"-"`
	Verdict      *text             `yaml:"verdict" doc:"What policy answers." required:"true" enum:"approve,deny,review,breakGlass"`
	Rule         *text             `yaml:"rule" doc:"Name of the rule that decides; no-rule when none matches, policy-error when one cannot be evaluated."`
	Stages       *sourceStages     `yaml:"stages" doc:"Who must agree, as require of a rule; of a breakGlass, who ratifies."`
	Reviewers    *sourceReviewers  `yaml:"reviewers" doc:"Who may decide, when there is one requirement."`
	Count        *whole            `yaml:"count" doc:"How many must approve, when there is one requirement." minimum:"1" maximum:"100"`
	Duration     *text             `yaml:"duration" doc:"How long the grant will hold." format:"duration"`
	MaxDuration  *text             `yaml:"maxDuration" doc:"The longest grant that may be asked for." format:"duration"`
	DecideWithin *text             `yaml:"decideWithin" doc:"How long reviewers have." format:"duration"`
	Denials      *whole            `yaml:"denials" doc:"How many must refuse to close it." minimum:"1" maximum:"100"`
	Inputs       []text            `yaml:"inputs" doc:"Labels that the petitioner fills in, in order."`
	Reason       *text             `yaml:"reason" doc:"What the petitioner reads, word for word."`
	OnCall       map[string][]text `yaml:"onCall" doc:"Who is on call at that time, by schedule."`
}
