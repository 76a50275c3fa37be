// Package creds turns what a host has (a key, an instance role, a service account token) into what a request needs: a
// credential that the service accepts now.
//
//	Source    base identity of this host's account: static keys, environment, OIDC, profile, ECS role, URI, process
//	Provider  base identity -> AssumeRole into the Logstore owner's account -> current credential, renewed in the background
//
// Promise. Current is one atomic load and never calls out. A credential is renewed at 60 % of its life; the old one stays in
// use until the service has accepted the new one, so a rotation costs no failed request. A failed renewal keeps the old
// credential until it really ends. Life is measured from the service's Date on the monotonic clock: a wrong host clock does no
// harm. A session in another account than the expected one is never handed out. No secret is ever printed, logged or put into
// an error: types that hold one refuse to be formatted.
//
// Callers: pkg/producer asks a Provider before every request and tells it what the service thought of the credential
// (Accepted, Rejected); pkg/daemon builds and runs it; the check command walks it step by step (Base, Identity, Fetch);
// pkg/config embeds Config and RoleConfig.
//
// It does not decide what a denied request means (a missing permission never reaches this package), does not build session
// policies (pkg/ram does), and keeps nothing on disk.
//
// A known limit: the monotonic clock of Linux stands still while a machine is suspended. After a long suspend a credential may
// be older than it looks; the service then rejects it once and it is renewed.
package creds
