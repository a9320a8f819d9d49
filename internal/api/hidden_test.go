package api

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/indent-approvals/indent/internal/approval"
)

// hidden are fields that the server alone sets, with values that nothing else has.
var hidden = map[string]string{
	"name": `"planted-name"`, "space": `"planted-space"`, "spaceName": `"planted-space"`, "parent": `"planted-parent"`, "id": `"planted-id"`,
	"createTime": `"1999-12-31T23:59:59Z"`, "updateTime": `"1999-12-31T23:59:59Z"`, "deleteTime": `"1999-12-31T23:59:59Z"`, "revokeTime": `"1999-12-31T23:59:59Z"`,
	"expireTime": `"1999-12-31T23:59:59Z"`, "startTime": `"1999-12-31T23:59:59Z"`, "endTime": `"1999-12-31T23:59:59Z"`, "lastUsedTime": `"1999-12-31T23:59:59Z"`,
	"timestamp": `"1999-12-31T23:59:59Z"`,
	"state":     `{"status":{"phase":"granted","outcome":"planted-outcome"},"eventHistory":[],"messages":[]}`, "phase": `"granted"`,
	"verdict": `{"decision":"approve","rule":"planted-rule"}`, "decision": `"approve"`, "requirements": `[]`,
	"digest": `"planted-digest"`, "claims": `[{"event":"access/approve","reason":"planted-claim"}]`, "claim": `{"event":"access/approve","reason":"planted-claim"}`,
	"persons": `["planted-person"]`, "person": `"planted-person"`, "names": `["planted-names"]`, "owner": `"planted-owner"`, "operator": `true`,
	"createdBy": `{"id":"planted-maker","kind":"user"}`, "actor": `{"id":"planted-actor","kind":"user"}`, "sessionId": `"planted-session"`, "externalId": `"planted-external"`,
	"version": `424242`, "expect": `424242`, "hash": `"planted-hash"`, "secret": `"planted-secret"`, "accessToken": `"planted-secret"`, "tokenName": `"planted-token"`,
	"member": `"planted-member"`, "account": `"planted-account"`, "issuer": `"https://planted.example"`, "suspended": `true`, "role": `"Owner"`, "scopes": `["planted-scope"]`,
	"selfApproval": `true`, "signature": `"planted-signature"`, "cursor": `"424242"`,
}

// hiddenLabels are labels that the server alone sets.
var hiddenLabels = []string{approval.LabelDigest, approval.LabelConfigID, approval.LabelRule, approval.LabelPolicyVersion, approval.LabelSelfApproval, approval.LabelPerson,
	approval.LabelRequirements, approval.LabelReplaces, approval.LabelReplacedBy, approval.LabelToken, approval.LabelRefusedCode, approval.LabelPolicyDev, approval.LabelPetition,
	approval.LabelSpace, approval.LabelOnBehalfOf, approval.LabelBehalfPerson, approval.LabelClaimDelegated}

// traces are what is left in an answer, or in what is stored, by a field that was taken.
var traces = []string{"planted-", "1999-12-31", "424242", "planted."}

