package approvaltest

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/indent-approvals/indent/internal/approval"
)

// Legacy leaves out what is empty by the rules of encoding/json and writes durations as numbers: how records are kept.
var Legacy = json.JoinOptions(jsonv1.OmitEmptyWithLegacySemantics(true), jsonv1.FormatDurationAsNano(true))

// SameJSON compares what a value has written of itself with what the JSON library writes of it.
func SameJSON(t testing.TB, value any, got approval.JSON, options ...json.Options) {
	t.Helper()
	want, err := json.Marshal(value, append(options, json.Deterministic(true))...)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%T wrote\n%s\nand the library writes\n%s", value, got, want)
	}
}

var texts = []string{"a", "Ünïcödé", `"quoted"`, `back\slash`, "<html>&", "line\nbreak", "\u2028", "\x7f", "\x00", "😀", strings.Repeat("long ", 50)}

// Fill sets every field of what v points to, to any depth; each is left out with the probability zero.
func Fill(v any, rng *rand.Rand, zero float64) { fill(reflect.ValueOf(v).Elem(), rng, zero) }

func fill(v reflect.Value, rng *rand.Rand, zero float64) {
	if rng.Float64() < zero {
		return
	}
	switch at := v.Addr().Interface().(type) {
	case *time.Time:
		*at = time.UnixMicro(rng.Int64N(4e15)).UTC()
		return
	case *approval.RawJSON:
		*at = approval.RawJSON(`{"n":1,"s":"ü"}`)
		return
	case *jsontext.Value:
		*at = jsontext.Value(`{"n":1,"s":"ü"}`)
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[rng.IntN(len(texts))])
	case reflect.Int, reflect.Int64:
		v.SetInt(rng.Int64N(1e15))
	case reflect.Float64:
		v.SetFloat([]float64{-0.5, 3, 1e21, 1e-7, 123456.789, 5e-324}[rng.IntN(6)])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), rng, zero)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1+rng.IntN(3), 4))
		for i := range v.Len() {
			fill(v.Index(i), rng, zero)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range 1 + rng.IntN(12) {
			value := reflect.New(v.Type().Elem()).Elem()
			fill(value, rng, zero)
			v.SetMapIndex(reflect.ValueOf(texts[rng.IntN(len(texts))]), value)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() { // what is not is not written either
				fill(v.Field(i), rng, zero)
			}
		}
	default:
		panic("a kind of field that this test cannot fill: " + v.Kind().String())
	}
}
