package creds

import (
	"io/fs"
	"syscall"
	"testing"
	"time"
)

// ownedFile is a file as os.Stat tells it.
type ownedFile struct {
	mode     fs.FileMode
	uid, gid uint32
}

func (f ownedFile) Name() string       { return "secret" }
func (f ownedFile) Size() int64        { return 30 }
func (f ownedFile) Mode() fs.FileMode  { return f.mode }
func (f ownedFile) ModTime() time.Time { return time.Time{} }
func (f ownedFile) IsDir() bool        { return false }
func (f ownedFile) Sys() any           { return &syscall.Stat_t{Uid: f.uid, Gid: f.gid} }

// What is advised leaves the file readable for the service and for nobody else.
func TestClosingAFile(t *testing.T) {
	service := hostUser{name: "shipper", uid: 4000000001, groups: []uint32{4000000001, 4000000002}} // ids that no host has names for
	for name, row := range map[string]struct {
		file ownedFile
		who  hostUser
		want string
	}{
		"root and the group of the service": {ownedFile{0o444, 0, 4000000001}, service, "chmod o= /k"},
		"another group of the service":      {ownedFile{0o644, 0, 4000000002}, service, "chmod o= /k"},
		"the service's own":                 {ownedFile{0o644, 4000000001, 4000000001}, service, "chmod 0600 /k"},
		"its own, not to be written":        {ownedFile{0o444, 4000000001, 0}, service, "chmod 0400 /k"},
		"root alone":                        {ownedFile{0o644, 0, 0}, service, "chgrp 4000000001 /k && chmod 0640 /k"},
		"the group may not read":            {ownedFile{0o604, 0, 4000000001}, service, "chgrp 4000000001 /k && chmod 0640 /k"},
		"somebody else's":                   {ownedFile{0o644, 1234, 1234}, service, "chgrp 4000000001 /k && chmod 0640 /k"},
		"the service is root":               {ownedFile{0o644, 0, 0}, hostUser{name: "root", groups: []uint32{0}}, "chmod o= /k"},
	} {
		if got := closing("/k", row.file, row.who); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
