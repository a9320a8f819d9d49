package config

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// maxFile bounds the settings file, in bytes.
const maxFile = 64 << 10

// fromFile answers the settings of a YAML file, each with its line. The file may hold a password: no message quotes it.
func fromFile(path string) ([]value, *SignIn, error) {
	if path == "" {
		return nil, nil, nil
	}
	raw, err := readBounded(path)
	if err != nil {
		return nil, nil, fmt.Errorf("the settings file cannot be read: %w", err)
	}
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		var at yaml.Error
		if errors.As(err, &at) {
			return nil, nil, fmt.Errorf("%s:%d: %s", path, at.GetToken().Position.Line, at.GetMessage())
		}
		return nil, nil, fmt.Errorf("%s is not YAML", path)
	}
	if len(file.Docs) > 1 {
		return nil, nil, fmt.Errorf("%s holds several documents: put all settings into one", path)
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, nil, nil
	}
	return valuesIn(path, file.Docs[0].Body)
}

func valuesIn(path string, body ast.Node) (found []value, signIn *SignIn, err error) {
	mapping, ok := body.(*ast.MappingNode)
	if !ok {
		if _, ok := body.(*ast.CommentGroupNode); ok {
			return nil, nil, nil
		}
		return nil, nil, fmt.Errorf("%s must hold settings, such as addr: 127.0.0.1:8080", path)
	}
	for _, entry := range mapping.Values {
		key := entry.Key.GetToken().Value
		if key == "sign_in" {
			if signIn, err = signInIn(path, entry.Value); err != nil {
				return nil, nil, err
			}
			continue
		}
		origin := fmt.Sprintf("%s:%d: %s", path, entry.Key.GetToken().Position.Line, key)
		text, ok := scalar(entry.Value)
		if !ok && find(key) == nil {
			return nil, nil, fmt.Errorf("%s: there is no such setting: %s", origin, nearest(value{key: key, spell: asWritten}))
		}
		if !ok {
			return nil, nil, fmt.Errorf("%s needs one value on its line", origin)
		}
		found = append(found, value{key, text, origin, asWritten})
	}
	return found, signIn, nil
}

// scalar answers a value as it is written: 8080 and "8080" are the same setting.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, true
	}
	return "", false
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return raw, err
}
