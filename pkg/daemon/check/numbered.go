package check

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"time"

	"shipper/pkg/producer"
)

// forgetful is the code of a service that takes the same number twice.
const forgetful = "SHP-P823"

// postTwice writes under a number, as exactly_once does, and then once more under the same one, which must be refused: what it rests on is
// not promised in the service's documents.
func (t *chain) postTwice(ctx context.Context, client *producer.Client, body *producer.Body, at time.Time) (producer.Finding, producer.Reply) {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	key := hex.EncodeToString(raw[:])
	first, err := client.PostNumbered(ctx, t.session, body, at, key, 1)
	f := producer.ClassifyNumbered(first, err, false)
	if f.Verdict != producer.OK {
		return f, first
	}
	again, err := client.PostNumbered(ctx, t.session, body, at, key, 1)
	if second := producer.Classify(again, err); second.Verdict == producer.OK {
		f.ID, f.Whose = forgetful, producer.Setting
		f.Cause = "the service stored the same number twice: with exactly_once = true nothing is lost, and repeats are not kept out"
		f.Fix = "set exactly_once = false, or ask the service's support whether the Logstore knows sequence ids"
	}
	return f, first
}
