package store

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/indent-approvals/indent/internal/approval"
)

// mergeable is a statement of which those of many changes can be one. Statements that write one row twice cannot: rows
// are told apart by the table and the first key arguments; key 0 is a row that nobody else writes.
type mergeable struct {
	text  *text
	table string
	key   int
}

// mergeables stand in an order that serves every change: what is likely to be refused comes first, and a row before its
// words. A change that has any other statement is committed alone.
var mergeables = []mergeable{
	{insertIdempotency, "idempotency", 3},
	{updatePetition, "petitions", 2},
	{updatePetitionAndTimer, "petitions", 2},
	{insertPetition, "petitions", 2},
	{insertVote, "votes", 3},
	{insertLease, "", 0},
	{endLease, "leases", 3},
	{deleteJob, "jobs", 1},
	{finishJob, "jobs", 1},
	{putJob, "jobs", 1},
	{wakeJob, "jobs", 1},
	{insertEvent, "", 0},
}

func mergeableOf(t *text) (int, bool) {
	for i := range mergeables {
		if mergeables[i].text == t && t != nil {
			return i, true
		}
	}
	return 0, false
}

// rowsOf answers the rows that the statements write, or merges false if they must be committed alone.
func rowsOf(statements []statement) (rows []string, merges bool) {
	for i := range statements {
		s := &statements[i]
		m, ok := mergeableOf(s.text)
		if !ok || s.row != nil {
			return nil, false
		}
		if mergeables[m].key == 0 {
			continue
		}
		var row strings.Builder
		row.WriteString(mergeables[m].table)
		for _, a := range s.args[:mergeables[m].key] {
			row.WriteByte(0) // no text of ours has one
			row.WriteString(a.(string))
		}
		if slices.Contains(rows, row.String()) {
			return nil, false
		}
		rows = append(rows, row.String())
	}
	return rows, true
}

// columns are the arguments of many statements of one text: a list for each argument.
type columns []any

func (c columns) add(args []any) (columns, error) {
	if c == nil {
		c = make(columns, len(args))
	}
	for i, a := range args {
		switch a := a.(type) {
		case string:
			list, _ := c[i].([]string)
			c[i] = append(list, a)
		case int64:
			list, _ := c[i].([]int64)
			c[i] = append(list, a)
		default:
			return nil, approval.Errorf(approval.Internal, "a statement has an argument of type %T", a)
		}
	}
	return c, nil
}

var manyTexts sync.Map // the texts below by *text and whether none may miss

// manyText answers the statement that does for each row of columns what the text does for one. All are to change a row:
// if a row is missing the statement fails, and with it the transaction.
func manyText(t *text, c columns, all bool) string {
	type key struct {
		*text
		all bool
	}
	if made, ok := manyTexts.Load(key{t, all}); ok {
		return made.(string)
	}
	made := makeManyText(t.postgres, c)
	if all {
		made = "WITH written AS (" + made + " RETURNING 1) SELECT 1 / CAST(count(*) = cardinality($1) AS integer) FROM written"
	}
	manyTexts.Store(key{t, all}, made)
	return made
}

var placeholder = regexp.MustCompile(`\$(\d+)`)

func makeManyText(one string, c columns) string {
	var arrays, names []string
	for i := range c {
		kind := "bigint"
		if _, ok := c[i].([]string); ok {
			kind = "text"
		}
		n := strconv.Itoa(i + 1)
		arrays = append(arrays, "CAST($"+n+" AS "+kind+"[])")
		names = append(names, "arg"+n)
	}
	rows := "unnest(" + strings.Join(arrays, ", ") + ") WITH ORDINALITY AS given (" + strings.Join(names, ", ") + ", place)"
	one = placeholder.ReplaceAllString(one, "given.arg$1")
	if before, values, insert := strings.Cut(one, " VALUES ("); insert {
		end := closing(values)
		return before + " SELECT " + values[:end] + " FROM " + rows + " ORDER BY place" + values[end+1:]
	}
	from := " FROM "
	if strings.HasPrefix(one, "DELETE") {
		from = " USING "
	}
	return strings.Replace(one, " WHERE ", from+rows+" WHERE ", 1)
}

// closing answers where the parenthesis closes that was open before s.
func closing(s string) int {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return i
		}
	}
	return len(s) - 1
}
