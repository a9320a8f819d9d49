package approval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"strconv"
	"time"

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
}

// Digest answers "sha256:" and the hex hash of what the petition asks. Any change of it is another petition.
func Digest(petitioners, resources []Resource, params []byte, reason string, duration time.Duration) (string, error) {
	raw, err := json.Marshal(digestInput{Duration: duration.String(), Params: params, Petitioners: petitioners, Reason: reason, Resources: resources},
		json.Deterministic(true))
	if err != nil {
		return "", Wrap(Invalid, err, "the petition cannot be written as canonical JSON")
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		return "", Wrap(Invalid, err, "the petition cannot be written as canonical JSON")
	}
	sum := sha256.Sum256(value)
	return "sha256:" + hex.EncodeToString(sum[:]), nil
}

// CanonicalParams checks the params of a petition and answers them as canonical JSON (RFC 8785), nil when there are none.
// It refuses what canonical JSON cannot carry unchanged: an integer beyond 2^53-1 would be approved as one number and
// could be run as another.
func CanonicalParams(field string, params []byte) ([]byte, error) {
	if len(bytes.TrimSpace(params)) == 0 {
		return nil, nil
	}
	value := jsontext.Value(bytes.Clone(params))
	if value.Kind() != '{' {
		return nil, FieldError(field, "must be a JSON object")
	}
	if err := checkParamTokens(field, value); err != nil {
		return nil, err
	}
	if err := value.Canonicalize(); err != nil {
		return nil, FieldError(field, "is not valid JSON: %v", err)
	}
	if len(value) > MaxParamsBytes {
		return nil, FieldError(field, "is %d bytes of canonical JSON, at most %d are allowed: put the bulk elsewhere and send its digest", len(value), MaxParamsBytes)
	}
	return value, nil
}

func checkParamTokens(field string, value jsontext.Value) error {
	dec := jsontext.NewDecoder(bytes.NewReader(value))
	for {
		tok, err := dec.ReadToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return FieldError(field, "is not valid JSON: %v", err)
		}
		if dec.StackDepth() > MaxJSONDepth {
			return FieldError(field, "is nested more than %d deep", MaxJSONDepth)
		}
		at := field + string(dec.StackPointer())
		switch tok.Kind() {
		case '"':
			err = checkRunes(at, tok.String(), prose)
		case '0':
			err = checkNumber(at, tok.String())
		}
		if err != nil {
			return err
		}
	}
}

const maxSafeInteger = 1<<53 - 1

func checkNumber(field, literal string) error {
	f, err := strconv.ParseFloat(literal, 64)
	if err != nil || math.IsInf(f, 0) {
		return FieldError(field, "the number %.40s is out of range: send it as text", literal)
	}
	if f == math.Trunc(f) && math.Abs(f) > maxSafeInteger {
		return FieldError(field, "the number %.40s is beyond 2^53-1 and would lose digits: send it as text", literal)
	}
	return nil
}
