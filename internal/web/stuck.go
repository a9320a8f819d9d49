package web

import (
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

// stuckNow answers what nobody could approve as things stand; nothing to who may not see members.
func (w *Web) stuckNow(ctx context.Context, v visitor) (now approval.StuckNow, err error) {
	for _, p := range []approval.Permission{approval.ReadPolicy, approval.ReadMembers, approval.ReadPetitions} {
		if !v.Can(p) {
			return now, nil
		}
	}
	return w.Service.StuckNow(ctx, v.Actor)
}
