package ram

import "slices"

// Severity says how much a finding matters.
type Severity string

// Severities. An error keeps something from working (or the document from being accepted), a warning allows more than is
// wise, a note is worth knowing.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Note    Severity = "note"
)

// Finding is one thing that Lint has to say about a document.
type Finding struct {
	Code        string   `json:"code"` // SHP-A2xx, stable
	Severity    Severity `json:"severity"`
	Line        int      `json:"line,omitempty"`   // of the statement, 0 when it is about the whole document
	Column      int      `json:"column,omitempty"` // known for syntax only
	Title       string   `json:"title"`
	Explanation string   `json:"explanation"`
	Fix         string   `json:"fix,omitempty"`
}

// traps is the catalogue, read only. Lint fills in line, details and fix.
var traps = []Finding{
	{Code: "SHP-A201", Severity: Error, Title: "the document cannot be read",
		Explanation: "RAM refuses a document that is not valid JSON or has unknown or missing elements. Examples on help pages have such mistakes too."},
	{Code: "SHP-A202", Severity: Error, Title: "…/logstore/NAME/* does not match the Logstore itself",
		Explanation: "Writing is checked against …/logstore/NAME. A pattern that ends in /* matches only what is below it, such as consumer groups, so the write is denied."},
	{Code: "SHP-A203", Severity: Error, Title: "the resource has lost its asterisks",
		Explanation: "Some help pages show acs:log::UID:project/ where acs:log:*:UID:project/* is meant: the asterisks were swallowed when the page was made. As it stands it matches nothing."},
	{Code: "SHP-A204", Severity: Error, Title: "this is not the permission to assume a role",
		Explanation: "Assuming a role is the action sts:AssumeRole. The guide to STS shows iot:QueryProduct in its place, which permits nothing here."},
	{Code: "SHP-A205", Severity: Warning, Title: ":root trusts everybody in the account",
		Explanation: "A principal …:root means every RAM user and every role of that account which its own policies let through, today and later."},
	{Code: "SHP-A206", Severity: Warning, Title: "the resource is wider than one Logstore",
		Explanation: "The permission covers every project, or every Logstore of a project, today and later."},
	{Code: "SHP-A207", Severity: Warning, Title: "more roles than one may be assumed",
		Explanation: "As the system policy AliyunSTSAssumeRoleAccess does, this allows every role of every account that trusts yours."},
	{Code: "SHP-A208", Severity: Warning, Title: "the external id is not demanded",
		Explanation: "The configuration sends an external id, but the trust policy lets the caller in without it, so it protects nothing."},
	{Code: "SHP-A209", Severity: Error, Title: "the account is not the right one",
		Explanation: "Resources of Log Service carry the UID of the account that owns the project, principals that of the account of the hosts."},
	{Code: "SHP-A210", Severity: Error, Title: "a consumer-group action without its prefix",
		Explanation: "A list of actions in the help spells three of them short; the service checks the long names."},
	{Code: "SHP-A211", Severity: Warning, Title: "a trust policy with a Resource",
		Explanation: "A trust policy says who may assume the role it hangs on; it has a Principal and no Resource. RAM may refuse it."},
	{Code: "SHP-A212", Severity: Error, Title: "a permission policy with a Principal",
		Explanation: "A policy that is attached to a user or role must not say whom it is for; RAM refuses it. A Principal belongs into the trust policy of the role."},
	{Code: "SHP-A213", Severity: Note, Title: "the key of the account itself cannot assume a role",
		Explanation: "STS answers \"Roles may not be assumed by root accounts\" whatever the documents say. The hosts need a RAM user or a role."},
	{Code: "SHP-A214", Severity: Note, Title: "sessions longer than one hour",
		Explanation: "How long a session may last is a setting of the role, not of a document: MaxSessionDuration, 3600 seconds unless it was raised (up to 43200)."},
	{Code: "SHP-A215", Severity: Error, Title: "a placeholder was not filled in",
		Explanation: "The text of an example stands where an account, a name or an ARN belongs."},
	{Code: "SHP-A216", Severity: Warning, Title: "unknown action",
		Explanation: "It is not in the action table of Log Service, so it may permit nothing."},
	{Code: "SHP-A217", Severity: Warning, Title: "the action is a pattern",
		Explanation: "It allows more actions than are needed, and those that will be invented later."},
	{Code: "SHP-A218", Severity: Error, Title: "the document is too long",
		Explanation: "RAM takes 6144 characters in a custom policy, STS 2048 in a session policy."},
	{Code: "SHP-A219", Severity: Error, Title: "the external id differs",
		Explanation: "The trust policy demands an external id that the configuration does not send."},
	{Code: "SHP-A220", Severity: Error, Title: "a Deny blocks what is needed",
		Explanation: "An explicit Deny beats every Allow, in this document and in any other."},
	{Code: "SHP-A221", Severity: Note, Title: "the statement has a condition",
		Explanation: "It counts only while the condition holds. What is said about the document assumes that conditions of Allow hold and those of Deny do not."},
	{Code: "SHP-A222", Severity: Error, Title: "the session name is not allowed",
		Explanation: "RoleSessionName has 2 to 64 letters, digits and .@_- (older regions 32)."},
	{Code: "SHP-A223", Severity: Error, Title: "the role is in the wrong account",
		Explanation: "The account that owns the Logstore must create the role; a role of the hosts' account has no rights there. One guide says the opposite in its overview and this in its first step."},
	{Code: "SHP-A224", Severity: Warning, Title: "permissions of other services",
		Explanation: "Shipping logs needs nothing outside Log Service."},
	{Code: "SHP-A225", Severity: Error, Title: "the principal is a pattern",
		Explanation: "A star on its own trusts everybody in the whole cloud; inside a principal it is not documented to mean anything."},
	{Code: "SHP-A226", Severity: Error, Title: "the document does not allow what the configuration needs",
		Explanation: "Not allowed:"},
	{Code: "SHP-A227", Severity: Error, Title: "the caller is not trusted",
		Explanation: "The trust policy does not let the hosts assume the role."},
	{Code: "SHP-A228", Severity: Warning, Title: "others are trusted too",
		Explanation: "The role may be assumed by more than the hosts."},
	{Code: "SHP-A229", Severity: Error, Title: "…/logstore/NAME does not match its consumer groups",
		Explanation: "Consumer groups are checked against …/logstore/NAME/consumergroup/GROUP, which the bare name does not match."},
}

// Codes returns every code that Lint can give, with title and explanation.
func Codes() []Finding { return slices.Clone(traps) }

// trap returns the catalogue's entry of a code, the last four characters of which are given.
func trap(code string) Finding {
	for _, t := range traps {
		if t.Code == "SHP-"+code {
			return t
		}
	}
	return Finding{Code: "SHP-" + code, Severity: Error}
}
