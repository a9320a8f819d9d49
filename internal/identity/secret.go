package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"hash/crc32"
	"strings"
)

// The text of a service token: a prefix that secret scanners find, 32 characters of 0-9A-Za-z from the system's
// cryptographic source (190 bits), and 6 that are the CRC-32 (IEEE) of all before in base 62. A mistyped or cut token is
// told apart without a look-up. As a regular expression: ind_[0-9A-Za-z]{38}
const (
	prefix       = "ind_"
	randomLength = 32
	checkLength  = 6
)

func serviceToken(random string) string { return prefix + random + checksum(prefix+random) }

// wellFormed answers whether the text has the shape and the checksum of a service token.
func wellFormed(token string) bool {
	if len(token) != len(prefix)+randomLength+checkLength || !strings.HasPrefix(token, prefix) {
		return false
	}
	body := token[:len(token)-checkLength]
	return checksum(body) == token[len(body):]
}

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func checksum(body string) string {
	sum := crc32.ChecksumIEEE([]byte(body))
	var out [checkLength]byte
	for i := range out {
		out[checkLength-1-i] = base62[sum%62]
		sum /= 62
	}
	return string(out[:])
}

// hash is what the store keeps of a secret. The secrets have 160 bits and more, so that a plain SHA-256 cannot be
// searched, and a look-up by the hash tells nothing about how much of a guess was right.
func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// sameText compares in a time that does not tell how much is equal.
func sameText(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
