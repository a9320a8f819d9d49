package approval

// State answers in a word how the endpoint behaves: working, failing, paused (it is tried once in a while) or disabled (it has asked
// for no more calls).
func (h WebhookHealth) State() string {
	switch {
	case !h.DisabledSince.IsZero():
		return "disabled"
	case !h.PausedSince.IsZero():
		return "paused"
	case h.Failures > 0:
		return "failing"
	}
	return "working"
}
