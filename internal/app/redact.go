package app

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/indent-approvals/indent/internal/approval"
)

// careful is a log that takes out what looks like a credential, whoever writes it there: a cause from the database, a stack,
// the standard library.
type careful struct{ slog.Handler }

// Handle implements slog.Handler.
func (c careful) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, r.Level, approval.Redact(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		clean.AddAttrs(redacted(a))
		return true
	})
	return c.Handler.Handle(ctx, clean)
}

// WithAttrs implements slog.Handler.
func (c careful) WithAttrs(attrs []slog.Attr) slog.Handler {
	clean := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		clean[i] = redacted(a)
	}
	return careful{c.Handler.WithAttrs(clean)}
}

// WithGroup implements slog.Handler.
func (c careful) WithGroup(name string) slog.Handler { return careful{c.Handler.WithGroup(name)} }

func redacted(a slog.Attr) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindString:
		return slog.String(a.Key, approval.Redact(v.String()))
	case slog.KindAny:
		return slog.String(a.Key, approval.Redact(fmt.Sprintf("%+v", v.Any())))
	case slog.KindGroup:
		group := v.Group()
		clean := make([]slog.Attr, len(group))
		for i, in := range group {
			clean[i] = redacted(in)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(clean...)}
	}
	return a
}
