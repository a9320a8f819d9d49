package api

import (
	"bytes"
	"context"

	"github.com/indent-approvals/indent/internal/approval"
)

type waitPetitionsIn struct{ Body waitPetitionsBody }

type waitPetitionsBody struct {
	Names []string `json:"names" minItems:"1" maxItems:"10000" doc:"The names of the petitions."`
}

func (in waitPetitionsIn) weight() int { return len(in.Body.Names) }

// The kinds of events of a stream that waits for petitions.
const (
	eventPetition = "petition" // it is not open; data is the petition
	eventProblem  = "problem"  // there is none to wait for; data is the problem that getting it would answer
	eventEnd      = "end"      // all were told
)

// waitPetitions tells of each petition the moment that it is not open. A stream that ends before its event "end" has not
// told of all: the client comes back for the rest.
func (a *API) waitPetitions(ctx context.Context, actor approval.Actor, in waitPetitionsIn, out *eventStream) error {
	tell := func(news approval.News) error { return out.sendNews(actor.Space, news) }
	left, err := a.Service.AwaitPetitions(ctx, actor, in.Body.Names, tell, out.breathe)
	if err != nil || left > 0 {
		return err
	}
	return out.write([]byte("event: " + eventEnd + "\ndata: {}\n\n"))
}

// mostGathered is how many bytes are written at once at least, if there is more to write.
const mostGathered = 32 << 10

// sendNews writes what has come together, many events at once. It is Unavailable before anything is written, or not at all.
func (s *eventStream) sendNews(space string, news approval.News) error {
	if err := s.admitted(); err != nil {
		return err
	}
	buffer := buffers.take()
	defer buffers.give(buffer)
	for _, name := range news.Missing {
		p := problemOf(approval.Errorf(approval.NotFound, "there is no petition %.100q in %s", name, space), s.id)
		if err := s.gather(buffer, eventProblem, name, p); err != nil {
			return err
		}
	}
	for i := range news.Decided {
		if err := s.gather(buffer, eventPetition, news.Decided[i].Name, petitionOf(&news.Decided[i], nil)); err != nil {
			return err
		}
	}
	if buffer.Len() == 0 {
		return nil
	}
	return s.more(buffer.Bytes())
}

func (s *eventStream) gather(buffer *bytes.Buffer, kind, name string, data any) error {
	if err := putEvent(buffer, kind, name, data); err != nil || buffer.Len() < mostGathered {
		return err
	}
	defer buffer.Reset()
	return s.more(buffer.Bytes())
}

// breathe is a sign of life; the first says that all names are attended to.
func (s *eventStream) breathe() error { return s.sign(": alive\n\n") }
