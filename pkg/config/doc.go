// Package config turns TOML files, the environment and --set flags into one validated value.
//
// Promise: every error of every file is reported at once, each with file, line, column, the line itself, a caret and,
// where one is near, a suggestion. A configuration that Load returns is complete: defaults are filled in, names that refer
// to other tables exist, and every owner's Validate has passed. Load never panics, whatever the files hold.
//
// Precedence: --set, then SHIPPER_* variables (and systemd's STATE_DIRECTORY and RUNTIME_DIRECTORY), then files, then
// defaults. References such as ${VAR} are expanded after parsing and inside string values only, so that the content of a
// variable can never add a key.
//
// The packages that own a setting declare it (Config, Default, Validate); this package composes them, adds the checks that
// need more than one table, and points at the line. Callers are pkg/daemon (start, reload) and cmd/shipper (every command
// that reads the configuration).
//
// It opens no connection, reads no secret and watches no file.
package config

//go:generate go run ./internal/reference/write
