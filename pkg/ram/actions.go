package ram

import (
	"fmt"
	"slices"
	"strings"
)

// Action is one permission of Log Service and what it is checked against.
type Action struct {
	Name      string   // log:PostLogStoreLogs
	API       string   // the calls that need it
	Group     string   // logstore, loghub, config, machinegroup, interaction, consumergroup, query, project
	Resources []string // templates; all of them must be allowed
	Source    string   // where the row comes from
}

// Sources of rows.
const (
	sourceRules = "help: authentication rules"
	sourceGroup = "help: consumer group permissions; the service's denial texts"
	sourceList  = "help: action list"
)

// Templates of resources. The service fills in the region of the project and the UID of its owner.
const (
	ofProject   = "acs:log:${regionName}:${projectOwnerAliUid}:project/${projectName}"
	allProjects = "acs:log:${regionName}:${projectOwnerAliUid}:project/*"
	oneLogstore = ofProject + "/logstore/${logstoreName}"
	allLogstore = ofProject + "/logstore/*"
	oneConfig   = ofProject + "/logtailconfig/${logtailConfigName}"
	allConfig   = ofProject + "/logtailconfig/*"
	oneMachines = ofProject + "/machinegroup/${machineGroupName}"
	allMachines = ofProject + "/machinegroup/*"
	oneConsumer = oneLogstore + "/consumergroup/${consumerGroupName}"
	allConsumer = oneLogstore + "/consumergroup/*"
)

// table is read only. A star in a resource is a literal star: listing and creating are checked against `…/logstore/*`.
var table = []Action{
	{"log:GetLogStore", "GetLogStore", "logstore", []string{oneLogstore}, sourceRules},
	{"log:ListLogStores", "ListLogStores", "logstore", []string{allLogstore}, sourceRules},
	{"log:CreateLogStore", "CreateLogStore", "logstore", []string{allLogstore}, sourceRules},
	{"log:DeleteLogStore", "DeleteLogStore", "logstore", []string{oneLogstore}, sourceRules},
	{"log:UpdateLogStore", "UpdateLogStore", "logstore", []string{oneLogstore}, sourceRules},

	{"log:GetCursorOrData", "GetCursor, GetCursorTime, PullLogs", "loghub", []string{oneLogstore}, sourceRules},
	{"log:ListShards", "ListShards", "loghub", []string{oneLogstore}, sourceRules},
	{"log:PostLogStoreLogs", "PostLogStoreLogs (PutLogs)", "loghub", []string{oneLogstore}, sourceRules},

	{"log:CreateConfig", "CreateConfig", "config", []string{allConfig}, sourceRules},
	{"log:UpdateConfig", "UpdateConfig", "config", []string{oneConfig}, sourceRules},
	{"log:DeleteConfig", "DeleteConfig", "config", []string{oneConfig}, sourceRules},
	{"log:GetConfig", "GetConfig", "config", []string{oneConfig}, sourceRules},
	{"log:ListConfig", "ListConfig", "config", []string{allConfig}, sourceRules},

	{"log:CreateMachineGroup", "CreateMachineGroup", "machinegroup", []string{allMachines}, sourceRules},
	{"log:UpdateMachineGroup", "UpdateMachineGroup", "machinegroup", []string{oneMachines}, sourceRules},
	{"log:DeleteMachineGroup", "DeleteMachineGroup", "machinegroup", []string{oneMachines}, sourceRules},
	{"log:GetMachineGroup", "GetMachineGroup", "machinegroup", []string{oneMachines}, sourceRules},
	{"log:ListMachineGroup", "ListMachineGroup", "machinegroup", []string{allMachines}, sourceRules},
	{"log:ListMachines", "ListMachines", "machinegroup", []string{oneMachines}, sourceRules},

	{"log:ApplyConfigToGroup", "ApplyConfigToMachineGroup", "interaction", []string{oneConfig, oneMachines}, sourceRules},
	{"log:RemoveConfigFromGroup", "RemoveConfigFromMachineGroup", "interaction", []string{oneConfig, oneMachines}, sourceRules},
	{"log:GetAppliedMachineGroups", "GetAppliedMachineGroups", "interaction", []string{oneConfig}, sourceRules},
	{"log:GetAppliedConfigs", "GetAppliedConfigs", "interaction", []string{oneMachines}, sourceRules},

	{"log:CreateConsumerGroup", "CreateConsumerGroup", "consumergroup", []string{allConsumer}, sourceGroup},
	{"log:ListConsumerGroup", "ListConsumerGroup", "consumergroup", []string{allConsumer}, sourceGroup},
	{"log:ConsumerGroupHeartBeat", "HeartBeat", "consumergroup", []string{oneConsumer}, sourceGroup},
	{"log:ConsumerGroupUpdateCheckPoint", "UpdateCheckPoint", "consumergroup", []string{oneConsumer}, sourceGroup},
	{"log:GetConsumerGroupCheckPoint", "GetCheckPoint", "consumergroup", []string{oneConsumer}, sourceGroup},
	{"log:UpdateConsumerGroup", "UpdateConsumerGroup", "consumergroup", []string{oneConsumer}, sourceGroup},
	{"log:DeleteConsumerGroup", "DeleteConsumerGroup", "consumergroup", []string{oneConsumer}, sourceGroup},

	{"log:GetLogStoreLogs", "GetLogs", "query", []string{oneLogstore}, sourceList},
	{"log:GetLogStoreHistogram", "GetHistograms", "query", []string{oneLogstore}, sourceList},

	{"log:GetProject", "GetProject", "project", []string{ofProject}, sourceList},
	{"log:ListProject", "ListProject", "project", []string{allProjects}, sourceList},
}

