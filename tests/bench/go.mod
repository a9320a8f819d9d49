// A module of its own: what it needs never becomes a dependency of the product.
module github.com/indent-approvals/indent/tests/bench

go 1.26

require github.com/mattn/go-sqlite3 v1.14.53
