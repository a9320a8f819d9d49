package web

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// Route is one line of the console's table.
type Route struct {
	Method string
	Path   string
	// Who is the permission that the signed-in member needs; Anyone needs no session.
	Who    approval.Permission
	handle handler
}

// Anyone marks a route that needs no session.
const Anyone approval.Permission = ""

// Routes is the whole console, read from top to bottom. A GET also answers HEAD, and neither ever changes anything but one:
// the provider sends a browser back to the callback with GET, and only the browser that has begun, with its cookie, is let in.
func (w *Web) Routes() []Route {
	return []Route{
		{"GET", "/{$}", approval.ReadPetitions, w.showInbox},
		{"GET", "/inbox/stream", approval.ReadPetitions, w.streamInbox},
		{"GET", "/access/{space}/{petition}", approval.ReadPetitions, w.showPetition},
		{"POST", "/access/{space}/{petition}", approval.CreateClaims, w.decidePetition},
		{"GET", "/grants", approval.ReadPetitions, w.showGrants},
		{"GET", "/grants/revoke", approval.CreateClaims, w.showRevoke},
		{"POST", "/grants/revoke", approval.CreateClaims, w.revokeGrants},
		{"GET", "/api-keys", approval.ManageOwnTokens, w.showAPIKeys},
		{"POST", "/api-keys", approval.ManageOwnTokens, w.createAPIKey},
		{"POST", "/api-keys/accounts", approval.ManageAccounts, w.changeAccount},
		{"POST", "/api-keys/tokens", approval.ManageTokens, w.changeToken},
		{"POST", "/api-keys/trusts", approval.ManageTokens, w.changeTrust},
		{"GET", "/account", approval.ReadSpaces, w.showAccount},
		{"POST", "/account/sessions", approval.ManageOwnTokens, w.endSessions},
		{"POST", "/account/delegations", approval.WriteDelegations, w.changeDelegations},
		{"POST", "/account/programs", approval.ManageOwnTokens, w.endProgram},
		{"GET", "/account/space", approval.ReadSpaces, w.showSpaces},
		{"POST", "/account/space", approval.ReadSpaces, w.switchSpace},
		{"POST", "/account/spaces", approval.CreateSpaces, w.makeSpace},
		{"GET", "/passkeys", approval.ManageOwnTokens, w.showPasskeys},
		{"POST", "/passkeys", approval.ManageOwnTokens, w.changePasskeys},
		{"POST", "/passkeys/options", approval.ManageOwnTokens, w.askPasskey},
		{"GET", "/sign-in/passkey", Anyone, w.showFactor},
		{"POST", "/sign-in/passkey", Anyone, w.finishFactor},
		{"POST", "/sign-in/passkey/options", Anyone, w.askFactor},
		{"GET", "/settings", approval.ReadMembers, w.showSettings},
		{"GET", "/people", approval.ReadMembers, w.showPeople},
		{"POST", "/settings/space", approval.WriteSpaces, w.changeSpace},
		{"POST", "/settings/members", approval.WriteMembers, w.changeMembers},
		{"POST", "/settings/identities", approval.WriteMembers, w.changeIdentities},
		{"GET", "/groups", approval.ReadResources, w.showGroups},
		{"POST", "/groups", approval.WriteResources, w.makeGroup},
		{"GET", "/groups/{group}", approval.ReadResources, w.showGroup},
		{"POST", "/groups/{group}", approval.WriteResources, w.changeGroup},
		{"GET", "/policy", approval.ReadPolicy, w.showPolicy},
		{"GET", "/policy/versions/{version}", approval.ReadPolicy, w.showPolicyVersion},
		{"GET", "/policy/proposals/{petition}", approval.ReadPolicy, w.showProposal},
		{"POST", "/policy/simulate", approval.ReadPolicy, w.simulatePolicy},
		{"POST", "/policy/rollback", approval.WritePolicy, w.rollBackPolicy},
		{"GET", editPolicyPath, approval.WritePolicy, w.showPolicyEditor},
		{"POST", editPolicyPath, approval.WritePolicy, w.editPolicy},
		{"GET", "/webhooks", approval.ReadWebhooks, w.showWebhooks},
		{"POST", "/webhooks", approval.WriteWebhooks, w.makeWebhook},
		{"GET", "/webhooks/{webhook}", approval.ReadWebhooks, w.showWebhook},
		{"POST", "/webhooks/{webhook}", approval.WriteWebhooks, w.changeWebhook},
		{"POST", "/webhooks/{webhook}/condition", approval.WriteWebhooks, w.changeCondition},
		{"GET", "/webhooks/{webhook}/deliveries", approval.ReadWebhooks, w.showDeliveries},
		{"GET", "/webhooks/{webhook}/deliveries/{delivery}", approval.ReadWebhooks, w.showDelivery},
		{"POST", "/webhooks/{webhook}/deliveries/{delivery}", approval.WriteWebhooks, w.replayDelivery},
		{"GET", webhookPoliciesPath, approval.ReadWebhooks, w.showWebhookPolicies},
		{"POST", webhookPoliciesPath, approval.WriteWebhooks, w.makeWebhookPolicy},
		{"GET", "/webhook-policies/{policy}", approval.ReadWebhooks, w.showWebhookPolicy},
		{"POST", "/webhook-policies/{policy}", approval.WriteWebhooks, w.changeWebhookPolicy},
		{"POST", "/webhook-policies/{policy}/try", approval.ReadWebhooks, w.tryWebhookPolicy},
		{"GET", "/directory", approval.ReadWebhooks, w.showDirectory},
		{"POST", "/directory", approval.WriteWebhooks, w.makePull},
		{"GET", "/directory/{pull}", approval.ReadWebhooks, w.showPull},
		{"POST", "/directory/{pull}", approval.WriteWebhooks, w.changePull},
		{"GET", "/device", approval.ManageOwnTokens, w.showDevice},
		{"POST", "/device", approval.ManageOwnTokens, w.answerDevice},
		{"GET", "/authorize", approval.ManageOwnTokens, w.showAuthorize},
		{"POST", "/authorize", approval.ManageOwnTokens, w.answerAuthorize},
		{"GET", "/sign-in", Anyone, w.showSignIn},
		{"POST", "/sign-in", Anyone, w.signIn},
		{"GET", "/sign-in/with/{provider}", Anyone, w.beginSignIn},
		{"GET", "/sign-in/callback/{provider}", Anyone, w.finishSignIn},
		{"POST", "/sign-out", Anyone, w.signOut},
		{"GET", "/static/{file}", Anyone, w.sendStatic},
		{"*", "/", Anyone, w.showMissing},
	}
}

