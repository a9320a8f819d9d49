package store

import (
	"context"
	"database/sql"
	"slices"
	"strings"

	"github.com/indent-approvals/indent/internal/approval"
)

const identityColumns = `space, identity, member, created_by, create_time`

var (
	insertIdentity   = sqlText(`INSERT INTO identities (` + identityColumns + `) VALUES ($1, $2, $3, $4, $5)`)
	deleteIdentity   = sqlText(`DELETE FROM identities WHERE space = $1 AND identity = $2`)
	deleteIdentities = sqlText(`DELETE FROM identities WHERE space = $1 AND member = $2`)
	selectIdentity   = sqlText(`SELECT ` + identityColumns + ` FROM identities WHERE space = $1 AND identity = $2`)
	selectIdentities = sqlText(`SELECT ` + identityColumns + ` FROM identities WHERE space = $1 AND member = $2 ORDER BY identity`)

	putAlias      = sqlText(`INSERT INTO aliases (space, owner, alias) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`)
	deleteAliases = sqlText(`DELETE FROM aliases WHERE space = $1 AND owner = $2`)
	// The identity is deleted before its alias, which another identity of the member may still be in other case.
	deleteAlias = sqlText(`
		DELETE FROM aliases WHERE space = $1 AND alias = $3 AND owner =
			(SELECT 'm' || member FROM identities WHERE space = $1 AND identity = $2)`)
)

func memberOwner(id string) string     { return "m" + id }
func resourceOwner(name string) string { return "r" + name }

func (p *plan) putIdentity(i approval.Identity) {
	p.inSpace(i.Space)
	s := p.add(insertIdentity, i.Space, i.Identity, i.Member, i.CreatedBy, micros(i.CreateTime))
	s.taken = func(args []any) error {
		return approval.Errorf(approval.Conflict, "%.200q is a member's already in %s: take it from that one first", args[1], args[0])
	}
	p.putAliases(memberOwner(i.Member), i.Member, i.Identity)
}

func (p *plan) deleteIdentity(identity string) {
	p.add(deleteAlias, p.space, identity, strings.ToLower(identity))
	s := p.add(deleteIdentity, p.space, identity)
	s.missing = func(args []any) error { return noIdentity(args[0], args[1]) }
}

func noIdentity(space, identity any) error {
	return approval.Errorf(approval.NotFound, "%.200q is nobody's in %s", identity, space)
}

// putAliases keeps that names mean the same, and whose they are: one alone leads to its record, in whatever case it is asked.
func (p *plan) putAliases(owner string, names ...string) {
	var aliases []string
	for _, name := range names {
		if name = strings.ToLower(name); name != "" && !slices.Contains(aliases, name) {
			aliases = append(aliases, name)
		}
	}
	for _, alias := range aliases {
		p.add(putAlias, p.space, owner, alias)
	}
}

func scanIdentity(rows *sql.Rows) (i approval.Identity, err error) {
	var created int64
	err = rows.Scan(&i.Space, &i.Identity, &i.Member, &i.CreatedBy, &created)
	i.CreateTime = timeOf(created)
	return i, err
}

// Identity implements [approval.Store].
func (s *Store) Identity(ctx context.Context, space, identity string) (approval.Identity, error) {
	i, found, err := one(ctx, s, selectIdentity, scanIdentity, space, identity)
	if err == nil && !found {
		err = noIdentity(space, identity)
	}
	return i, err
}

// Identities implements [approval.Store].
func (s *Store) Identities(ctx context.Context, space, member string) ([]approval.Identity, error) {
	return list(ctx, s, selectIdentities.in(s.dialect), []any{space, member}, scanIdentity)
}

// Aliases implements [approval.Store].
func (s *Store) Aliases(ctx context.Context, space string, names []string) ([]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	c := aliasesOf("b.alias", space, names)
	return list(ctx, s, c.String(), c.args, func(rows *sql.Rows) (alias string, err error) {
		err = rows.Scan(&alias)
		return alias, err
	})
}

// AliasesOfEach implements [approval.Store].
func (s *Store) AliasesOfEach(ctx context.Context, space string, names []string) (map[string][]string, error) {
	if len(names) == 0 {
		return nil, nil
	}
	c := aliasesOf("a.alias, b.alias", space, names)
	pairs, err := list(ctx, s, c.String(), c.args, func(rows *sql.Rows) (pair [2]string, err error) {
		err = rows.Scan(&pair[0], &pair[1])
		return pair, err
	})
	beside := make(map[string][]string, len(pairs))
	for _, p := range pairs {
		beside[p[0]] = append(beside[p[0]], p[1])
	}
	return beside, err
}

func aliasesOf(columns, space string, names []string) *clause {
	var c clause
	c.add("SELECT DISTINCT ", columns, " FROM aliases a JOIN aliases b ON b.space = a.space AND b.owner = a.owner WHERE a.space = ",
		c.arg(space), " AND a.alias IN ", c.in(names))
	return &c
}
