package approval

import "context"

// SaveSigningKey stores a key that user tokens are signed with, and takes away those that have ended, in one step; it is
// recorded in the server's own log (space ""). Of nodes that make the same key at once one is heard (Conflict).
func (s *Service) SaveSigningKey(ctx context.Context, k SigningKey, ended ...string) error {
	now := s.Clock.Now()
	k.CreateTime = now
	c := s.endingKeys(ended)
	c.Writes = append([]Write{PutSigningKey{k}}, c.Writes...)
	c.Events = append([]Event{s.event(System("", "server"), now, EventSigningKeyCreate, "", []Resource{k.resource()}, nil)}, c.Events...)
	return s.commit(ctx, c)
}

// EndSigningKeys takes keys away; one that another node has taken away already is a Conflict.
func (s *Service) EndSigningKeys(ctx context.Context, ended ...string) error {
	return s.commit(ctx, s.endingKeys(ended))
}

func (s *Service) endingKeys(ended []string) (c Change) {
	for _, id := range ended {
		c.Writes = append(c.Writes, DeleteSigningKey{ID: id})
		c.Events = append(c.Events, s.event(System("", "server"), s.Clock.Now(), EventSigningKeyEnd, "", []Resource{SigningKey{ID: id}.resource()}, nil))
	}
	return c
}

func (k SigningKey) resource() Resource { return Resource{ID: k.ID, Kind: "signingKey"} }