// handler answers one request. What it answers is written after it has returned, so that half a page is never sent.
type handler func(r *http.Request, v visitor) (answer, error)

// answer is a page, a redirect or something that writes itself.
type answer struct {
	status   int // 0: 200
	page     string
	title    string
	data     any
	location string // not empty: a redirect after a POST (303)
	cookies  []*http.Cookie
	allow    string // of a wrong method
	retry    int    // not 0: after how many seconds to come back
	formTo   string // an origin besides this one to which the answer to the page's form may lead
	write    func(http.ResponseWriter)
}

// maxForm bounds the body of a form: a reason of 4,000 characters, percent-encoded, is at most 48 KB.
const maxForm = 64 << 10

// maxDocumentForm bounds the form that has a whole rule document, percent-encoded.
const maxDocumentForm = 3*approval.MaxPolicyBytes + maxForm

// Register adds the console to the server's routes.
func (w *Web) Register(mux *http.ServeMux) {
	byPath := map[string][]Route{}
	for _, route := range w.Routes() {
		byPath[route.Path] = append(byPath[route.Path], route)
	}
	for path, routes := range byPath {
		mux.Handle(path, w.secured(routes))
	}
}

// secured puts what every page has around the routes of one path: headers, size limit, no request from another site.
func (w *Web) secured(routes []Route) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		secureHeaders(rw.Header())
		most := int64(maxForm)
		if routes[0].Path == editPolicyPath {
			most = maxDocumentForm
		}
		r.Body = http.MaxBytesReader(rw, r.Body, most)
		v := visitor{}
		a, err := w.dispatch(r, routes, &v)
		if err != nil {
			a = w.errorPage(r, v, err)
		}
		w.send(rw, r, v, a)
	})
}

func (w *Web) dispatch(r *http.Request, routes []Route, v *visitor) (answer, error) {
	if err := w.guard.Check(r); err != nil {
		return answer{}, approval.Wrap(approval.Forbidden, err, "this form was sent from another site, and that is never accepted: open the page here and press its button")
	}
	route, err := choose(routes, r.Method)
	if err != nil {
		return answer{}, err
	}
	*v, err = w.visitor(r)
	if route.Who == Anyone && approval.CodeOf(err) == approval.TooMany {
		*v, err = visitor{}, nil // what is there for anybody is there without a session
	}
	if err != nil {
		return answer{}, err
	}
	if route.Who == Anyone {
		return route.handle(r, *v)
	}
	if !v.signedIn() {
		return w.askToSignIn(r), nil
	}
	if err := w.Limits.Call(v.Actor); err != nil {
		return answer{}, err
	}
	if err := w.Service.Authorize(r.Context(), v.Actor, route.Who, r.Method+" "+route.Path); err != nil {
		return answer{}, err
	}
	return route.handle(r, *v)
}

func choose(routes []Route, method string) (Route, error) {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	var allow []string
	for _, route := range routes {
		if route.Method == method || route.Method == "*" {
			return route, nil
		}
		allow = append(allow, route.Method)
		if route.Method == http.MethodGet {
			allow = append(allow, http.MethodHead)
		}
	}
	return Route{}, wrongMethod{strings.Join(slices.Compact(allow), ", ")}
}

// wrongMethod is a method that the path does not have.
type wrongMethod struct{ allow string }

func (e wrongMethod) Error() string { return "this address answers only " + e.allow }

// form reads the fields of a POST.
func form(r *http.Request) error {
	err := r.ParseForm()
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return tooLarge
	}
	if err != nil {
		return approval.Wrap(approval.Invalid, err, "the form could not be read: open the page again and send it once more")
	}
	return nil
}

var tooLarge = approval.Errorf(approval.Invalid, "the form is larger than 64 KiB")

// secureHeaders are on every answer. There is no inline script or style anywhere, so the policy needs no exception.
func secureHeaders(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "+
		"font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Content-Type-Options", "nosniff")
	// A sign-in link is in the address of its page: no address is told to anybody.
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	// Pages show what one member may see, and a back button must not bring an old state back.
	h.Set("Cache-Control", "no-store")
}
