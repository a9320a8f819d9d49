//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// firstNumber is that of the first account and group that are no system's.
const firstNumber = 1000

// accountName is what useradd takes.
var accountName = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

// groups are those of a folder such as /etc: the files passwd, group, and gshadow where there is one.
type groups struct {
	folder string
	prefix string     // of the groups that people may get
	inside sync.Mutex // the lock of the file is the process's, not the goroutine's
}

// set puts the account into the group, or takes it out. What is so already is left as it is; to take an account out that is not
// there, or out of a group that is not there, is fine.
func (g *groups) set(ctx context.Context, group, account string, member bool) error {
	unlock, err := g.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if !member {
		if has, err := g.has(group, account); err != nil || !has {
			return err
		}
	}
	if err := g.check(group); err != nil {
		return err
	}
	if member {
		if err := g.checkAccount(account); err != nil {
			return err
		}
	}
	// groups first: what the kernel goes by
	for _, name := range []string{"group", "gshadow"} {
		if err := g.edit(name, group, account, member); err != nil && !(name == "gshadow" && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
	}
	if has, err := g.has(group, account); err != nil || has == member {
		return err
	}
	return &indent.WebhookStatus{Code: indent.CodeFailedPrecondition, Message: group + " is the own group of " + account + ", which this endpoint did not give"}
}

// has answers whether the account is in the group, by its list or as the account's own group.
func (g *groups) has(group, account string) (bool, error) {
	line, err := g.line("group", group)
	if err != nil || line == nil {
		return false, err
	}
	if slices.Contains(members(line), account) {
		return true, nil
	}
	person, err := g.line("passwd", account)
	return len(person) > 3 && person[3] == line[2], err
}

// list answers the groups that people may get.
func (g *groups) list() (names []string, err error) {
	text, err := os.ReadFile(filepath.Join(g.folder, "group"))
	for line := range strings.Lines(string(text)) {
		name, _, _ := strings.Cut(line, ":")
		if g.check(name) == nil {
			names = append(names, name)
		}
	}
	return names, err
}

// check refuses a group that is not there, or that is not to be had.
func (g *groups) check(group string) error {
	if !accountName.MatchString(group) || !strings.HasPrefix(group, g.prefix) {
		return &indent.WebhookStatus{Code: indent.CodePermissionDenied, Message: "only groups whose names begin with " + g.prefix + " can be had"}
	}
	line, err := g.line("group", group)
	if err != nil {
		return err
	}
	if line == nil {
		return &indent.WebhookStatus{Code: indent.CodeNotFound, Message: "there is no group " + group}
	}
	if number, err := strconv.Atoi(line[2]); err != nil || number < firstNumber {
		return &indent.WebhookStatus{Code: indent.CodePermissionDenied, Message: group + " is a group of the system"}
	}
	return nil
}

func (g *groups) checkAccount(account string) error {
	line, err := g.line("passwd", account)
	if err != nil {
		return err
	}
	if line == nil {
		return &indent.WebhookStatus{Code: indent.CodeNotFound, Message: "there is no account " + account}
	}
	if number, err := strconv.Atoi(line[2]); err != nil || number < firstNumber {
		return &indent.WebhookStatus{Code: indent.CodePermissionDenied, Message: account + " is an account of the system"}
	}
	return nil
}

// line answers the fields of an entry, nil when there is none. Two of one name are an error: programs do not agree which counts.
func (g *groups) line(file, name string) (found []string, err error) {
	text, err := os.ReadFile(filepath.Join(g.folder, file))
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), ":")
		switch {
		case fields[0] != name:
		case found != nil:
			return nil, fmt.Errorf("%s has %s twice", file, name)
		case len(fields) < 4:
			return nil, fmt.Errorf("the entry %s of %s is broken", name, file)
		default:
			found = fields
		}
	}
	return found, err
}

// edit changes the last field of the group's line, which is the list of members in group and in gshadow.
func (g *groups) edit(file, group, account string, member bool) error {
	path, err := filepath.EvalSymlinks(filepath.Join(g.folder, file))
	if err != nil {
		return err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(string(text)) {
		body := strings.TrimSuffix(line, "\n")
		if fields := strings.Split(body, ":"); fields[0] == group {
			if len(fields) != 4 {
				return fmt.Errorf("the entry %s of %s is broken", group, file)
			}
			list := slices.DeleteFunc(members(fields), func(m string) bool { return m == account })
			if member {
				list = append(list, account)
			}
			if member != slices.Contains(members(fields), account) {
				fields[3] = strings.Join(list, ",")
			}
			line = strings.Join(fields, ":") + line[len(body):]
		}
		out.WriteString(line)
	}
	if out.String() == string(text) {
		return nil
	}
	return replace(path, out.String())
}

func members(fields []string) []string {
	if fields[3] == "" {
		return nil
	}
	return strings.Split(fields[3], ",")
}

// replace writes the file anew beside the old one and puts it in its place: who reads it sees one or the other, also after a
// power cut.
func replace(path, text string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(file.Name()) // it is not there any more when all went well
	owner := info.Sys().(*syscall.Stat_t)
	_, err = file.WriteString(text)
	err = errors.Join(err, file.Chmod(info.Mode().Perm()), file.Chown(int(owner.Uid), int(owner.Gid)), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), path)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// lock takes the lock that useradd, gpasswd and their like take (lckpwdf(3)), and waits for it for ten seconds.
func (g *groups) lock(ctx context.Context) (unlock func(), err error) {
	g.inside.Lock()
	file, err := os.OpenFile(filepath.Join(g.folder, ".pwd.lock"), os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		g.inside.Unlock()
		return nil, err
	}
	unlock = func() { file.Close(); g.inside.Unlock() } // the lock goes with the file
	within, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		err := syscall.FcntlFlock(file.Fd(), syscall.F_SETLK, &syscall.Flock_t{Type: syscall.F_WRLCK})
		if err == nil {
			return unlock, nil
		}
		select {
		case <-again.C:
		case <-within.Done():
			unlock()
			return nil, &indent.WebhookStatus{Code: indent.CodeUnavailable, Message: "somebody else changes the accounts of this machine"}
		}
	}
}
