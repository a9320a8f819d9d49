package api

import (
	"github.com/danielgtaylor/huma/v2"
	"github.com/go-json-experiment/json/jsontext"
)

// ignored is a member that only the server sets: whatever a client sends back is accepted and has no effect.
type ignored struct{}

// UnmarshalJSONFrom reads past the value; that it is JSON is still demanded.
func (*ignored) UnmarshalJSONFrom(dec *jsontext.Decoder) error { return dec.SkipValue() }

// Schema describes the member in OpenAPI.
func (ignored) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Description: "Set by the server; accepted and ignored.", ReadOnly: true}
}

// IgnoredMeta are the members of meta that only the server sets.
type IgnoredMeta struct {
	Name       ignored `json:"name,omitzero"`
	Space      ignored `json:"space,omitzero"`
	CreateTime ignored `json:"createTime,omitzero"`
	UpdateTime ignored `json:"updateTime,omitzero"`
	DeleteTime ignored `json:"deleteTime,omitzero"`
	ExpireTime ignored `json:"expireTime,omitzero"`
	StartTime  ignored `json:"startTime,omitzero"`
	EndTime    ignored `json:"endTime,omitzero"`
}
