package producer

import (
	"cmp"
	"fmt"

	"shipper/pkg/creds"
)

// heldBy says why delivery waits, and for whom. cred is what the request was signed with, nil if there was nothing to sign with.
func (d *delivery) heldBy(f Finding, cred *creds.Credentials) {
	d.client.locate(&f)
	account := f.Denial.Account
	if cred != nil {
		account = cmp.Or(account, cred.Account)
	}
	why := f.Cause
	if f.Verdict == Renew && cred != nil { // one that was made anew was refused like the one before it
		why += fmt.Sprintf(" (%s), and a newer one is not better: shipper check walks the chain", cred)
	}
	if f.Whose != Nobody {
		why += "; to be mended by " + string(f.Whose)
	}
	if account != "" && f.Whose == Owner {
		why += " (" + account + ")"
	}
	if f.Fix != "" {
		why += ": " + f.Fix
	}
	if account != "" && f.Whose == Setting {
		why += " (account " + account + ")"
	}
	d.meter.hold(why, d.Now())
	d.held.Report("delivery is held, the lines wait in their files: "+why, known("code", f.ID, "verdict", f.Verdict.String(),
		"account", account, "reason", reason(f), "request_id", f.RequestID)...)
}

// locate says where a project or Logstore is not: the endpoint of one region knows the projects of that region only.
func (c *Client) locate(f *Finding) {
	at := c.endpoint.Host
	if region := c.endpoint.Region; region != "" && !c.endpoint.ByHeader {
		at += ", the endpoint of region " + region
	}
	switch f.ID {
	case "SHP-P601":
		f.Cause = fmt.Sprintf("there is no project %s at %s", c.project, at)
		f.Fix = "correct project, region or endpoint: a project is known in its own region only, and shipper check looks into the others; or the owner creates it"
	case "SHP-P602":
		f.Cause = fmt.Sprintf("there is no Logstore %s in project %s at %s", c.logstore, c.project, at)
		f.Fix = "correct logstore or project; or the owner creates it"
	}
}
