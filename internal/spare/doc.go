// Package spare keeps things that are large and soon needed again. Unlike a sync.Pool, which may keep one for each processor that nobody
// else gets, it never keeps more than were in use at once.
package spare
