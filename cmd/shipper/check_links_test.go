package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"shipper/pkg/creds"
	"shipper/pkg/daemon/check"
	"shipper/pkg/emulator"
)

const (
	ownerA = emulator.OwnerUID
	hostsB = emulator.SenderUID
	third  = "3333333333333333"

	hostRoleARN = "acs:ram::" + hostsB + ":role/web-host"
)

// link is a broken link of the chain.
type link struct {
	name  string
	world func(*emulator.World)
	setup func(*testing.T, *checkHost)

	step    string
	code    string
	whose   check.Party
	account string
	exit    int
	status  check.Status // default fail
	says    string       // part of cause, detail or fix

	// paste puts what was printed where it was said to; the next check must pass the link.
	paste func(h *checkHost, docs []string) error
}

func role(w *emulator.World) *emulator.Role { return &w.Accounts[0].Roles[0] }
func sender(w *emulator.World) *emulator.User {
	return &w.Accounts[1].Users[0]
}

func statement(s string) emulator.Document {
	return emulator.Document(`{"Version":"1","Statement":[` + s + `]}`)
}

const (
	anyAssume  = `{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}`
	denyAssume = `{"Effect":"Deny","Action":"sts:*","Resource":"*"}`
	anyLog     = `{"Effect":"Allow","Action":"log:*","Resource":"*"}`
	denyWrite  = `{"Effect":"Deny","Action":"log:Post*","Resource":"*"}`
)

func allowWrite(resource string) emulator.Document {
	return statement(`{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"` + resource + `"}`)
}

