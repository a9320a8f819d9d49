package cli

import (
	"encoding/xml"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/indent-approvals/indent/internal/app"
	indent "github.com/indent-approvals/indent/sdk/go"
)

func (t *terminal) policyTestCommand() *cobra.Command {
	var junit string
	cmd := &cobra.Command{
		Use: "test FILE...", Short: "Compile rule documents and run their tests, without a server", Args: atLeastOne("a FILE, or - for stdin"),
		Long: "Compile rule documents and run the tests that are part of them. It needs no server and no token. The exit code is 1 when a\n" +
			"document does not compile or a test fails: a server would not take it.",
		Example: `indent policy test policy.yaml
indent policy test policies/*.yaml --junit results.xml`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var reports []policyFile
			for _, file := range args {
				text, err := readInput(file, t.in)
				if err != nil {
					return err
				}
				report, err := app.TestPolicy(cmd.Context(), string(text))
				if err != nil {
					return err
				}
				reports = append(reports, policyFile{file, report})
			}
			if junit != "" {
				if err := writeJUnit(junit, reports); err != nil {
					return err
				}
			}
			return t.reported(reports)
		},
	}
	cmd.Flags().StringVar(&junit, "junit", "", "write the results as JUnit XML to this file, too")
	return cmd
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usageError(cmd, "give %s", what)
		}
		return nil
	}
}

// policyFile is what was found in one file.
type policyFile struct {
	File string `json:"file"`
	indent.PolicyReport
}

// reported prints the results, and answers an error unless each document would be taken.
func (t *terminal) reported(files []policyFile) error {
	wrong, tests, failed := 0, 0, 0
	b := table{head: []string{"FILE", "TEST", "RESULT"}}
	for _, f := range files {
		t.sayFindings(f.File, f.Problems)
		t.sayWarnings(f.File, f.Warnings)
		if !f.Valid {
			wrong++
		}
		for _, test := range f.Tests {
			tests++
			result := "passed"
			if !test.Passed {
				failed++
				result = "FAILED"
				for _, failure := range test.Failures {
					t.sayFindings(f.File, []indent.Finding{{Line: test.Line, Test: test.Name, Message: failure}})
				}
			}
			b.add(f.File, test.Name, result)
		}
	}
	if t.json {
		if err := t.printJSON(files); err != nil {
			return err
		}
	} else if len(b.rows) > 0 {
		t.printTable(b)
	}
	if tests > 0 || wrong == 0 { // what does not compile has run none
		t.say("%s, %s, %d failed.", counted(int64(len(files)), "document"), counted(int64(tests), "test"), failed)
	}
	if wrong > 0 {
		return fmt.Errorf("%s would not be taken", counted(int64(wrong), "document"))
	}
	return nil
}

// The parts of a JUnit report that its readers agree on.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		File    string        `xml:"file,attr"`
		Line    int           `xml:"line,attr,omitempty"`
		Failure *junitFailure `xml:"failure"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// writeJUnit writes one suite for each file. A document that does not compile is a case that fails.
func writeJUnit(path string, files []policyFile) error {
	var all junitSuites
	for _, f := range files {
		suite := junitSuite{Name: f.File}
		add := func(name string, line int, failures []string) {
			c := junitCase{Name: name, Class: f.File, File: f.File, Line: line}
			if len(failures) > 0 {
				c.Failure = &junitFailure{failures[0], strings.Join(failures, "\n")}
				suite.Failures++
			}
			suite.Cases = append(suite.Cases, c)
		}
		var problems []string
		for _, p := range f.Problems {
			problems = append(problems, findingLine(f.File, "", p))
		}
		add("compiles", 0, problems)
		for _, test := range f.Tests {
			add(test.Name, test.Line, test.Failures)
		}
		suite.Tests = len(suite.Cases)
		all.Suites = append(all.Suites, suite)
		all.Tests += suite.Tests
		all.Failures += suite.Failures
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(xml.Header+string(text)+"\n"), 0o644)
}

func (t *terminal) policyCheckCommand() *cobra.Command {
	var strict bool
	cmd := &cobra.Command{
		Use: "check [FILE]", Short: "Look for petitions that could wait for ever, and rules that nothing reaches", Args: atMost(1, "one FILE, - for stdin, or none for the rules that hold"),
		Long: "Look for what would go wrong with a document in the space, with its members and what may be asked for as they are now: petitions that\n" +
			"nobody could ever grant (who asks for what, and when), rules that nothing reaches, and rules that contradict. The exit code is 1 when a\n" +
			"petition could wait for ever; with --strict when anything is found.",
		Example: `indent policy check policy.yaml
indent policy check --strict`,
		RunE: func(cmd *cobra.Command, args []string) error {
			file, text := "policy", []byte(nil)
			if len(args) > 0 {
				file = args[0]
				var err error
				if text, err = readInput(file, t.in); err != nil {
					return err
				}
			}
			c, err := t.client()
			if err != nil {
				return err
			}
			found, err := c.CheckPolicy(cmd.Context(), string(text))
			if err != nil {
				_, err = t.refusedDocument(file, err)
				return err
			}
			return t.checked(file, found, strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "fail on any finding")
	return cmd
}

// checked prints what a check found, and answers an error if that must not be.
func (t *terminal) checked(file string, found indent.PolicyCheck, strict bool) error {
	if t.json {
		if err := t.printJSON(found); err != nil {
			return err
		}
	}
	for _, f := range found.Findings {
		if t.json {
			break
		}
		fmt.Fprintln(t.out, plain(findingLine(file, "warning: ", indent.Finding{Line: f.Line, Column: f.Column, Rule: f.Rule, Message: f.Kind + ": " + f.Message})))
		if e := f.Example; e != nil {
			eligible := strings.Join(e.Eligible, ", ")
			if eligible == "" {
				eligible = "nobody"
			}
			fmt.Fprintln(t.out, plain(fmt.Sprintf("    %s asks for %s:%s at %s: stage %d needs %d, and %s may approve", e.Who, e.What.Kind, e.What.ID, moment(e.When), e.Stage, e.Needs, eligible)))
		}
	}
	t.say("%s, with %s and %s looked at.", counted(int64(len(found.Findings)), "finding"), counted(int64(found.Members), "member"), counted(int64(found.Resources), "resource"))
	if found.Partial {
		t.say("The space has more than a check looks at: there may be more.")
	}
	if found.Stuck {
		return errors.New("a petition could wait for ever")
	}
	if strict && len(found.Findings) > 0 {
		return errors.New("--strict takes no finding")
	}
	return nil
}