// WriteAction is the one permission that shipping needs.
const WriteAction = "log:PostLogStoreLogs"

// ReadActions are the seven permissions of reading back through a consumer group.
func ReadActions() []string {
	return []string{
		"log:GetCursorOrData",
		"log:CreateConsumerGroup",
		"log:ListConsumerGroup",
		"log:ConsumerGroupUpdateCheckPoint",
		"log:ConsumerGroupHeartBeat",
		"log:GetConsumerGroupCheckPoint",
		"log:UpdateConsumerGroup",
	}
}

// Lookup finds one action, without regard to case.
func Lookup(name string) (Action, bool) {
	for _, a := range table {
		if strings.EqualFold(a.Name, name) {
			a.Resources = slices.Clone(a.Resources)
			return a, true
		}
	}
	return Action{}, false
}

// Vars are what the templates of the table are filled with. Only those that the action names must be set.
type Vars struct {
	Region        string
	UID           string // of the account that owns the project
	Project       string
	Logstore      string
	Config        string
	MachineGroup  string
	ConsumerGroup string
}

func (v Vars) pairs() []string {
	return []string{
		"${regionName}", v.Region,
		"${projectOwnerAliUid}", v.UID,
		"${projectName}", v.Project,
		"${logstoreName}", v.Logstore,
		"${logtailConfigName}", v.Config,
		"${machineGroupName}", v.MachineGroup,
		"${consumerGroupName}", v.ConsumerGroup,
	}
}

// Resources returns what the service checks action against. An action that is not in the table and a variable that is needed
// and empty are errors.
func Resources(action string, vars Vars) ([]string, error) {
	a, ok := Lookup(action)
	if !ok {
		return nil, fmt.Errorf("%q is not in the action table of Log Service", short(action))
	}
	pairs := vars.pairs()
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			continue
		}
		for _, r := range a.Resources {
			if strings.Contains(r, pairs[i]) {
				return nil, fmt.Errorf("%s needs %s", a.Name, pairs[i])
			}
		}
	}
	fill := strings.NewReplacer(pairs...)
	for i, r := range a.Resources {
		a.Resources[i] = fill.Replace(r)
	}
	return a.Resources, nil
}
