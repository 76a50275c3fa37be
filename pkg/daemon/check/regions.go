package check

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"shipper/pkg/config"
)

// The search for a project goes to so many regions at once, and ends after this.
const (
	searchWidth = 12
	searchTime  = 15 * time.Second
)

// elsewhere looks for the project in the other regions and returns those whose endpoint knows it, sorted. An endpoint knows the
// projects of its own region only, and a name exists once in the whole cloud. Nothing is asked where endpoint is set: only
// the service's own names may see the token.
func (t *chain) elsewhere(ctx context.Context) []string {
	if t.cfg.Endpoint != "" || t.cfg.Network == "accelerate" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, searchTime)
	defer cancel()
	var (
		mu    sync.Mutex
		found []string
		width = make(chan struct{}, searchWidth)
		all   sync.WaitGroup
	)
	for _, region := range config.Regions() {
		if region == t.cfg.Region {
			continue
		}
		all.Go(func() {
			width <- struct{}{}
			defer func() { <-width }()
			there := t.cfg
			there.Region, there.Network = region, "public" // the inner network of another region cannot be reached
			status, code, said := t.c.askLogstore(ctx, there, t.session, t.now())
			if status == 200 || strings.EqualFold(code, "LogStoreNotExist") || strings.Contains(said, ":project/"+t.cfg.Project+"/") {
				mu.Lock()
				defer mu.Unlock()
				found = append(found, region)
			}
		})
	}
	all.Wait()
	slices.Sort(found)
	return found
}

// where says of which region the endpoint is.
func (t *chain) where() string {
	if t.cfg.Endpoint == "" && t.cfg.Region != "" {
		return t.logs.host + ", the endpoint of region " + t.cfg.Region
	}
	return t.logs.host
}
