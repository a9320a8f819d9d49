package api

import (
	"bytes"
	"encoding/json"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/indent-approvals/indent/internal/approval"
)

const committedSpec = "../../spec/openapi.json"

func TestTheCommittedDescriptionIsFresh(t *testing.T) {
	t.Parallel()
	want, err := OpenAPI()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(committedSpec)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("spec/openapi.json is not what the code says (%v): run make generate", err)
	}
}

func TestTheDescriptionHasTheRoutesAndNoOthers(t *testing.T) {
	t.Parallel()
	d, err := description()
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Permission  string `json:"x-permission"`
			Summary     string
			Description string
			Responses   map[string]json.RawMessage
			Security    []map[string][]string
		}
	}
	if err := json.Unmarshal(d.text, &spec); err != nil {
		t.Fatal(err)
	}
	described := 0
	for _, item := range spec.Paths {
		described += len(item)
	}
	if described != len(d.table) || len(operations) != len(d.table) {
		t.Errorf("%d routes, %d described, %d explained", len(d.table), described, len(operations))
	}
	for _, rt := range d.table {
		op := spec.Paths[rt.path][strings.ToLower(rt.method)]
		permission := string(rt.permission)
		if rt.permission == public || rt.permission == anybody {
			permission = ""
		}
		if op.OperationID != rt.id || op.Permission != permission || op.Summary == "" || len(op.Description) < 10 || op.Responses["200"] == nil || op.Responses["500"] == nil {
			t.Errorf("%s %s is described as %+v", rt.method, rt.path, op)
		}
		if (rt.permission == public) != (op.Security != nil) {
			t.Errorf("%s: security %v", rt.id, op.Security)
		}
	}
}

// Every example must be what the code takes and answers.
func TestExamplesAreTrue(t *testing.T) {
	t.Parallel()
	for _, rt := range routes() {
		said := operations[rt.id]
		if f, ok := bodyField(rt.endpoint.in); ok {
			if err := unmarshal([]byte(said.request), reflect.New(f.Type).Interface()); err != nil {
				t.Errorf("the example request of %s: %v", rt.id, err)
			}
		}
		out := rt.endpoint.out
		if f, ok := bodyField(out); ok {
			out = f.Type
		}
		if out == nil {
			if said.media == "" {
				t.Errorf("%s answers by itself and does not say what", rt.id)
			}
			continue
		}
		if err := unmarshal([]byte(said.answer), reflect.New(out).Interface()); err != nil {
			t.Errorf("the example answer of %s: %v", rt.id, err)
		}
	}
}

// The limits that the description states are the ones that the centre enforces.
func TestStatedLimitsAreTheRealOnes(t *testing.T) {
	t.Parallel()
	d, err := description()
	if err != nil {
		t.Fatal(err)
	}
	schemas := d.model.Components.Schemas.Map()
	of := func(schema, field string) *huma.Schema {
		t.Helper()
		s := schemas[schema].Properties[field]
		if s == nil {
			t.Fatalf("%s has no %s", schema, field)
		}
		return s
	}
	limits := []struct {
		what string
		got  *int
		want int
	}{
		{"reason", of("PetitionInput", "reason").MaxLength, approval.MaxReason},
		{"resources", of("PetitionInput", "resources").MaxItems, approval.MaxResources},
		{"petitioners", of("PetitionInput", "petitioners").MaxItems, approval.MaxPetitioners},
		{"petition labels", of("PetitionInputMeta", "labels").MaxProperties, approval.MaxLabels},
		{"petition displayName", of("PetitionInputMeta", "displayName").MaxLength, approval.MaxDisplayName},
		{"claim reason", of("ClaimInput", "reason").MaxLength, approval.MaxReason},
		{"claim labels", of("ClaimInputMeta", "labels").MaxProperties, approval.MaxLabels},
		{"resource id", of("Resource", "id").MaxLength, approval.MaxID},
		{"resource displayName", of("Resource", "displayName").MaxLength, approval.MaxDisplayName},
		{"resource kind", of("Resource", "kind").MaxLength, approval.MaxKind},
		{"resource email", of("Resource", "email").MaxLength, approval.MaxEmail},
		{"resource altIds", of("Resource", "altIds").MaxItems, approval.MaxAltIDs},
		{"resource labels", of("Resource", "labels").MaxProperties, approval.MaxLabels},
		{"bulk update", of("BulkUpdateBody", "resources").MaxItems, approval.MaxBulk},
		{"bulk delete", of("BulkDeleteBody", "names").MaxItems, approval.MaxBulk},
		{"serviceAccountId", of("ServiceAccountInput", "serviceAccountId").MaxLength, approval.MaxName},
		{"token displayName", of("CreateTokenBody", "displayName").MaxLength, approval.MaxDisplayName},
		{"token scope", of("CreateTokenBody", "scope").MaxLength, approval.MaxID},
		{"refreshToken", of("ExchangeTokenBody", "refreshToken").MaxLength, maxBearer},
	}
	for _, l := range limits {
		if l.got == nil || *l.got != l.want {
			t.Errorf("%s: the description says %v, the centre %d", l.what, l.got, l.want)
		}
	}
	page := reflect.TypeFor[pageIn]()
	size := paramOf("query", "pageSize", page.Field(0))
	if size.min != 1 || size.max != approval.MaxPageSize || *of("CreateTokenBody", "expiryDays").Maximum != maxExpiryDays {
		t.Errorf("pageSize %d to %d", size.min, size.max)
	}
	views := paramOf("query", "view", reflect.TypeFor[listResourcesIn]().Field(2)).enum
	for _, v := range approval.Views {
		if !slices.Contains(views, string(v)) || len(views) != len(approval.Views) {
			t.Errorf("views: %v, want %v", views, approval.Views)
		}
	}
}
