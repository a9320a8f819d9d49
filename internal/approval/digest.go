package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// digestInput is what an approval binds to (I1): all that is asked, by whom, why and for how long. It is written as
// canonical JSON (RFC 8785) and hashed with SHA-256.
type digestInput struct {
	Duration    string         `json:"duration"` // Go duration; "0s" when policy's default was asked for
	Params      jsontext.Value `json:"params,omitzero"`
	Petitioners []Resource     `json:"petitioners"`
	Reason      string         `json:"reason"`
	Resources   []Resource     `json:"resources"`
	StartTime   time.Time      `json:"startTime,omitzero"` // only where one is asked for
}

const digestScheme = "sha256:"

// Digest answers "sha256:" and the hex hash of what the petition asks. Any change of it is another petition.
func Digest(petitioners, resources []Resource, params []byte, reason string, duration time.Duration) (string, error) {
	return digestInput{Duration: duration.String(), Params: params, Petitioners: petitioners, Reason: reason, Resources: resources}.digest()
}

// digestFor answers the digest of what p asks.
func digestFor(p *Petition) (string, error) {
	return digestInput{p.Duration.String(), jsontext.Value(p.Params), p.Petitioners, p.Reason, p.Resources, p.StartTime}.digest()
}

func (in digestInput) digest() (string, error) {
	var few [768]byte // nearly all petitions fit, and then hashing them leaves nothing behind
	text, err := in.canonical(few[:0])
	if err != nil {
		return "", Wrap(Invalid, err, "the petition cannot be written as canonical JSON")
	}
	sum := sha256.Sum256(text)
	var out [len(digestScheme) + 2*len(sum)]byte
	return string(hex.AppendEncode(append(out[:0], digestScheme...), sum[:])), nil
}

// canonical writes the input as canonical JSON, to where there is room for it. What has no params and is all ASCII writes itself, in a tenth of the
// library's time; the library alone knows the order of UTF-16, what is not UTF-8, and every form of params.
func (in digestInput) canonical(room []byte) ([]byte, error) {
	if len(in.Params) == 0 {
		if text := in.plain(room); isASCII(text) {
			return text, nil
		}
	}
	return in.byLibrary()
}

func (in digestInput) byLibrary() ([]byte, error) {
	raw, err := json.Marshal(in, json.Deterministic(true))
	if err != nil {
		return nil, err
	}
	value := jsontext.Value(raw)
	err = value.Canonicalize()
	return value, err
}

func (in digestInput) plain(j JSON) JSON {
	return j.Begin().Name("duration").Quote(in.Duration).Name("petitioners").canonicalResources(in.Petitioners).
		Name("reason").Quote(in.Reason).Name("resources").canonicalResources(in.Resources).Time("startTime", in.StartTime).End()
}

// canonicalResources writes an array of resources as a value, their members in the order of RFC 8785.
func (j JSON) canonicalResources(list []Resource) JSON {
	j = append(j, '[')
	for i := range list {
		r := &list[i]
		j = j.Next().Begin()
		if len(r.AltIDs) > 0 {
			j = Texts(j.Name("altIds"), r.AltIDs)
		}
		j = j.Text("displayName", r.DisplayName).Text("email", r.Email).Text("id", r.ID).Text("kind", r.Kind).
			Labels("labels", r.Labels).End()
	}
	return append(j, ']')
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// CanonicalParams checks the params of a petition and answers them as canonical JSON (RFC 8785), nil when there are none.
// It refuses what canonical JSON cannot carry unchanged: a number that is rounded would be approved as one and could be
// run as another.
func CanonicalParams(field string, params []byte) ([]byte, error) {
	if len(bytes.TrimSpace(params)) == 0 {
		return nil, nil
	}
	if len(params) > MaxBodyBytes {
		return nil, FieldError(field, "is larger than %d bytes", MaxBodyBytes)
	}
	value := jsontext.Value(bytes.Clone(params))
	if value.Kind() != '{' {
		return nil, FieldError(field, "must be a JSON object")
	}
	if err := checkParamTokens(field, value); err != nil {
		return nil, err
	}
	if err := value.Canonicalize(); err != nil {
		return nil, notJSON(field, err)
	}
	if len(value) > MaxParamsBytes {
		return nil, FieldError(field, "is %d bytes of canonical JSON, at most %d are allowed: put the bulk elsewhere and send its digest", len(value), MaxParamsBytes)
	}
	return value, nil
}

// checkParamTokens refuses what JSON allows and params may not have. A name twice, invalid UTF-8 and lone surrogates are
// the decoder's to refuse (RFC 7493, I-JSON).
func checkParamTokens(field string, value jsontext.Value) error {
	dec := jsontext.NewDecoder(bytes.NewReader(value))
	for {
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return notJSON(field, err)
		}
		if dec.StackDepth() > MaxJSONDepth {
			return FieldError(field, "is nested more than %d deep", MaxJSONDepth)
		}
		switch tok.Kind() {
		case '"':
			err = firstError(checkRunes("", tok.String(), mannerOf(dec)), checkNoToken("", tok.String()))
		case '0':
			err = checkNumber(tok.String())
		}
		if err != nil {
			return under(printable(Redact(field+string(dec.StackPointer())), 300), err)
		}
	}
}

// mannerOf answers how strict to be with the text that was just read: names are identifiers.
func mannerOf(dec *jsontext.Decoder) manner {
	if kind, n := dec.StackIndex(dec.StackDepth()); kind == '{' && n%2 == 1 {
		return identifier
	}
	return prose
}

func notJSON(field string, err error) error {
	var syntax *jsontext.SyntacticError
	if errors.As(err, &syntax) {
		return FieldError(printable(field+string(syntax.JSONPointer), 300), "is not valid JSON at byte %d: %s", syntax.ByteOffset,
			printable(fmt.Sprint(syntax.Err), 200))
	}
	return FieldError(field, "is not valid JSON")
}

const maxSafeInteger = 1<<53 - 1

// checkNumber refuses a number that RFC 8785 would write with another value: it knows doubles only (3.2.2.3).
func checkNumber(literal string) error {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) {
		return FieldError("", "the number %.40s is out of range: send it as text", literal)
	}
	if f == math.Trunc(f) && math.Abs(f) > maxSafeInteger {
		return FieldError("", "the number %.40s is beyond 2^53-1 and would lose digits: send it as text", literal)
	}
	if written := strconv.FormatFloat(f, 'e', -1, 64); decimalOf(written) != decimalOf(literal) {
		return FieldError("", "the number %.40s would become %s: send it as text", literal, written)
	}
	return nil
}

// decimal is a number as its digits without leading and trailing zeros, and the power of ten of the last one.
type decimal struct {
	digits   string
	exponent int
}

func decimalOf(literal string) decimal {
	mantissa, power, _ := strings.Cut(strings.ToLower(strings.TrimPrefix(literal, "-")), "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	all := strings.TrimLeft(whole+fraction, "0")
	digits := strings.TrimRight(all, "0")
	if digits == "" {
		return decimal{}
	}
	exponent, _ := strconv.Atoi(power) // a power that is not an int is of a number that is out of range, or 0
	return decimal{digits, exponent - len(fraction) + len(all) - len(digits)}
}
