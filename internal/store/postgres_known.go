package store

import (
	"crypto/sha256"
	"strings"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

// knownPetitions keeps the petitions that this node has read or written lately, for two ends. A document that is known by
// its digest is not sent again when the petition is read. And a petition is recent as long as no other node has said that
// it has changed it: it can be shown to who is about to wait for news of it, and decided on by a commit that finds out
// whether it is still that.
//
// A read or a commit that is under way may end with what another node has overtaken in the meantime, and its hint may
// have come before. So both say first of which petitions they are ([knownPetitions.begin]).
type knownPetitions struct {
	mu sync.Mutex
	// Two generations are an approximation of "least recently used" that costs one lookup more: when young is full it
	// becomes old, and what of old was not asked for since is gone.
	young, old map[petitionKey]knownPetition
	under      map[petitionKey]underWay
	// listening is whether other nodes' words are heard: without them nothing is recent.
	listening bool
}

type knownPetition struct {
	digest   [sha256.Size]byte // of the document
	petition *approval.Petition
	recent   bool
}

// underWay are the reads and commits of a petition that have not ended.
type underWay struct {
	many      int
	overtaken bool // another node has changed it meanwhile
}

// mostKnown petitions of a usual size fill some 5 MiB, in each of two generations.
const mostKnown = 2048

func newKnownPetitions() *knownPetitions {
	k := &knownPetitions{under: map[petitionKey]underWay{}}
	k.clear()
	return k
}

func (k *knownPetitions) clear() {
	k.young, k.old = map[petitionKey]knownPetition{}, map[petitionKey]knownPetition{}
}

// begin says that these are going to be read or written. Each has an end.
func (k *knownPetitions) begin(keys ...petitionKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, key := range keys {
		u := k.under[key]
		u.many++
		k.under[key] = u
	}
}

// end keeps what was read or written, unless something newer is known. Of nothing (petition is nil: it failed, and nobody
// knows what became of it) it forgets that what it knows is recent.
func (k *knownPetitions) end(key petitionKey, now knownPetition) {
	k.mu.Lock()
	defer k.mu.Unlock()
	u := k.under[key]
	now.recent = !u.overtaken
	if u.many--; u.many > 0 {
		k.under[key] = u
	} else {
		delete(k.under, key)
	}
	if now.petition == nil {
		k.overtake(key)
		return
	}
	if before, ok := k.find(key); !ok || before.petition.Version <= now.petition.Version {
		k.add(key, now)
	}
}

func (k *knownPetitions) get(key petitionKey) (knownPetition, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.find(key)
}

// recently answers the petition if it is recent, nil if it must be read.
func (k *knownPetitions) recently(key petitionKey) *approval.Petition {
	k.mu.Lock()
	defer k.mu.Unlock()
	if v, ok := k.find(key); ok && v.recent && k.listening {
		return v.petition
	}
	return nil
}

func (k *knownPetitions) find(key petitionKey) (knownPetition, bool) {
	v, ok := k.young[key]
	if ok {
		return v, true
	}
	if v, ok = k.old[key]; ok {
		delete(k.old, key)
		k.add(key, v)
	}
	return v, ok
}

func (k *knownPetitions) add(key petitionKey, v knownPetition) {
	if len(k.young) >= mostKnown {
		k.young, k.old = k.old, k.young
		clear(k.young)
	}
	k.young[key] = v
}

// overtaken is told the topics that other nodes have published.
func (k *knownPetitions) overtaken(topics []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, topic := range topics {
		if space, name, ok := approval.PetitionOf(topic); ok {
			// A part of a topic would keep the whole payload in memory.
			k.overtake(petitionKey{strings.Clone(space), strings.Clone(name)})
		}
	}
}

func (k *knownPetitions) overtake(key petitionKey) {
	if u, ok := k.under[key]; ok {
		u.overtaken = true
		k.under[key] = u
	}
	for _, generation := range []map[petitionKey]knownPetition{k.young, k.old} {
		if v, ok := generation[key]; ok {
			v.recent = false
			generation[key] = v
		}
	}
}

// listens says whether other nodes are heard from now on. Until now, or meanwhile, they may have published anything.
func (k *knownPetitions) listens(now bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.listening = now
	k.clear()
	for key, u := range k.under {
		u.overtaken = true
		k.under[key] = u
	}
}
