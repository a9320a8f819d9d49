package storetest

import (
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func tokensAreUsed(t *testing.T, k kit) {
	token := approval.Token{Space: k.space, Name: "bot", Kind: approval.TokenService, Hash: k.space, Member: "bot", CreateTime: Start}
	used := func(at time.Time, space, name string) approval.TokenUse {
		return approval.TokenUse{Space: space, Name: name, Time: at}
	}
	k.commit(t, approval.PutToken{Token: token}, approval.EndToken{Name: "bot", At: Start})
	token.RevokeTime = Start
	for _, step := range []struct{ note, want time.Duration }{{time.Hour, time.Hour}, {time.Minute, time.Hour}, {2 * time.Hour, 2 * time.Hour}} {
		err := k.TouchTokens(t.Context(), []approval.TokenUse{used(Start.Add(step.note), k.space, "bot"),
			used(Start.Add(9*time.Hour), k.space, "nobody"), used(Start.Add(9*time.Hour), "elsewhere", "bot")})
		want(t, err, nil, nil)
		token.LastUseTime = Start.Add(step.want)
		got, err := k.Token(t.Context(), k.space, "bot")
		want(t, got, err, token)
	}
	want(t, k.TouchTokens(t.Context(), nil), nil, nil)
	events, err := k.Events(t.Context(), approval.EventQuery{Space: k.space})
	want(t, len(events.Items), err, 1) // the one of the token: to be used is no change
}

func tokensEndSooner(t *testing.T, k kit) {
	endless := approval.Token{Space: k.space, Name: "endless", Kind: approval.TokenUser, CreateTime: Start}
	soon := approval.Token{Space: k.space, Name: "soon", Kind: approval.TokenUser, CreateTime: Start, ExpireTime: Start.Add(time.Minute)}
	k.commit(t, approval.PutToken{Token: endless}, approval.PutToken{Token: soon})
	for _, end := range []time.Time{Start.Add(time.Hour), Start.Add(2 * time.Hour)} { // it never ends later than before
		k.commit(t, approval.ShortenToken{Name: "endless", End: end}, approval.ShortenToken{Name: "soon", End: end})
		endless.ExpireTime = Start.Add(time.Hour)
		for _, token := range []approval.Token{endless, soon} {
			got, err := k.Token(t.Context(), k.space, token.Name)
			want(t, got, err, token)
		}
	}
	k.commit(t, approval.EndToken{Name: "soon", At: Start})
	k.refuse(t, approval.Conflict, approval.ShortenToken{Name: "soon", End: Start})
	k.refuse(t, approval.Conflict, approval.ShortenToken{Name: "missing", End: Start})
	k.refuse(t, approval.Internal, approval.ShortenToken{Name: "endless"})
}

func signingKeys(t *testing.T, k kit) {
	keys := []approval.SigningKey{
		{ID: "new", PrivatePEM: "-----\nx\n", CreateTime: Start.Add(time.Hour), SignTime: Start.Add(2 * time.Hour)},
		{ID: "old", PrivatePEM: "y", CreateTime: Start}}
	k.commit(t, approval.PutSigningKey{Key: keys[1]}, approval.PutSigningKey{Key: keys[0]})
	got, err := k.SigningKeys(t.Context())
	want(t, got, err, keys)
	k.refuse(t, approval.Conflict, approval.PutSigningKey{Key: keys[0]})
	k.commit(t, approval.DeleteSigningKey{ID: "old"})
	k.refuse(t, approval.Conflict, approval.DeleteSigningKey{ID: "old"})
	got, err = k.SigningKeys(t.Context())
	want(t, got, err, keys[:1])
	oneWins(t, together(16, func(int) error { return k.Commit(t.Context(), k.change(approval.PutSigningKey{Key: keys[1]})) }))
}

func trusts(t *testing.T, k kit) {
	ctx := t.Context()
	first := approval.Trust{Space: k.space, Name: "z", Account: "ci", Issuer: "https://ci.example", Audience: "indent", CreatedBy: reviewer, CreateTime: Start,
		Claims: map[string]string{"sub": "repo:acme/app:*", "ref": `refs/heads/"main"`}}
	second := approval.Trust{Space: k.space, Name: "a", Account: "ci", Issuer: "https://ci.example", Audience: "indent", CreateTime: Start.Add(time.Second),
		Claims: map[string]string{"sub": "x"}, Scopes: []approval.Permission{}}
	other := approval.Trust{Space: k.space, Name: "b", Account: "cd", CreateTime: Start.Add(2 * time.Second), Scopes: []approval.Permission{approval.ReadEvents}}
	k.commit(t, approval.PutTrust{Trust: second}, approval.PutTrust{Trust: first}, approval.PutTrust{Trust: other})
	k.refuse(t, approval.Conflict, approval.PutTrust{Trust: first})
	got, err := k.Trusts(ctx, k.space, "ci")
	want(t, got, err, []approval.Trust{first, second})
	got, err = k.Trusts(ctx, k.space, "")
	want(t, got, err, []approval.Trust{first, second, other})
	got, err = k.Trusts(ctx, "elsewhere", "")
	want(t, len(got), err, 0)
	foreign := other
	foreign.Space = "elsewhere"
	k.refuse(t, approval.Internal, approval.PutTrust{Trust: foreign})

	k.commit(t, approval.DeleteTrust{Name: "z"})
	k.refuse(t, approval.NotFound, approval.DeleteTrust{Name: "z"})
	got, err = k.Trusts(ctx, k.space, "ci")
	want(t, got, err, []approval.Trust{second})
}