// Each object of each body with each field that only the server sets: it is refused, or taken without it.
func TestHiddenFieldsAreNotWritable(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.side("acmecorp", theOwner, "mine")
	tried, taken := 0, 0
	for id, send := range h.withBody() {
		i := slices.IndexFunc(routes(), func(rt route) bool { return rt.id == id })
		field, _ := bodyField(routes()[i].endpoint.in)
		written := writable(field.Type, "")
		for _, body := range append(slices.Clone(wholeBodies[id]), operations[id].request) {
			for _, o := range objectsOf(t, body) {
				for name, value := range hidden {
					if written[strings.TrimPrefix(o.at+"."+name, ".")] || strings.HasSuffix(strings.ToLower(o.at), "labels") || strings.HasSuffix(o.at, "flags") || o.at == "claims" {
						continue
					}
					tried++
					if a := send(o.with(name, value)); h.notTaken(id+" "+o.at+"."+name, a) {
						taken++
					}
				}
				for _, label := range hiddenLabels {
					if strings.HasSuffix(o.at, "meta.labels") { // those of a resource are whatever its editors say
						tried++
						h.notTaken(id+" "+o.at+"."+label, send(o.with(label, `"planted-label"`)))
					}
				}
			}
		}
	}
	if tried < 1000 || taken < 20 {
		t.Errorf("%d fields tried, %d bodies taken without them: too few to say anything", tried, taken)
	}
	stored := h.everything("acmecorp")
	for _, trace := range traces {
		if at := strings.Index(stored, trace); at >= 0 {
			t.Errorf("%q was stored: …%.200s", trace, stored[max(0, at-150):])
		}
	}
	h.nothingIsGranted()
}

// notTaken answers whether the call went through; it fails when the field did.
func (h *house) notTaken(what string, a answer) bool {
	h.Helper()
	switch {
	case a.status == 200:
		for _, trace := range traces {
			if strings.Contains(a.body, trace) {
				h.Errorf("%s was taken: %s", what, a.body)
			}
		}
		return true
	case a.status >= 500 || a.status == 401:
		h.Errorf("%s: %d %s", what, a.status, a.body)
	}
	return false
}

func (h *house) nothingIsGranted() {
	h.Helper()
	granted, err := h.service.Store.Petitions(h.Context(), approval.PetitionQuery{Space: "acmecorp", Phases: []approval.Phase{approval.Granted}, Page: approval.PageRequest{Size: 10}})
	h.must(err)
	for _, p := range granted.Items {
		if !slices.ContainsFunc(h.events(approval.EventApprove), func(e approval.Event) bool { return e.Label(approval.LabelPetition) == p.Name }) {
			h.Errorf("a petition is granted that nobody approved: %s", p.Name)
		}
	}
}

// object is one object of a body, and the body around its first member.
type object struct{ at, before, after string }

func (o object) with(name, value string) string {
	comma := ","
	if strings.HasPrefix(strings.TrimSpace(o.after), "}") {
		comma = ""
	}
	quoted, _ := json.Marshal(name)
	return o.before + string(quoted) + ":" + value + comma + o.after
}

func objectsOf(t *testing.T, body string) (out []object) {
	t.Helper()
	dec := jsontext.NewDecoder(strings.NewReader(body))
	for {
		token, err := dec.ReadToken()
		if err != nil {
			return out
		}
		at := strings.ReplaceAll(strings.TrimPrefix(string(dec.StackPointer()), "/"), "/", ".")
		if token.Kind() == '{' && !strings.Contains(at, "params") {
			out = append(out, object{indexed(at), body[:dec.InputOffset()], body[dec.InputOffset():]})
		}
	}
}

// indexed writes the places of lists as the paths of fields do.
func indexed(at string) string {
	parts := strings.Split(at, ".")
	out := ""
	for _, part := range parts {
		if part != "" && part[0] >= '0' && part[0] <= '9' {
			out += "[0]"
			continue
		}
		out += "." + part
	}
	return strings.TrimPrefix(out, ".")
}

// writable answers the paths of all fields that a type takes and does not ignore.
func writable(t reflect.Type, at string) map[string]bool {
	out := map[string]bool{}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t == reflect.TypeFor[ignored]() || t.Kind() == reflect.Map:
		return out
	case t.Kind() == reflect.Slice:
		return writable(t.Elem(), at+"[0]")
	case t.Kind() != reflect.Struct:
		return out
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if f.Anonymous || name == "" || f.Type == reflect.TypeFor[ignored]() {
			continue
		}
		path := strings.TrimPrefix(at+"."+name, ".")
		out[path] = true
		for below := range writable(f.Type, path) {
			out[below] = true
		}
	}
	return out
}
