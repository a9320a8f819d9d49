package api

import (
	"time"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
)

// What a test without a server stands on.
type (
	fixedClock  struct{}
	fixedIDs    struct{}
	quietBroker struct{}
)

func (fixedClock) Now() time.Time                                 { return approvaltest.Epoch }
func (fixedClock) After(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }
func (fixedIDs) UUID() string                                     { return "00000000-0000-7000-8000-000000000000" }
func (fixedIDs) Secret(n int) string                              { return "00000000"[:n] }
func (quietBroker) Subscribe(string) (<-chan struct{}, func())    { return nil, func() {} }
func (quietBroker) Gather() approval.Gathering                    { return nil }
func (quietBroker) Publish(...string)                             {}
func (quietBroker) Done() <-chan struct{}                         { return nil }
