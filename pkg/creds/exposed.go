package creds

import (
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"
	"strconv"
	"syscall"
)

// exposed says that a file can be read by everybody (mode & 0004; a group is somebody's choice) and how to close it without
// closing it to the service, or returns "".
func exposed(path string) string {
	info, err := os.Stat(path)
	if path == "" || err != nil || info.Mode().Perm()&0o004 == 0 {
		return ""
	}
	return fmt.Sprintf("%s can be read by everybody (%s): %s", path, rights(info), closing(path, info, reader()))
}

// hostUser is a user of this host, as far as reading files goes.
type hostUser struct {
	name   string
	uid    uint32
	groups []uint32 // the first is the user's own
}

// reader is the user who reads the file in the end: whoever runs this, or the service's user when root looks after it.
func reader() hostUser {
	u, err := user.LookupId(strconv.Itoa(os.Geteuid()))
	if os.Geteuid() == 0 {
		if service, e := user.Lookup("shipper"); e == nil {
			u, err = service, nil
		}
	}
	if err != nil {
		return hostUser{uid: uint32(os.Geteuid()), groups: []uint32{uint32(os.Getegid())}}
	}
	a := hostUser{name: u.Username}
	id := func(text string) uint32 {
		n, _ := strconv.ParseUint(text, 10, 32) // Unix ids are numbers
		return uint32(n)
	}
	a.uid, a.groups = id(u.Uid), []uint32{id(u.Gid)}
	if more, err := u.GroupIds(); err == nil {
		for _, g := range more {
			a.groups = append(a.groups, id(g))
		}
	}
	return a
}

// closing is the command that takes a file away from everybody but who. chmod 0600 would take a file of root's away from a
// service that reads it through its group.
func closing(path string, info fs.FileInfo, who hostUser) string {
	st, ok := info.Sys().(*syscall.Stat_t)
	mode := info.Mode().Perm()
	switch {
	case !ok, who.uid == 0:
		return "chmod o= " + path
	case st.Uid == who.uid && mode&0o400 != 0:
		return fmt.Sprintf("chmod %#o %s", mode&0o600, path)
	case st.Gid != 0 && slices.Contains(who.groups, st.Gid) && mode&0o040 != 0:
		return "chmod o= " + path
	}
	group := strconv.Itoa(int(who.groups[0]))
	if g, err := user.LookupGroupId(group); err == nil {
		group = g.Name
	}
	return fmt.Sprintf("chgrp %s %s && chmod 0640 %s", group, path, path)
}
