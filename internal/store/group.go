package store

import (
	"context"
	"database/sql"

	"github.com/indent-approvals/indent/internal/approval"
)

const groupColumns = `space, grp, kind, member, source, create_time`

var (
	// A membership without its group, or without its member, would come back with a later one of that name.
	putGroupMember = sqlText(`
		INSERT INTO group_members (` + groupColumns + `) SELECT $1, $2, $3, $4, $5, CAST($6 AS bigint)
		WHERE EXISTS (SELECT 1 FROM resources WHERE space = $1 AND name = $2) AND (
			$3 = 'group' AND EXISTS (SELECT 1 FROM resources WHERE space = $1 AND name = $4)
			OR EXISTS (SELECT 1 FROM members WHERE space = $1 AND id = $4 AND kind = $3))
		ON CONFLICT (space, grp, kind, member, source) DO UPDATE SET create_time = group_members.create_time`)
	deleteGroupMember   = sqlText(`DELETE FROM group_members WHERE space = $1 AND grp = $2 AND kind = $3 AND member = $4 AND source = $5`)
	deletePersonsGroups = sqlText(`DELETE FROM group_members WHERE space = $1 AND kind IN ('user', 'serviceAccount') AND member = $2`)
	deleteGroup         = sqlText(`DELETE FROM group_members WHERE space = $1 AND grp = $2`)
	deleteGroupsGroups  = sqlText(`DELETE FROM group_members WHERE space = $1 AND kind = 'group' AND member = $2`)
	selectGroupMembers  = sqlText(`
		SELECT ` + groupColumns + ` FROM group_members WHERE space = $1 AND grp = $2 ORDER BY kind, member, source`)
)

func (p *plan) putGroupMember(g approval.GroupMember) {
	p.inSpace(g.Space)
	s := p.add(putGroupMember, g.Space, g.Group, g.Kind, g.Member, g.Source, micros(g.CreateTime))
	s.missing = func(args []any) error {
		return approval.Errorf(approval.NotFound, "there is no group %.100q in %s, or no %.200q to be in it", args[1], args[0], args[3])
	}
}

func (p *plan) deleteGroupMember(g approval.GroupMember) {
	p.inSpace(g.Space)
	s := p.add(deleteGroupMember, g.Space, g.Group, g.Kind, g.Member, g.Source)
	s.missing = func(args []any) error {
		return approval.Errorf(approval.NotFound, "%.200q is not in the group %.100q", args[3], args[1])
	}
}

// forgetGroup deletes the memberships of and in a group.
func (p *plan) forgetGroup(name string) {
	p.add(deleteGroup, p.space, name)
	p.add(deleteGroupsGroups, p.space, name)
}

func scanGroupMember(rows *sql.Rows) (g approval.GroupMember, err error) {
	var created int64
	err = rows.Scan(&g.Space, &g.Group, &g.Kind, &g.Member, &g.Source, &created)
	g.CreateTime = timeOf(created)
	return g, err
}

// GroupMembers implements [approval.Store].
func (s *Store) GroupMembers(ctx context.Context, space, group string) ([]approval.GroupMember, error) {
	return list(ctx, s, selectGroupMembers.in(s.dialect), []any{space, group}, scanGroupMember)
}

// Memberships implements [approval.Store].
func (s *Store) Memberships(ctx context.Context, space, kind string, members []string) ([]approval.GroupMember, error) {
	if len(members) == 0 {
		return nil, nil
	}
	var c clause
	c.add("SELECT ", groupColumns, " FROM group_members WHERE space = ", c.arg(space), " AND kind = ", c.arg(kind),
		" AND member IN ", c.in(members), " ORDER BY grp, member, source")
	return list(ctx, s, c.String(), c.args, scanGroupMember)
}
