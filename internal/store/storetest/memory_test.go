package storetest_test

import (
	"testing"

	"github.com/indent-approvals/indent/internal/approval"
	"github.com/indent-approvals/indent/internal/approval/approvaltest"
	"github.com/indent-approvals/indent/internal/store/storetest"
)

// The store in memory that other rooms' tests stand on keeps the same promises as the engines.
func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) approval.Store { return approvaltest.NewStore() })
}