func trusting(principal, condition string) emulator.Document {
	if condition != "" {
		condition = `,"Condition":{"StringEquals":{"sts:ExternalId":"` + condition + `"}}`
	}
	return statement(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["` + principal + `"]}` + condition + `}`)
}

func pasteTrust(h *checkHost, docs []string) error {
	return h.cloud.SetTrust(emulator.WriterRole, emulator.Document(docs[0]))
}

// pasteRole grants a new policy to the role; those that it has stay.
func pasteRole(h *checkHost, docs []string) error {
	w := h.cloud.World()
	return h.cloud.SetRolePolicy(emulator.WriterRole, append(slices.Clone(role(&w).Policies), emulator.Document(docs[0]))...)
}

func pasteCaller(h *checkHost, docs []string) error {
	w := h.cloud.World()
	return h.cloud.SetUserPolicies(emulator.SenderUser, append(slices.Clone(sender(&w).Policies), emulator.Document(docs[0]))...)
}

func pasteNewRole(h *checkHost, docs []string) error {
	return h.cloud.PutRole(ownerA, emulator.Role{Name: "shipper-writer", Trust: emulator.Document(docs[0]), Policies: []emulator.Document{emulator.Document(docs[1])}})
}

func pasteSession(h *checkHost, docs []string) error {
	h.file("session.json", docs[0])
	return nil
}

func setTarget(k, v string) func(*testing.T, *checkHost) {
	return func(_ *testing.T, h *checkHost) { h.target[k] = v }
}

func setAssume(k, v string) func(*testing.T, *checkHost) {
	return func(_ *testing.T, h *checkHost) { h.assume[k] = v }
}

func session(text string) func(*testing.T, *checkHost) {
	return func(_ *testing.T, h *checkHost) {
		h.assume["session_policy"] = filepath.Join(h.dir, "session.json")
		if text != "" {
			h.file("session.json", text)
		}
	}
}

func inject(f emulator.Fault) func(*testing.T, *checkHost) {
	return func(t *testing.T, h *checkHost) {
		if err := h.cloud.Faults().Inject(f); err != nil {
			t.Fatal(err)
		}
	}
}

// sessionBase makes a session of a role the base credential, as an instance role would be.
func sessionBase(t *testing.T, h *checkHost, arn string) {
	source, err := creds.NewSource(creds.Config{Source: "static", AccessKeyID: creds.LiteralSecret(h.keyID), AccessKeySecret: creds.LiteralSecret(h.secret)}, creds.Options{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := creds.NewProvider(creds.ProviderOptions{Source: source, STSEndpoint: h.url, Role: creds.RoleConfig{RoleARN: arn}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Fetch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	h.keyID, h.secret, h.token = c.ID, c.Secret, c.Token
}

// hostRole gives account B a role for its hosts.
func hostRole(w *emulator.World) {
	sender(w).Policies = []emulator.Document{statement(anyAssume)}
	w.Accounts[1].Roles = []emulator.Role{{Name: "web-host", Trust: trusting(emulator.SenderUser, ""), Policies: []emulator.Document{statement(anyAssume)}}}
}

func links() []link {
	const bare = "acs:log:*:" + ownerA + ":project/sec-logs/logstore/web"
	return []link{
		// The base key.
		{name: "wrong secret", setup: func(_ *testing.T, h *checkHost) { h.secret = "something-else-entirely" },
			step: check.StepCredential, code: "SHP-A102", whose: check.Caller, exit: exitDenied, says: "SignatureDoesNotMatch"},
		{name: "unknown key", setup: func(_ *testing.T, h *checkHost) { h.keyID = "LTAI5tNobodyKnowsThis" },
			step: check.StepCredential, code: "SHP-A102", whose: check.Caller, exit: exitDenied, says: "InvalidAccessKeyId.NotFound"},
		{name: "disabled key", world: func(w *emulator.World) { sender(w).Keys[0].Disabled = true },
			step: check.StepCredential, code: "SHP-A102", whose: check.Caller, exit: exitDenied, says: "disabled"},
		{name: "root key", setup: func(_ *testing.T, h *checkHost) { h.keyID, h.secret = emulator.RootKeyID, emulator.RootKeySecret },
			step: check.StepCredential, code: "SHP-A120", whose: check.Caller, account: hostsB, exit: exitDenied, says: "root accounts"},
		{name: "stray space in the id", setup: func(_ *testing.T, h *checkHost) { h.keyID = h.keyID[:6] + " " + h.keyID[6:] },
			step: check.StepCredential, code: "SHP-A121", whose: check.Caller, exit: exitProblem, says: "blank"},
		{name: "stray space in the secret", setup: func(_ *testing.T, h *checkHost) { h.secret = h.secret[:6] + " " + h.secret[6:] },
			step: check.StepCredential, code: "SHP-A121", whose: check.Caller, exit: exitProblem, says: "secret"},
		{name: "missing key file", setup: func(_ *testing.T, h *checkHost) { h.secret = "" },
			step: check.StepCredential, code: "SHP-A101", whose: check.Host, exit: exitProblem, says: "no such file"},
		{name: "expired base token", setup: func(t *testing.T, h *checkHost) {
			sessionBase(t, h, emulator.WriterRole)
			h.cloud.ExpireTokens()
		},
			step: check.StepCredential, code: "SHP-A102", whose: check.Caller, exit: exitDenied, says: "InvalidSecurityToken.Expired"},

		// The caller's half.
		{name: "caller policy missing", world: func(w *emulator.World) { sender(w).Policies = nil },
			step: check.StepAssume, code: "SHP-A114", whose: check.Caller, account: hostsB, exit: exitDenied, says: emulator.SenderUser, paste: pasteCaller},
		{name: "caller policy for another role", world: func(w *emulator.World) {
			sender(w).Policies = []emulator.Document{statement(`{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"acs:ram::` + ownerA + `:role/other"}`)}
		}, step: check.StepAssume, code: "SHP-A114", whose: check.Caller, account: hostsB, exit: exitDenied, paste: pasteCaller},
		{name: "caller policy of the guide", world: func(w *emulator.World) {
			sender(w).Policies = []emulator.Document{statement(`{"Effect":"Allow","Action":"iot:QueryProduct","Resource":"` + emulator.WriterRole + `"}`)}
		}, step: check.StepAssume, code: "SHP-A114", whose: check.Caller, account: hostsB, exit: exitDenied, paste: pasteCaller},
		{name: "caller denied", world: func(w *emulator.World) { sender(w).Policies = append(sender(w).Policies, statement(denyAssume)) },
			step: check.StepAssume, code: "SHP-A115", whose: check.Caller, account: hostsB, exit: exitDenied, says: "Deny"},

		// The owner's half.
		{name: "trust for another user", world: func(w *emulator.World) { role(w).Trust = trusting("acs:ram::"+hostsB+":user/other", "") },
			step: check.StepAssume, code: "SHP-A103", whose: check.Owner, account: ownerA, exit: exitDenied, says: emulator.SenderUser, paste: pasteTrust},
		{name: "trust for another account", world: func(w *emulator.World) { role(w).Trust = trusting("acs:ram::"+third+":root", "") },
			step: check.StepAssume, code: "SHP-A103", whose: check.Owner, account: ownerA, exit: exitDenied, says: "Trust policy", paste: pasteTrust},
		{name: "trust for a service", world: func(w *emulator.World) {
			role(w).Trust = statement(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ecs.aliyuncs.com"]}}`)
		}, step: check.StepAssume, code: "SHP-A103", whose: check.Owner, account: ownerA, exit: exitDenied, paste: pasteTrust},
		{name: "external id differs", world: func(w *emulator.World) { role(w).Trust = trusting(emulator.SenderUser, "theirs") }, setup: setAssume("external_id", "ours"),
			step: check.StepAssume, code: "SHP-A103", whose: check.Owner, account: ownerA, exit: exitDenied, says: `"ours" is sent`, paste: pasteTrust},
		{name: "external id missing", world: func(w *emulator.World) { role(w).Trust = trusting(emulator.SenderUser, "theirs") },
			step: check.StepAssume, code: "SHP-A103", whose: check.Owner, account: ownerA, exit: exitDenied, says: "external_id", paste: pasteTrust},
		{name: "trust for the user, not for the instance role", world: hostRole, setup: func(t *testing.T, h *checkHost) { sessionBase(t, h, hostRoleARN) },
			step: check.StepAssume, code: "SHP-A103", whose: check.Owner, account: ownerA, exit: exitDenied, says: hostRoleARN, paste: pasteTrust},
		{name: "instance role without a policy", world: func(w *emulator.World) {
			hostRole(w)
			w.Accounts[1].Roles[0].Policies = nil
			role(w).Trust = trusting(hostRoleARN, "")
		}, setup: func(t *testing.T, h *checkHost) { sessionBase(t, h, hostRoleARN) },
			step: check.StepAssume, code: "SHP-A114", whose: check.Caller, account: hostsB, exit: exitDenied, says: hostRoleARN,
			paste: func(h *checkHost, docs []string) error {
				return h.cloud.SetRolePolicy(hostRoleARN, emulator.Document(docs[0]))
			}},
		{name: "trust denies", world: func(w *emulator.World) {
			role(w).Trust = statement(`{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"RAM":["acs:ram::` + hostsB + `:root"]}},{"Effect":"Deny","Action":"sts:AssumeRole","Principal":{"RAM":["` + emulator.SenderUser + `"]}}`)
		}, step: check.StepAssume, code: "SHP-A116", whose: check.Owner, account: ownerA, exit: exitDenied, says: "Deny", paste: pasteTrust},
		{name: "role deleted", world: func(w *emulator.World) { w.Accounts[0].Roles = nil },
			step: check.StepAssume, code: "SHP-A104", whose: check.Owner, account: ownerA, exit: exitDenied, says: "shipper-writer", paste: pasteNewRole},
		{name: "wrong account in role_arn", world: func(w *emulator.World) { sender(w).Policies = []emulator.Document{statement(anyAssume)} },
			setup: setTarget("role_arn", "acs:ram::"+third+":role/shipper-writer"),
			step:  check.StepAssume, code: "SHP-A104", whose: check.Owner, account: third, exit: exitDenied, says: "typing error"},
		{name: "duration too long", setup: setAssume("duration", "2h"),
			step: check.StepAssume, code: "SHP-A112", whose: check.Owner, account: ownerA, exit: exitOK, status: check.Warn, says: "7200"},
		{name: "key of another account than expected", setup: func(_ *testing.T, h *checkHost) {
			delete(h.target, "role_arn")
			h.target["expect_account"] = ownerA
		}, step: check.StepAccount, code: "SHP-A105", whose: check.Configuration, account: ownerA, exit: exitProblem, says: hostsB},

		// The session policy.
		{name: "session policy too narrow", setup: session(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"` + bare + `/*"}]}`),
			step: check.StepSession, code: "SHP-A133", whose: check.Configuration, exit: exitProblem, says: "stands for what is below it", paste: pasteSession},
		{name: "session policy too narrow, mended", setup: session(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:GetLogStore","Resource":"*"}]}`),
			step: check.StepSession, code: "SHP-A133", whose: check.Configuration, exit: exitProblem, paste: pasteSession},
		{name: "session policy not JSON", setup: session(`{"Version":"1" "Statement":[]}`),
			step: check.StepSession, code: "SHP-A139", whose: check.Configuration, exit: exitProblem, says: "1:", paste: pasteSession},
		{name: "session policy file missing", setup: session(""),
			step: check.StepSession, code: "SHP-A139", whose: check.Configuration, exit: exitProblem, says: "no such file", paste: pasteSession},
		{name: "token can read", world: func(w *emulator.World) { role(w).Policies = []emulator.Document{statement(anyLog)} }, setup: setAssume("session_policy", "off"),
			step: check.StepSession, code: "SHP-A138", whose: check.Configuration, exit: exitOK, status: check.Warn, says: "auto"},

		// What the role may do.
		{name: "role without a policy", world: func(w *emulator.World) { role(w).Policies = nil },
			step: check.StepWrite, code: "SHP-A131", whose: check.Owner, account: ownerA, exit: exitDenied, says: "PostLogStoreLogs", paste: pasteRole},
		{name: "role with the star form only", world: func(w *emulator.World) { role(w).Policies = []emulator.Document{allowWrite(bare + "/*")} },
			step: check.StepWrite, code: "SHP-A131", whose: check.Owner, account: ownerA, exit: exitDenied, says: "/* only", paste: pasteRole},
		{name: "role for another Logstore", world: func(w *emulator.World) { role(w).Policies = []emulator.Document{allowWrite(bare + "-other")} },
			step: check.StepWrite, code: "SHP-A131", whose: check.Owner, account: ownerA, exit: exitDenied, paste: pasteRole},
		{name: "role for another region", world: func(w *emulator.World) {
			role(w).Policies = []emulator.Document{allowWrite(strings.Replace(bare, "*", "cn-beijing", 1))}
		}, step: check.StepWrite, code: "SHP-A131", whose: check.Owner, account: ownerA, exit: exitDenied, paste: pasteRole},
		{name: "role denied", world: func(w *emulator.World) { role(w).Policies = append(role(w).Policies, statement(denyWrite)) },
			step: check.StepWrite, code: "SHP-A132", whose: check.Owner, account: ownerA, exit: exitDenied, says: "Deny"},
		{name: "base key of the owner's account without a role", setup: func(_ *testing.T, h *checkHost) {
			delete(h.target, "role_arn")
			h.keyID, h.secret = emulator.ReaderKeyID, emulator.ReaderKeySecret
			h.target["expect_account"] = ownerA
		}, step: check.StepWrite, code: "SHP-A131", whose: check.Owner, account: ownerA, exit: exitDenied, says: emulator.ReaderUser},

		// The place.
		{name: "project missing", world: func(w *emulator.World) { w.Projects[0].Name = "sec-logz" },
			step: check.StepWrite, code: "SHP-A135", whose: check.Configuration, account: ownerA, exit: exitDenied, says: "sec-logs"},
		{name: "Logstore missing", world: func(w *emulator.World) { w.Projects[0].Logstores[0].Name = "other" },
			step: check.StepWrite, code: "SHP-A136", whose: check.Configuration, account: ownerA, exit: exitDenied, says: "no Logstore web"},
		{name: "project of another account", world: func(w *emulator.World) { w.Projects[0].Owner = hostsB },
			step: check.StepWrite, code: "SHP-A134", whose: check.Configuration, account: hostsB, exit: exitDenied, says: hostsB},
		{name: "project of another account, without a role", setup: func(_ *testing.T, h *checkHost) { delete(h.target, "role_arn") },
			step: check.StepWrite, code: "SHP-A134", whose: check.Configuration, account: ownerA, exit: exitDenied, says: "role_arn"},
		{name: "project forbidden", world: func(w *emulator.World) { w.Projects[0].Forbidden = true },
			step: check.StepWrite, code: "SHP-A137", whose: check.Owner, account: ownerA, exit: exitDenied, says: "ProjectForbidden"},
		{name: "write quota", setup: inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.ThrottleProject}),
			step: check.StepWrite, code: "SHP-P501", whose: check.Owner, account: ownerA, exit: exitOK, status: check.Warn},

		// Between here and there.
		{name: "clock skew", setup: inject(emulator.Fault{Kind: emulator.ClockSkew, Skew: time.Hour}),
			step: check.StepClock, code: "SHP-N120", whose: check.Host, exit: exitProblem, says: "1h0m0s behind"},
		{name: "clock a little off", setup: inject(emulator.Fault{Kind: emulator.ClockSkew, Skew: -3 * time.Minute}),
			step: check.StepClock, code: "SHP-N121", whose: check.Host, exit: exitOK, status: check.Warn, says: "ahead"},
		{name: "endpoint unreachable", setup: func(t *testing.T, h *checkHost) { h.target["endpoint"] = nobody(t) },
			step: check.StepNetwork, code: "SHP-N102", whose: check.Host, exit: exitUnavailable, says: "refused"},
		{name: "endpoint not Log Service", setup: func(t *testing.T, h *checkHost) { h.target["endpoint"] = stranger(t) },
			step: check.StepNetwork, code: "SHP-N107", whose: check.Host, exit: exitUnavailable, says: "not Log Service"},
		{name: "endpoint without TLS", setup: func(_ *testing.T, h *checkHost) { h.target["endpoint"] = strings.Replace(h.url, "http:", "https:", 1) },
			step: check.StepNetwork, code: "SHP-N106", whose: check.Host, exit: exitUnavailable, says: "http://"},
		{name: "certificate not trusted", setup: func(t *testing.T, h *checkHost) {
			srv := httptest.NewTLSServer(http.NotFoundHandler())
			t.Cleanup(srv.Close)
			h.target["endpoint"] = srv.URL
		}, step: check.StepNetwork, code: "SHP-N105", whose: check.Host, exit: exitUnavailable, says: "certificate"},
		{name: "STS unreachable", setup: func(t *testing.T, h *checkHost) { h.assume["sts_endpoint"] = nobody(t) },
			step: check.StepNetwork, code: "SHP-N102", whose: check.Host, exit: exitUnavailable, says: "STS"},
		{name: "STS unreachable and not needed", world: func(w *emulator.World) {
			w.Accounts[0].Users[0].Policies = []emulator.Document{allowWrite(bare)}
		}, setup: func(t *testing.T, h *checkHost) {
			delete(h.target, "role_arn")
			h.keyID, h.secret = emulator.ReaderKeyID, emulator.ReaderKeySecret
			h.assume["sts_endpoint"] = nobody(t)
		}, step: check.StepNetwork, code: "SHP-N102", whose: check.Host, exit: exitOK, status: check.Warn, says: "can do without"},
		{name: "STS unreachable and not needed, but no permission", setup: func(t *testing.T, h *checkHost) {
			delete(h.target, "role_arn")
			h.keyID, h.secret = emulator.ReaderKeyID, emulator.ReaderKeySecret
			h.assume["sts_endpoint"] = nobody(t)
		}, step: check.StepWrite, code: "SHP-A131", whose: check.Owner, account: ownerA, exit: exitDenied, says: "static key"},
		{name: "endpoint not STS", setup: func(t *testing.T, h *checkHost) { h.assume["sts_endpoint"] = stranger(t) },
			step: check.StepNetwork, code: "SHP-N108", whose: check.Host, exit: exitUnavailable, says: "not STS"},
		{name: "STS down", setup: inject(emulator.Fault{Kind: emulator.STSDown}),
			step: check.StepCredential, code: "SHP-A110", whose: check.Service, exit: exitUnavailable, says: "ServiceUnavailable"},
		{name: "STS throttles", setup: inject(emulator.Fault{Kind: emulator.STSThrottle}),
			step: check.StepCredential, code: "SHP-A109", whose: check.Service, exit: exitUnavailable, says: "Throttling"},
		{name: "Log Service has trouble", setup: inject(emulator.Fault{Op: emulator.OpPost, Kind: emulator.ServerBusy}),
			step: check.StepWrite, code: "SHP-P701", whose: check.Service, exit: exitUnavailable},

		// This host.
		{name: "no file matches", setup: func(t *testing.T, h *checkHost) { _ = os.Remove(filepath.Join(h.dir, "app.log")) },
			step: check.StepFiles, code: "SHP-F202", whose: check.Configuration, exit: exitOK, status: check.Warn},
		{name: "state directory is a file", setup: func(_ *testing.T, h *checkHost) { h.file("state", "") },
			step: check.StepState, code: "SHP-K101", whose: check.Host, exit: exitProblem, says: "not a directory"},
	}
}
