package app

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

// vault seals with AES-256-GCM under keys of the settings: the first seals, all open, so that a key is replaced by putting
// another one before it. It implements [approval.Vault].
type vault []sealKey

type sealKey struct {
	id   string // the beginning of its SHA-256: which key it was, without telling the key
	aead cipher.AEAD
}

// sealVersion begins what is sealed, so that another way to seal can be told apart.
const sealVersion = "g1"

// devSealKey seals on a server to play with, which keeps nothing secret: it stands here.
var devSealKey = sha256.Sum256([]byte("indent dev keeps nothing secret"))

// newVault answers nil without a key: then there is nothing to keep secrets with.
func newVault(keys [][]byte) (approval.Vault, error) {
	var v vault
	for _, key := range keys {
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		aead, err := cipher.NewGCM(block)
		if err != nil {
			return nil, err
		}
		id := sha256.Sum256(key)
		v = append(v, sealKey{hex.EncodeToString(id[:4]), aead})
	}
	if v == nil {
		return nil, nil
	}
	return v, nil
}

// Seal implements [approval.Vault]. The nonce is 96 random bits, which so few secrets never use up.
func (v vault) Seal(place, text string) (string, error) {
	k := v[0]
	nonce := make([]byte, k.aead.NonceSize())
	rand.Read(nonce)
	sealed := k.aead.Seal(nonce, nonce, []byte(text), []byte(place))
	return sealVersion + "." + k.id + "." + base64.RawStdEncoding.EncodeToString(sealed), nil
}

// Open implements [approval.Vault].
func (v vault) Open(place, sealed string) (string, error) {
	version, rest, _ := strings.Cut(sealed, ".")
	id, text, _ := strings.Cut(rest, ".")
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if version != sealVersion || err != nil {
		return "", approval.Wrap(approval.Internal, err, "a stored secret is not what was sealed")
	}
	for _, k := range v {
		if k.id != id {
			continue
		}
		if len(raw) < k.aead.NonceSize() {
			return "", approval.Errorf(approval.Internal, "a stored secret is cut short")
		}
		plain, err := k.aead.Open(nil, raw[:k.aead.NonceSize()], raw[k.aead.NonceSize():], []byte(place))
		if err != nil {
			return "", approval.Wrap(approval.Internal, errors.Join(err, errors.New(place)), "a stored secret is not what was sealed for this place")
		}
		return string(plain), nil
	}
	return "", approval.Errorf(approval.Unavailable, "a stored secret was sealed with a key that this server does not have: its operator adds the key to seal_keys, or the secret is given anew")
}
