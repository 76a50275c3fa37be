// Package producer delivers batches to a Logstore: compress, sign, post (PostLogStoreLogs), read the verdict, acknowledge.
//
// It promises that every log of a batch that it takes ends exactly once, as acknowledged (the service said 200 and gave a
// request id) or as dead (refused for ever and written to the dead-letter store first), or that the batch stays unsettled
// and is sent again after a restart. It tries for ever: a network that is down, a quota, a missing permission, an expired
// credential only make it wait. A request that was cut after it was sent may have been stored; it is sent again and counted
// as a possible repeat; with exactly_once it is sent again under its number, which the service takes only once.
//
// pkg/daemon makes one Producer a target and runs it; `check` uses Client, Classify and Rules alone.
//
// It does not read files, form batches, keep positions or renew credentials, and it keeps no queue of its own: besides the
// requests in flight there is nothing in here.
package producer
