package e2e

import (
	"testing"

	"shipper/pkg/emulator"
	"shipper/pkg/emulator/emulatortest"
)

// secondProject adds a project of account A with a Logstore that the writer role may write to.
const secondProject = "audit-logs"

func (c *cloud) addSecond(t *testing.T) {
	t.Helper()
	must(t, c.PutProject(emulator.Project{Name: secondProject, Owner: emulator.OwnerUID, Region: emulator.DefaultRegion,
		Logstores: []emulator.Logstore{{Name: "audit", Shards: 1}}}))
	must(t, c.SetRolePolicy(emulator.WriterRole, `{"Version":"1","Statement":[{"Effect":"Allow","Action":"log:PostLogStoreLogs","Resource":"acs:log:*:*:project/*/logstore/*"}]}`))
}

// second is the configuration of a target there.
func (c *cloud) second() string {
	return "\n[target.second]\n" + emulatortest.TargetIn(c.addr, secondProject, "audit")
}

// storedIn counts how often each line is in a Logstore.
func (c *cloud) storedIn(project, logstore string) map[string]int {
	out := map[string]int{}
	for _, g := range c.ReadAll(project, logstore) {
		for _, l := range g.Logs {
			out[l.Value("content")]++
		}
	}
	return out
}
