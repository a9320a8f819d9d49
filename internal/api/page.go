package api

import "github.com/indent-approvals/indent/internal/approval"

// pageIn are the parameters of every list.
type pageIn struct {
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"200" doc:"How many at most; the default is 50."`
	PageToken string `query:"pageToken" maxLength:"3000" doc:"nextPageToken of the answer before; the other parameters must be the same."`
	Ascending bool   `query:"ascending" doc:"Turn the order around."`
}

func (in pageIn) request() approval.PageRequest {
	return approval.PageRequest{Size: in.PageSize, Token: in.PageToken, Ascending: in.Ascending}
}

// NextPage is what every list answers beside its items.
type NextPage struct {
	NextPageToken string `json:"nextPageToken" doc:"pageToken of the next page; empty on the last."`
}

// wholeIn are the parameters of lists that always fit one page; clients send them to every list.
type wholeIn struct {
	PageSize  int    `query:"pageSize" minimum:"1" maximum:"200" doc:"Accepted; the list is always whole."`
	PageToken string `query:"pageToken" maxLength:"3000" doc:"Must be empty: there is one page."`
}

func (in wholeIn) check() error {
	if in.PageToken != "" {
		return approval.FieldError("pageToken", "is not a page token of this list: it has one page")
	}
	return nil
}
