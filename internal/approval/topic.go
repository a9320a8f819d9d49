package approval

import "strings"

// Topics of the broker.
func petitionTopic(space, name string) string { return aPetition + space + "/" + name }
func eventsTopic(space string) string         { return "events/" + space }

const aPetition = "petition/"

// PetitionOf answers which petition a topic is about; ok is false when it is about none.
func PetitionOf(topic string) (space, name string, ok bool) {
	if topic, ok = strings.CutPrefix(topic, aPetition); !ok {
		return "", "", false
	}
	return strings.Cut(topic, "/")
}

// JobsTopic is the broker's topic of timers that were added, and LanesTopic that of jobs of other lanes.
const (
	JobsTopic  = "jobs"
	LanesTopic = "lanes"
)
