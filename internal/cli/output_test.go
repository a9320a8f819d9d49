package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"testing"

	indent "github.com/indent-approvals/indent/sdk/go"
)

func TestWhatAServerSaysCannotCommandATerminal(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b[2J\nb\tc\u202ed\u009be\u200bf\x00"
	if got := plain(evil); got != `a\u001b[2J\nb\tc\u202ed\u009be\u200bf\u0000` {
		t.Errorf("plain: %q", got)
	}
	if got := prose("one\r\ntwo\x1b", "  "); got != "one\n  two\\u001b" {
		t.Errorf("prose: %q", got)
	}
	var out bytes.Buffer
	terminal := &terminal{out: &out}
	if err := terminal.printJSON(map[string]string{"x": evil + "\U000e0001"}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsFunc(out.String(), func(r rune) bool { return r != '\n' && strings.ContainsRune("\x1b\u202e\u009b\u200b\U000e0001", r) }) {
		t.Errorf("JSON: %q", out.String())
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back["x"] != evil+"\U000e0001" {
		t.Errorf("JSON says %q, %v", back["x"], err)
	}
	out.Reset()
	b := table{head: []string{"A", "B"}}
	b.add("x\ny", "\x1b[31m")
	b.add("long one", "z")
	terminal.printTable(b)
	if out.String() != "A         B\nx\\ny      \\u001b[31m\nlong one  z\n" {
		t.Errorf("table:\n%s", out.String())
	}
}

func TestColoursAreForWhoWantsThem(t *testing.T) {
	t.Parallel()
	if got := (&terminal{}).coloured("granted"); got != "granted" {
		t.Errorf("without: %q", got)
	}
	if got := (&terminal{colours: true}).coloured("granted"); got != "\x1b[32mgranted\x1b[0m" {
		t.Errorf("with: %q", got)
	}
	file, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if wantsColours(file) {
		t.Error("a file wants colours")
	}
}

func TestNothingThatIsDecidedOnIsCut(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("very ", 2000) + "end"
	c, err := indent.New(indent.Options{Space: "acmecorp", Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	text := describe(c, &indent.Petition{Reason: long + "1", Params: json.RawMessage(`{"a":"` + long + `2"}`),
		Resources: []indent.Resource{{Kind: "action", ID: long + "3", DisplayName: long + "4", AltIDs: []string{long + "5"}, Labels: map[string]string{"k": long + "6"}}}})
	for _, end := range []string{"end1", "end2", "end3", "end4", "end5", "end6"} {
		if !strings.Contains(text, end) {
			t.Errorf("%s is not shown", end)
		}
	}
}

// All that policy demands is shown, stage by stage.
func TestAPetitionSaysAllThatPolicyDemands(t *testing.T) {
	t.Parallel()
	c, err := indent.New(indent.Options{Space: "acmecorp", Token: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var p indent.Petition
	if err := json.Unmarshal([]byte(`{"name":"n","spaceName":"acmecorp","state":{"status":{"phase":"open"},"progress":{"stage":1,"levels":[0,1]},
		"deputies":[{"member":{"id":"bob@x"},"away":{"id":"ada@x"},"endTime":"2030-01-02T00:00:00Z","requirements":[1]}],
		"messages":[{"code":"unsatisfiable","message":"fewer people may approve than must"}],
		"verdict":{"decision":"review","rule":"r","policyVersion":3,"denials":2,"requirements":[
			{"count":1,"reviewers":{"managers":"managerId"}},
			{"stage":1,"count":2,"resource":1,"distinctFrom":[0],"confirm":"passkey","reviewers":{"roles":["Owner"],"persons":["ada@x"],"groups":["core"],"owners":"owner","onCall":["prod"],"where":"reviewer.id != ''"},
			 "remindAfter":"600s","escalate":[{"after":"1800s","reviewers":{"groups":["leads"]}},{"after":"3600s","reviewers":{"roles":["Editor"]}}],"notify":{"groups":["watchers"]}}],
		"inputs":[{"label":"ticket","description":"which ticket","type":"choice","choices":["a","b"]},{"label":"n","type":"number","min":1,"max":5,"optional":true}],
		"breakGlass":{"within":"7200s","requirements":[{"count":1,"reviewers":{"roles":["Auditor"]}}]}}}}`), &p); err != nil {
		t.Fatal(err)
	}
	text := describe(c, &p)
	for _, want := range []string{"Requires     stage 1: 1 of: the manager of who asks (label managerId)\n",
		"             stage 2, now: 2 of: Owner, ada@x, the group core, an owner of what is asked for (label owner), who is on call for prod, whoever meets reviewer.id != '' (of resource 1) (nobody who approved in stage 1) (confirm: passkey, which is done on the page)\n",
		"since 30m also: the group leads\n", "after 1h also: Editor\n", "told again after 10m\n", "told of it, without a say: the group watchers\n", "after 10m\n               also by: bob@x for ada@x, who is away, until 2030-01-02T00:00:00Z\n",
		"Refused by   2 different reviewers\n", "Asks for     ticket, \"which ticket\": choice of a, b\n", "             n: number, at least 1, at most 5 (may be left out)\n",
		"Afterwards   within 2h, or the grant ends: 1 of: Auditor\n", "Note         fewer people may approve than must\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said in\n%s", want, text)
		}
	}
}

func TestTheReferenceIsFresh(t *testing.T) {
	t.Parallel()
	committed, err := os.ReadFile("../../docs/cli.md")
	if err != nil || string(committed) != Reference() {
		t.Errorf("docs/cli.md is not what the commands say: run `make generate` (%v)", err)
	}
}

// What could not be revoked with the rest is said, and no script takes the whole for done.
func TestARevokeThatFailsIsNoSuccess(t *testing.T) {
	t.Parallel()
	all := []indent.RevokedGrant{{Petition: "p1"}, {Petition: "p2", Refused: "not yours"}, {Petition: "p3", Refused: "storage is away", Failed: true}}
	for _, asJSON := range []bool{false, true} {
		var out, said bytes.Buffer
		terminal := &terminal{out: &out, err: &said, json: asJSON}
		err := terminal.printRevoked(all, indent.GrantRevocation{})
		if err == nil || !strings.Contains(err.Error(), "1 petition could not be") || !strings.Contains(out.String(), "storage is away") ||
			!strings.Contains(said.String(), "Revoked 1 petition.") || !strings.Contains(said.String(), "Not yours to revoke: 1 petition.") {
			t.Errorf("%v\n%s\n%s", err, &out, &said)
		}
		if err := terminal.printRevoked(all[:2], indent.GrantRevocation{}); err != nil {
			t.Error(err)
		}
	}
}
