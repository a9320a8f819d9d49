package approval

import (
	"slices"
	"strings"
	"testing"
)

func TestResourceLimits(t *testing.T) {
	t.Parallel()
	many := func(n int) map[string]string {
		labels := map[string]string{}
		for i := range n {
			labels[strings.Repeat("k", i+1)] = "v"
		}
		return labels
	}
	for field, r := range map[string]Resource{
		"r":                         {Kind: "action"},
		"r.id":                      {ID: strings.Repeat("x", MaxID+1)},
		"r.displayName":             {DisplayName: strings.Repeat("x", MaxDisplayName+1)},
		"r.kind":                    {ID: "x", Kind: strings.Repeat("x", MaxKind+1)},
		"r.email":                   {ID: "x", Email: strings.Repeat("x", MaxEmail+1)},
		"r.altIds":                  {ID: "x", AltIDs: make([]string, MaxAltIDs+1)},
		"r.altIds[1]":               {ID: "x", AltIDs: []string{"ok", "a\u202eb"}},
		"r.labels":                  {ID: "x", Labels: many(MaxLabels + 1)},
		"r.labels (a key)":          {ID: "x", Labels: map[string]string{strings.Repeat("k", MaxLabelKey+1): ""}},
		"r.labels.k":                {ID: "x", Labels: map[string]string{"k": strings.Repeat("v", MaxLabelValue+1)}},
		"r.labels.indent.com/block": {ID: "x", Labels: map[string]string{LabelBlock: "../etc"}},
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			err := under("r", r.Check())
			if field == "r" {
				field = "r.id"
			}
			if CodeOf(err) != Invalid || !strings.HasPrefix(err.Error(), field+": ") {
				t.Errorf("got %.200v, want a refusal of %s", err, field)
			}
		})
	}
	most := Resource{ID: strings.Repeat("é", MaxID), DisplayName: strings.Repeat("é", MaxDisplayName), Kind: strings.Repeat("é", MaxKind),
		Email: strings.Repeat("é", MaxEmail), AltIDs: make([]string, MaxAltIDs), Labels: many(MaxLabels)}
	if err := most.Check(); err != nil {
		t.Errorf("all that is allowed: %v", err)
	}
	empty := Resource{ID: "x", Labels: map[string]string{"": "v"}}
	if err := empty.Check(); CodeOf(err) != Invalid {
		t.Errorf("an empty label key was taken: %v", err)
	}
}

func TestViews(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		r    Resource
		want []View
	}{
		{Resource{Kind: "user", Email: "ada@example.com"}, []View{ViewRecipients, ViewPeople, ViewEmail}},
		{Resource{Kind: "okta.v1/User"}, []View{ViewRecipients, ViewPeople}},
		{Resource{Kind: "slack/channel"}, []View{ViewRecipients}},
		{Resource{Kind: "database", Labels: map[string]string{LabelRequestable: "true"}}, []View{ViewRequestable, ViewRequestableModal}},
		{Resource{Kind: "database", Labels: map[string]string{LabelRequestable: "yes"}}, nil},
		{Resource{Kind: "user", Email: "ada@example.com", Labels: map[string]string{LabelRequestable: "true", LabelDeactivated: "true"}}, nil},
	} {
		var got []View
		for _, v := range Views {
			if c.r.In(v) {
				got = append(got, v)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%+v is in %v, want %v", c.r, got, c.want)
		}
	}
	if (Resource{Labels: map[string]string{LabelRequestable: "true"}}).In("everything") {
		t.Error("a view that does not exist has a resource")
	}
}

func TestResourceTitle(t *testing.T) {
	t.Parallel()
	for want, r := range map[string]Resource{
		"Production": {DisplayName: "Production", Email: "p@x", ID: "1", Kind: "k"}, "p@x": {Email: "p@x", ID: "1", Kind: "k"},
		"1": {ID: "1", Kind: "k"}, "k": {Kind: "k"},
	} {
		if got := r.Title(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
