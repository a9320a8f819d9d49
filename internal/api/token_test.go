package api

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/indent-approvals/indent/internal/approval"
)

func TestUserTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var made token
	h.do(theViewer, post, inSpace+"/tokens", `{"displayName":"laptop"}`).ok(&made)
	if made.RefreshToken != "" || made.ServiceAccountID != "" || !made.Meta.ExpireTime.Equal(h.clock.Now().Add(time.Hour)) || made.CreatedBy.ID != theViewer {
		t.Errorf("%+v", made)
	}
	var claims struct{ Sub, Space, Jti string }
	middle, err := base64.RawURLEncoding.DecodeString(strings.Split(made.AccessToken, ".")[1])
	h.must(err)
	h.must(json.Unmarshal(middle, &claims))
	if claims.Sub != theViewer || claims.Space != "acmecorp" || claims.Jti != made.Meta.Name {
		t.Errorf("%+v", claims)
	}
	h.with(made.AccessToken, get, inSpace, nil).ok(nil)
	h.do(theViewer, post, inSpace+"/tokens", nil).ok(nil)
	h.do(theViewer, post, inSpace+"/tokens", `{"expiryDays":3}`).refused(400, approval.Invalid, "expiryDays")
	h.clock.Advance(time.Hour + time.Second)
	h.with(made.AccessToken, get, inSpace, nil).refused(401, approval.Unauthenticated, "", "expired")
}

func TestServiceTokens(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var made token
	h.do(theOwner, post, inSpace+"/tokens", `{"serviceAccountId":"quickstart","displayName":"nightly","scope":"petitions:read  petitions:create","expiryDays":2}`).ok(&made)
	if !regexp.MustCompile(`^ind_[0-9A-Za-z]{38}$`).MatchString(made.RefreshToken) || made.AccessToken != "" || made.Scope != "petitions:read petitions:create" ||
		made.ServiceAccountID != "quickstart" || !made.Meta.ExpireTime.Equal(h.clock.Now().AddDate(0, 0, 2)) {
		t.Errorf("%+v", made)
	}
	h.with(made.RefreshToken, get, inSpace+"/petitions", nil).ok(nil)
	h.with(made.RefreshToken, get, inSpace+"/resources", nil).refused(403, approval.Forbidden, "", "scope")
	list := h.do(theOwner, get, inSpace+"/tokens", nil).ok(nil).body
	if strings.Contains(list, made.RefreshToken) || !strings.Contains(list, made.Meta.Name) {
		t.Error("a list has names and no secrets")
	}
	h.do(theViewer, del, inSpace+"/tokens/"+made.Meta.Name, nil).refused(404, approval.NotFound, "")
	h.do(theOwner, del, inSpace+"/tokens/"+made.Meta.Name, nil).ok(nil)
	h.with(made.RefreshToken, get, inSpace+"/petitions", nil).refused(401, approval.Unauthenticated, "")
	h.do(theOwner, del, inSpace+"/tokens/"+made.Meta.Name, nil).refused(409, approval.Conflict, "")
}

func TestTokensNeverHaveMoreThanTheirMaker(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	bad := map[string]string{`{"serviceAccountId":"quickstart","scope":"petitions:everything"}`: "scope",
		`{"serviceAccountId":"quickstart","expiryDays":0}`: "expiryDays", `{"serviceAccountId":"quickstart","expiryDays":3651}`: "expiryDays",
		`{"serviceAccountId":"` + theViewer + `"}`: "serviceAccountId", `{"displayName":"` + strings.Repeat("x", 501) + `"}`: "displayName",
		`{"scope":"` + strings.Repeat("x", 1025) + `"}`: "scope"}
	for body, field := range bad {
		h.do(theOwner, post, inSpace+"/tokens", body).refused(400, approval.Invalid, field)
	}
	h.do(theOwner, post, inSpace+"/tokens", `{"serviceAccountId":"nobody"}`).refused(404, approval.NotFound, "")
	h.do(theEditor, post, inSpace+"/tokens", `{"serviceAccountId":"quickstart"}`).refused(403, approval.Forbidden, "")
	h.do(theViewer, post, inSpace+"/tokens", `{"serviceAccountId":"quickstart"}`).refused(403, approval.Forbidden, "")
	h.do(theViewer, post, inSpace+"/tokens", `{"scope":"resources:write"}`).refused(403, approval.Forbidden, "")
	narrow := h.serviceToken(approval.ManageOwnTokens, approval.ReadPetitions)
	var made token
	h.with(narrow, post, inSpace+"/tokens", `{}`).ok(&made)
	if made.Scope != "tokens:own petitions:read" {
		t.Errorf("a token's token has scope %q", made.Scope)
	}
}

