package app

import "crypto/rand"

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// randomText answers n uniform characters of the alphabet. Bytes beyond the last whole multiple of 62 are thrown away:
// a remainder would make some characters likelier.
func randomText(n int) string {
	const limit = 256 - 256%len(alphabet)
	out := make([]byte, 0, n)
	var chunk [64]byte
	for len(out) < n {
		rand.Read(chunk[:]) // never fails since Go 1.24: it ends the program instead
		for _, b := range chunk {
			if int(b) < limit && len(out) < n {
				out = append(out, alphabet[int(b)%len(alphabet)])
			}
		}
	}
	return string(out)
}
