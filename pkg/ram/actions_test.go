package ram

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// The table against the two pages it comes from. The English page is a machine translation that has put blanks and lower
// case into some names.
func TestTableAgainstPages(t *testing.T) {
	for _, name := range []string{"testdata/rules-zh.tsv", "testdata/rules-en.tsv"} {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for line := range strings.Lines(string(data)) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			rows++
			cell := strings.Split(strings.TrimSpace(line), "\t")
			a, ok := Lookup(strings.ReplaceAll(cell[1], " ", ""))
			if !ok {
				t.Errorf("%s: %s is not in the table", name, cell[1])
				continue
			}
			if a.Group != cell[0] || !slices.Equal(a.Resources, cell[2:]) || a.Source != sourceRules {
				t.Errorf("%s: %s\n got %s %v\nwant %s %v", name, a.Name, a.Group, a.Resources, cell[0], cell[2:])
			}
		}
		ours := 0
		for _, a := range table {
			if a.Source == sourceRules {
				ours++
			}
		}
		if rows != 23 || ours != rows {
			t.Errorf("%s has %d rows, the table %d of them", name, rows, ours)
		}
	}
}

// The rows that those pages lack.
func TestTableBeyondPages(t *testing.T) {
	vars := Vars{Region: "r", UID: "1", Project: "p", Logstore: "l", Config: "c", MachineGroup: "m", ConsumerGroup: "g"}
	const l = "acs:log:r:1:project/p/logstore/l"
	for action, want := range map[string]string{
		"log:GetLogStoreLogs": l, "log:GetLogStoreHistogram": l,
		"log:CreateConsumerGroup": l + "/consumergroup/*", "log:ListConsumerGroup": l + "/consumergroup/*",
		"log:ConsumerGroupHeartBeat": l + "/consumergroup/g", "log:ConsumerGroupUpdateCheckPoint": l + "/consumergroup/g",
		"log:GetConsumerGroupCheckPoint": l + "/consumergroup/g", "log:UpdateConsumerGroup": l + "/consumergroup/g",
		"log:DeleteConsumerGroup": l + "/consumergroup/g",
		"log:GetProject":          "acs:log:r:1:project/p", "log:ListProject": "acs:log:r:1:project/*",
	} {
		if got, err := Resources(action, vars); err != nil || !slices.Equal(got, []string{want}) {
			t.Errorf("%s: %v %v", action, got, err)
		}
	}
	for _, a := range ReadActions() {
		if _, ok := Lookup(a); !ok {
			t.Errorf("%s is not in the table", a)
		}
	}
}

func TestResources(t *testing.T) {
	vars := Vars{Region: "cn-hangzhou", UID: "1", Project: "p", Config: "c", MachineGroup: "m"}
	got, err := Resources("LOG:applyconfigtogroup", vars)
	if want := []string{"acs:log:cn-hangzhou:1:project/p/logtailconfig/c", "acs:log:cn-hangzhou:1:project/p/machinegroup/m"}; err != nil || !slices.Equal(got, want) {
		t.Error(got, err)
	}
	if _, err := Resources(WriteAction, vars); err == nil || !strings.Contains(err.Error(), "${logstoreName}") {
		t.Error(err)
	}
	if _, err := Resources("log:Nothing", vars); err == nil {
		t.Error("log:Nothing is no action")
	}
	first, _ := Lookup("log:GetLogStore")
	first.Resources[0] = "changed"
	if a, _ := Lookup("log:GetLogStore"); a.Resources[0] != oneLogstore {
		t.Error("the table can be changed from outside")
	}
}
