package config

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// Each example of the guide is a settings file that is good, and serves once its secret is there.
func TestTheExamplesOfTheGuideAreGood(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../docs/guides/sign-in.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	names := map[string]bool{}
	for _, block := range blocks {
		c, err := Load(Source{File: write(t, block[1])})
		if err != nil {
			t.Errorf("%v\n%s", err, block[1])
			continue
		}
		if c.SignIn == nil {
			t.Errorf("no provider:\n%s", block[1])
			continue
		}
		for i := range c.SignIn.Providers {
			p := &c.SignIn.Providers[i]
			names[p.Name] = true
			if p.SecretVariable != "" {
				if err := p.readSecret([]string{p.SecretVariable + "=s3cret"}); err != nil {
					t.Error(err)
				}
			}
		}
	}
	for _, name := range strings.Fields("okta entra google keycloak") {
		if !names[name] {
			t.Errorf("the guide has no example for %s", name)
		}
	}
}
