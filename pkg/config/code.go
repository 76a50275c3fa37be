package config

// Codes of this package. A code keeps its meaning for ever.
const (
	codeFile     = "SHP-C001"
	codeSyntax   = "SHP-C002"
	codeType     = "SHP-C003"
	codeUnknown  = "SHP-C004"
	codeInclude  = "SHP-C005"
	codeTwice    = "SHP-C006"
	codeVariable = "SHP-C007"
	codeOverride = "SHP-C008"
	codeMissing  = "SHP-C009"
	codeName     = "SHP-C010"
	codeRegion   = "SHP-C011"
	codeRole     = "SHP-C012"
	codeNothing  = "SHP-C013"
	codePath     = "SHP-C014"
	codeMemory   = "SHP-C015"
	codeValue    = "SHP-C016"
	codeSchema   = "SHP-C017"
	codeMore     = "SHP-C018"

	codeLiteral  = "SHP-C101"
	codeReadable = "SHP-C102"
	codeOverlap  = "SHP-C103"
	codeExposed  = "SHP-C104"
	codeIdle     = "SHP-C105"
	codeLuck     = "SHP-C106"
	codeOutdone  = "SHP-C107"
	codeSmaller  = "SHP-C108"
)

// Code explains one code of this package to the reader of a message.
type Code struct {
	Code   string
	Means  string
	Remedy string
}

// Codes is every code that Load uses: SHP-C0xx are errors, SHP-C1xx warnings.
func Codes() []Code {
	return []Code{
		{codeFile, "A configuration file cannot be read.", "Check the path and the rights of the user that runs shipper."},
		{codeSyntax, "The file is not TOML at the position shown.", "Strings stand in quotes; a table begins with [name] on a line of its own."},
		{codeType, "A value is of another type than the key takes.", "The hint shows the form that fits."},
		{codeUnknown, "There is no such key or table.", "Take the suggestion; docs/configuration.md lists every key."},
		{codeInclude, "An included file does not exist, or files include each other in a circle.", "Paths are relative to the file with the include line; a glob may match nothing, a plain path may not."},
		{codeTwice, "A key is set in two places.", "Keep one of the two places shown. Nothing wins silently."},
		{codeVariable, "A ${VARIABLE} is not set, or the reference is malformed.", "Set it, or give a default: ${VARIABLE:-default}. A literal ${ is written $${."},
		{codeOverride, "A --set flag or a SHIPPER_ variable cannot be used.", "Write --set table.key=value."},
		{codeMissing, "A key without a default is not set.", "Add it to the table shown."},
		{codeName, "A name refers to a table that does not exist, or is not usable as a name.", "Take the suggestion, or add the table."},
		{codeRegion, "The region is not one that Log Service has.", "Take the suggestion. For a region that this version does not know, set endpoint."},
		{codeRole, "role_arn or expect_account is malformed, or the two disagree.", "The form is acs:ram::ACCOUNT:role/NAME with the 16 digits of the account that owns the Logstore."},
		{codeNothing, "There is no input or no target, or an input does not say which of several targets it means.", "A configuration needs one [target.NAME] and one [input.NAME]."},
		{codePath, "A path is relative, or would make shipper read its own files.", "Write absolute paths and leave state_dir out of them."},
		{codeMemory, "max_memory cannot hold the batches that the targets are allowed to build.", "Raise max_memory or lower batch.max_bytes."},
		{codeValue, "A value is outside of what the key takes.", "The message says what it takes."},
		{codeSchema, "The file is written for another version of shipper.", "Upgrade shipper, or write schema = 1."},
		{codeMore, "There are more errors than are shown.", "Mend the ones that are."},
		{codeLiteral, "A secret stands in the configuration itself.", `Move it to a file: { file = "/etc/shipper/credentials/secret" }.`},
		{codeReadable, "A file with a secret can be read by every user of the host.", "Run the command in the message: it closes the file to others and leaves it open to the service."},
		{codeOverlap, "Two inputs read the same files for the same target: every line is sent twice.", "Narrow paths, or add exclude."},
		{codeExposed, "admin.listen answers to other hosts. It shows paths and account numbers and has no password.", `Listen on 127.0.0.1, or set listen = "" and use the socket.`},
		{codeLuck, "A value may be refused by the cloud; shipper then falls back to one that works.", "The message says which."},
		{codeOutdone, "agent.state_dir of a file is not used, because systemd gives the service a directory ($STATE_DIRECTORY).",
			"Remove the line, or set SHIPPER_STATE_DIR in a drop-in of the unit; else commands on a terminal look into another directory than the service."},
		{codeSmaller, "Batches are smaller than batch.max_bytes, because max_memory has to hold many of them.", "Raise max_memory to what the message says, or remove batch.max_bytes."},
		{codeIdle, "A target or a credentials table is used by nothing.", "Remove it, or name it in an input or a target."},
	}
}
