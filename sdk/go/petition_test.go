package indent

import (
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"
)

func TestAPetitionIsReadAndWrittenAsTheAPIHasIt(t *testing.T) {
	t.Parallel()
	const text = `{"name":"n","spaceName":"acmecorp","defaultDuration":"5400s","reason":"r","params":{"b":1,"a":[2]},"digest":"sha256:00",` +
		`"state":{"status":{"phase":"granted"},"verdict":{"decision":"review","requirements":[{"reviewers":{"roles":["Owner"]},"count":1}]},` +
		`"grant":{"startTime":"2026-01-02T03:04:05.123456Z"},"claims":[{"event":"access/approve","actor":{"id":"b@x"}}]}}`
	var p Petition
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	if p.DefaultDuration != 90*time.Minute || p.Phase() != PhaseGranted || string(p.Params) != `{"b":1,"a":[2]}` ||
		!p.State.Grant.EndTime.IsZero() || p.State.Claims[0].Actor.Title() != "b@x" {
		t.Errorf("read %+v", p)
	}
	written, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"defaultDuration":"5400s"`, `"params":{"b":1,"a":[2]}`, `"startTime":"2026-01-02T03:04:05.123456Z"}`} {
		if !strings.Contains(string(written), part) {
			t.Errorf("%s lacks %s", written, part)
		}
	}
}

func TestDurationsOnTheWire(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{0: "", time.Hour: "3600s", 1500 * time.Millisecond: "1.5s", time.Microsecond: "0.000001s"} {
		if got := writeDuration(d); got != want {
			t.Errorf("%s is written %q, want %q", d, got, want)
		}
		if got, err := readDuration(want); err != nil || got != d {
			t.Errorf("%q is read %s, %v", want, got, err)
		}
	}
	if _, err := readDuration("an hour"); err == nil {
		t.Error("an hour is read as a duration")
	}
}

func TestAPetitionIsSentWithAllThatIsAsked(t *testing.T) {
	t.Parallel()
	d := startDouble(t, is())
	client, _ := d.client(t)
	_, err := client.CreatePetition(t.Context(), NewPetition{Reason: "r", Resources: []Resource{{Kind: "action", ID: "x"}},
		Petitioners: []Resource{{Email: "ada@example.com"}}, Params: struct {
			Amount int `json:"amount"`
		}{5}, Duration: time.Hour, Labels: map[string]string{"team": "core"}, IdempotencyKey: "key-1"})
	const want = `{"petition":{"petitioners":[{"email":"ada@example.com"}],"resources":[{"id":"x","kind":"action"}],"reason":"r",` +
		`"defaultDuration":"3600s","params":{"amount":5},"meta":{"labels":{"team":"core"}}}}`
	if got := d.calls()[0]; err != nil || strings.TrimSpace(got.body) != want || got.key != "key-1" {
		t.Errorf("sent %s with key %q, %v", got.body, got.key, err)
	}
	if _, err := client.CreatePetition(t.Context(), NewPetition{IdempotencyKey: "has a space"}); !errors.Is(err, ErrInvalid) {
		t.Errorf("a key that no header can carry: %v", err)
	}
}

func TestAnotherPetitionThanTheOneAskedForIsRefused(t *testing.T) {
	t.Parallel()
	for name, given := range map[string]step{
		"name":  is(granted, named("another")),
		"space": is(granted, func(p *Petition) { p.SpaceName = "other" }),
	} {
		client, _ := startDouble(t, given).client(t)
		p, err := client.Petition(t.Context(), testName)
		var wrong *ResponseError
		if p != nil || !errors.As(err, &wrong) {
			t.Errorf("%s: got %v, %v", name, p, err)
		}
	}
}

func TestAClaimSaysForHowLong(t *testing.T) {
	t.Parallel()
	d := startDouble(t, answer(200, `{"event":"access/approve","id":"1"}`))
	client, _ := d.client(t)
	p := petitionIn()
	until := time.Date(2030, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for _, o := range []ClaimOptions{{Duration: 90 * time.Minute}, {Expires: until}, {Indefinite: true, Reason: "why"}} {
		if _, err := client.Approve(t.Context(), &p, o); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{`"indent.com/time/duration":"1h30m0s"`, `"indent.com/time/expires":"2030-01-02T02:04:05Z"`, `"indent.com/time/indefinite":"true"`} {
		if body := d.calls()[i].body; !strings.Contains(body, want) {
			t.Errorf("%s lacks %s", body, want)
		}
	}
}

func TestWhatConfirmsAClaimIsReadFromItsLabels(t *testing.T) {
	t.Parallel()
	labels := map[string]string{"indent.com/claim/passkey/credential": "a", "indent.com/claim/passkey/publicKey": "b", "indent.com/claim/passkey/clientData": "c",
		"indent.com/claim/passkey/authenticatorData": "d", "indent.com/claim/passkey/signature": "e"}
	c, key, ok := ConfirmationOf(Event{Meta: Meta{Labels: labels}})
	if want := (Confirmation{"a", "c", "d", "e"}); c != want || key != "b" || !ok {
		t.Errorf("got %+v, %q, %v", c, key, ok)
	}
	for name := range labels {
		less := maps.Clone(labels)
		delete(less, name)
		if _, _, ok := ConfirmationOf(Event{Meta: Meta{Labels: less}}); ok {
			t.Errorf("without %s it is taken for confirmed", name)
		}
	}
}
