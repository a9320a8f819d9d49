package approval

// StateDrift says how the real system differs from what leases say.
type StateDrift string

// The ways.
const (
	DriftLeft StateDrift = "access"   // there is access, and nothing gives it
	DriftLost StateDrift = "noAccess" // there is a grant, and no access
)
