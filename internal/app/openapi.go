package app

import "github.com/indent-approvals/indent/internal/api"

// OpenAPI answers the description of the API (OpenAPI 3.1) that spec/openapi.json holds.
func OpenAPI() ([]byte, error) { return api.OpenAPI() }
