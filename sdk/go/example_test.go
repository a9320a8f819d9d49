package indent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	indent "github.com/indent-approvals/indent/sdk/go"
)

// These run against a real server; its settings are in the environment, as `indent dev` prints them. A reviewer who is
// elsewhere decides: decideSoon plays that part.

func ExampleAwait() {
	decideSoon("user 123 forgot it", (*indent.Client).Approve, "")
	ctx := context.Background()

	petition, err := indent.Await(ctx, indent.Request{
		Reason: "user 123 forgot it",
		Resources: []indent.Resource{{
			Kind:        "action",
			ID:          "reset-password:123",
			DisplayName: "Reset Password (user:123)",
		}},
	})
	if err != nil {
		fmt.Println(err)
		return // nothing but a granted petition gets past this line
	}

	fmt.Println("done: password reset", petition.Resources[0].ID)
	// Output: done: password reset reset-password:123
}

func ExampleAwait_denied() {
	decideSoon("to drop the customers table", (*indent.Client).Deny, "not on a Friday")
	ctx := context.Background()

	_, err := indent.Await(ctx, indent.Request{
		Reason:    "to drop the customers table",
		Resources: []indent.Resource{{Kind: "database", ID: "customers"}},
		Timeout:   time.Minute,
	})

	var denied *indent.DeniedError
	var timeout *indent.TimeoutError
	switch {
	case errors.As(err, &denied):
		fmt.Printf("%s said no: %s\n", denied.Reviewer, denied.Reason)
	case errors.As(err, &timeout):
		fmt.Println("still open, ask again later:", timeout.Petition.Name)
	case err != nil:
		fmt.Println("not approved:", err)
	}
	// Output: you@acmecorp.example said no: not on a Friday
}

func ExampleAwait_params() {
	decideSoon("refund order A-1", (*indent.Client).Approve, "")
	ctx := context.Background()

	type refund struct {
		Order  string `json:"order"`
		Amount int    `json:"amount"`
	}
	petition, err := indent.Await(ctx, indent.Request{
		Reason:     "refund order A-1",
		Resources:  []indent.Resource{{Kind: "action", ID: "refund"}},
		Params:     refund{Order: "A-1", Amount: 5},
		OnProgress: indent.PrintProgress(os.Stderr),
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// Run what was approved, not what was meant.
	var approved refund
	if err := json.Unmarshal(petition.Params, &approved); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("refund %d for %s\n", approved.Amount, approved.Order)
	// Output: refund 5 for A-1
}

func ExampleClient_Resume() {
	ctx := context.Background()
	client, err := indent.New(indent.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = client.Await(ctx, indent.Request{
		Reason:    "to deploy version 7",
		Resources: []indent.Resource{{Kind: "action", ID: "deploy:7"}},
		Timeout:   50 * time.Millisecond,
	})
	var timeout *indent.TimeoutError
	if !errors.As(err, &timeout) {
		fmt.Println("unexpected:", err)
		return
	}
	name := timeout.Petition.Name // keep it: another process can wait on

	decideSoon("to deploy version 7", (*indent.Client).Approve, "")
	petition, err := client.Resume(ctx, name, time.Minute, nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(petition.Phase())
	// Output: granted
}

func ExampleClient_CreatePetition() {
	ctx := context.Background()
	client, err := indent.New(indent.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	var production []indent.Resource
	for resource, err := range client.Resources(ctx, indent.ResourceQuery{View: indent.ViewRequestable}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if resource.DisplayName == "Production" {
			production = append(production, resource)
		}
	}

	petition, err := client.CreatePetition(ctx, indent.NewPetition{
		Reason:    "to debug production",
		Resources: production,
		Duration:  time.Hour,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Fprintln(os.Stderr, "Requested:", client.PetitionURL(petition.Name))
	fmt.Println(petition.Phase(), petition.Resources[0].Title(), petition.DefaultDuration)
	// Output: open Production 1h0m0s
}

func ExampleClient_Approve() {
	client := reviewer()
	ask("to rotate the keys")
	ctx := context.Background()

	waiting := indent.PetitionQuery{ForMe: true, Search: "rotate the keys"}
	for petition, err := range client.Petitions(ctx, waiting) {
		if err != nil {
			fmt.Println(err)
			return
		}
		// The claim carries the digest of what is shown here: if it were another petition, the server would refuse.
		fmt.Println(petition.Reason)
		claim, err := client.Approve(ctx, petition, indent.ClaimOptions{Duration: 30 * time.Minute})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(claim.Event, "by", claim.Actor.Email)
	}
	// Output:
	// to rotate the keys
	// access/approve by you@acmecorp.example
}

func ExampleClient_Events() {
	client, ctx := reviewer(), context.Background()
	petition := ask("to read the log")
	if _, err := client.Deny(ctx, petition, indent.ClaimOptions{}); err != nil {
		fmt.Println(err)
		return
	}

	for event, err := range client.Events(ctx, indent.EventQuery{Petition: petition.Name, Ascending: true}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Event, "by", event.Actor.ID)
	}
	// Output:
	// access/request by quickstart
	// access/deny by you@acmecorp.example
}

func ExampleClient_Follow() {
	client, ctx := reviewer(), context.Background()
	petition, seen := ask("to be followed"), logStart

	for event, err := range client.Follow(ctx, indent.FollowOptions{Petition: petition.Name, After: seen}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(event.Event.Event)
		seen = event.Cursor // keep it: another process can go on behind it
		break
	}
	// Output: access/request
}

func ExampleError() {
	ctx := context.Background()
	client, err := indent.New(indent.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}

	_, err = client.Resource(ctx, "atlantis")
	fmt.Println(errors.Is(err, indent.ErrNotFound))

	_, err = client.CreatePetition(ctx, indent.NewPetition{Reason: "no resources"})
	var refused *indent.Error
	if errors.As(err, &refused) {
		fmt.Println(refused.Status, refused.Code, refused.Field)
	}
	// Output:
	// true
	// 400 invalid petition.resources
}
