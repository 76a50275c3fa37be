// Package deadletter keeps the logs that Log Service refused for ever, in a bounded directory of JSON lines: one line a
// letter, with the reason beside the serialised LogGroup (base64).
//
// It promises that a letter is on the disk when Write returns nil, and that several processes (the daemon and the dlq
// command) may use one directory at once. When the directory is full the oldest file makes room, counted and said loudly:
// the alternative, to refuse new letters, would hold up the healthy lines behind them.
//
// pkg/producer writes; the dlq command lists, shows, replays and purges. It does not send and does not know why a letter
// was refused beyond what it was told.
package deadletter
