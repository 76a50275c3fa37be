// Package ram knows RAM documents: it parses, evaluates, generates and lints them, and it holds the table that says which
// resource Log Service checks for which action.
//
// Promise: Parse never panics and names line and column of what is wrong; Evaluate, Decide and TrustDecide answer as
// Alibaba Cloud documents it (an explicit Deny beats every Allow, a session policy only narrows, assuming a role needs the
// trust policy of one account and the caller's policy of the other); what Plan generates allows exactly what was asked for.
//
// Callers: cmd/shipper (policy, check, explain), pkg/creds and pkg/daemon (the session policy of a target), pkg/emulator
// (every decision).
//
// It does not do: control policies of a resource directory, project policies of Log Service (documents with a Principal that
// hang on a project), policy variables, tags. It reads no file and no clock and talks to nobody: time and address of a
// request come in as Context.
//
// Where the documentation is silent this package decides: actions compare without regard to case, resources with regard to
// it; a condition on a key that the request does not carry is false for the positive operators and true for the negated ones.
package ram
