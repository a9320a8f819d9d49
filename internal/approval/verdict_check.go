package approval

import (
	"slices"
	"time"
)

// check refuses a verdict that could grant without anybody agreeing, that nobody can ever meet, or that never ends.
func (v *Verdict) check() error {
	if v.DecideWithin <= 0 || v.DecideWithin > MaxDuration || v.DefaultDuration <= 0 || v.DefaultDuration > MaxDuration || v.MaxDuration < 0 {
		return Errorf(Internal, "the verdict's durations are out of range")
	}
	if v.MaxDuration > 0 && v.DefaultDuration > v.MaxDuration {
		return Errorf(Internal, "the verdict's default %s is longer than its maximum %s", v.DefaultDuration, v.MaxDuration)
	}
	if v.Denials < 0 {
		return Errorf(Internal, "the verdict asks for %d refusals", v.Denials)
	}
	switch v.Decision {
	case VerdictApprove:
		if b := v.BreakGlass; b != nil {
			if b.Within <= 0 || b.Within > MaxDuration {
				return Errorf(Internal, "the review after a broken glass takes %s", b.Within)
			}
			return checkStages(b.Requirements)
		}
		return nil
	case VerdictDeny:
		return nil
	case VerdictReview:
		return checkStages(v.Requirements)
	}
	return Errorf(Internal, "the verdict %q asks for nobody", v.Decision)
}

// checkStages refuses a stage that nobody decides, and so one that never ends.
func checkStages(list []Requirement) error {
	stages := stagesOf(list)
	if len(list) == 0 || stages > len(list) {
		return Errorf(Internal, "the verdict asks for nobody")
	}
	asks := make([]bool, stages)
	for i := range list {
		if err := list[i].check(); err != nil {
			return err
		}
		asks[list[i].Stage] = true
	}
	if empty := slices.Index(asks, false); empty >= 0 {
		return Errorf(Internal, "nobody is asked in stage %d of %d", empty+1, stages)
	}
	return nil
}

// check refuses a requirement that is met by nobody's approval, or that too few are named for.
func (r *Requirement) check() error {
	named := len(r.Reviewers.Persons)
	if named > 1 {
		named = len(slices.Compact(slices.Sorted(slices.Values(r.Reviewers.Persons))))
	}
	if r.Confirm != "" && r.Confirm != ConfirmPasskey {
		return Errorf(Internal, "a requirement asks to confirm with %q, which there is not", r.Confirm)
	}
	open := len(r.Reviewers.Roles) > 0 || r.Reviewers.looksUp()
	if r.Count < 1 || !open && named == 0 || !open && len(r.Escalate) == 0 && r.Count > named {
		return Errorf(Internal, "a requirement asks for %s by %s", counted(r.Count, "approval"), counted(named, "person"))
	}
	if r.Stage < 0 || r.Resource < 0 || r.RemindAfter < 0 || r.RemindAfter > MaxDuration {
		return Errorf(Internal, "a requirement's stage, resource or reminder is out of range")
	}
	for _, stage := range r.DistinctFrom {
		if stage < 0 || stage >= r.Stage {
			return Errorf(Internal, "a requirement of stage %d asks for others than in stage %d", r.Stage, stage)
		}
	}
	last := time.Duration(0)
	for _, e := range r.Escalate {
		if e.After <= 0 || e.After < last || e.After > MaxDuration {
			return Errorf(Internal, "the escalations of a requirement are not in the order of their times")
		}
		last = e.After
	}
	return nil
}