func TestExchange(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	long := h.serviceToken(approval.ReadPetitions)
	var short token
	h.do("", post, "/v1/auth/token", map[string]string{"grantType": "refresh_token", "refreshToken": long}, "Indent-Space", "whatever").ok(&short)
	if short.RefreshToken != "" || short.Scope != "petitions:read" || short.ServiceAccountID != "quickstart" {
		t.Errorf("%+v", short)
	}
	h.with(short.AccessToken, get, inSpace+"/petitions", nil).ok(nil)
	h.with(short.AccessToken, get, inSpace+"/resources", nil).refused(403, approval.Forbidden, "")
	for body, status := range map[string]int{`{"grantType":"password","refreshToken":"x"}`: 400, `{"grantType":"refresh_token"}`: 400,
		`{"grantType":"refresh_token","refreshToken":"` + short.AccessToken + `"}`: 401, `{"grantType":"refresh_token","refreshToken":"ind_x"}`: 401} {
		if a := h.do("", post, "/v1/auth/token", body); a.status != status {
			t.Errorf("%.60s: %d %s", body, a.status, a.body)
		}
	}
}

func TestTheKeysAreAJWKS(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var set struct{ Keys []map[string]string }
	a := h.do("", get, "/v1/auth/keys", nil).ok(&set)
	if len(set.Keys) != 1 || set.Keys[0]["kty"] != "EC" || set.Keys[0]["crv"] != "P-256" || set.Keys[0]["kid"] == "" || set.Keys[0]["d"] != "" {
		t.Errorf("%s", a.body)
	}
}

func TestServiceAccounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var made serviceAccount
	h.do(theEditor, post, inSpace+"/serviceAccounts", `{"serviceAccount":{"meta":{"displayName":"Deploy Bot","name":"ignored"},"serviceAccountId":"deploy-bot","createdBy":{"id":"mallory"}}}`).ok(&made)
	if made.ServiceAccountID != "deploy-bot" || made.Role != approval.PetitionAdmin || made.Meta.DisplayName != "Deploy Bot" || made.CreatedBy.ID != theEditor {
		t.Errorf("%+v", made)
	}
	var list serviceAccountList
	h.do(theAdmin, get, inSpace+"/serviceAccounts", nil).ok(&list)
	if len(list.ServiceAccounts) != 2 || list.ServiceAccounts[0].ServiceAccountID != "deploy-bot" {
		t.Errorf("%+v", list)
	}
	for body, status := range map[string]int{
		`{"serviceAccount":{"serviceAccountId":"deploy-bot"}}`:         409,
		`{"serviceAccount":{"serviceAccountId":"x","role":"Owner"}}`:   403,
		`{"serviceAccount":{"serviceAccountId":"x","role":"Root"}}`:    400,
		`{"serviceAccount":{"serviceAccountId":"a@b.c"}}`:              400,
		`{"serviceAccount":{}}`:                                        400,
		`{"serviceAccount":{"serviceAccountId":"x","surprise":true}}`:  400,
		`{"serviceAccount":{"serviceAccountId":"x","meta":{"x":"y"}}}`: 400,
	} {
		if a := h.do(theEditor, post, inSpace+"/serviceAccounts", body); a.status != status {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}
