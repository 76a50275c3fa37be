package producer

import (
	"errors"
	"fmt"
	"regexp"
	"time"

	"shipper/internal/codec"
	"shipper/internal/invalid"
	"shipper/internal/units"
)

// Config is the part of a [target.NAME] table that says where and how to send.
type Config struct {
	// Project of Log Service that owns the Logstore. Required.
	Project string `toml:"project"`
	// Logstore that the lines go to. Required.
	Logstore string `toml:"logstore"`
	// Region of the project, such as "cn-hangzhou". Required unless endpoint is written out.
	Region string `toml:"region"`
	// Network is the way to the region: "public" (default), "intranet" (from a VPC of the same region) or "accelerate".
	Network string `toml:"network"`
	// Endpoint overrides what region and network say: a service name ("cn-hangzhou.log.aliyuncs.com"), or a host, IP or
	// host:port that is dialled as it stands. https unless it says http://. Default "".
	Endpoint string `toml:"endpoint"`
	// Compression of a request's body: "lz4" (default), "zstd" (smaller, more CPU) or "none".
	Compression string `toml:"compression"`
	// Signature version: "v1" (default) or "v4" (needs the region).
	Signature string `toml:"signature"`
	// ExactlyOnce numbers the requests, so that the service refuses what it has stored already: after a crash or a lost answer
	// nothing comes twice. Every request is kept in the state directory until it is answered, and holds lines of one file.
	// Default false.
	ExactlyOnce bool `toml:"exactly_once"`
	// Retry spaces the attempts.
	Retry RetryConfig `toml:"retry"`
}

// RetryConfig is the [target.NAME.retry] table.
type RetryConfig struct {
	// Min is the shortest wait before the next attempt, default "200ms".
	Min units.Duration `toml:"min"`
	// Max is the longest, default "30s". Attempts never end; only their distance grows.
	Max units.Duration `toml:"max"`
	// RateLimit bounds what is sent, in bytes a second before compression, repeats included; "0" (default) is no bound.
	RateLimit units.Bytes `toml:"rate_limit"`
}

// Default is the configuration of a target that says nothing but where to.
func Default() Config {
	return Config{
		Network:     "public",
		Compression: "lz4",
		Signature:   "v1",
		Retry:       RetryConfig{Min: units.Duration(200 * time.Millisecond), Max: units.Duration(30 * time.Second)},
	}
}

// Naming rules of Log Service (help: CreateProject, CreateLogStore). A bad Logstore name would be answered with 405
// InvalidMethod, which tells nobody what is wrong.
var (
	projectName  = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
	logstoreName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,61}[a-z0-9]$`)
	regionName   = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
)

// Validate returns every wrong setting as *invalid.Error, keys relative to the target's table.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, reason, hint string) { errs = append(errs, invalid.Key(key, reason, hint)) }

	switch {
	case c.Project == "":
		bad("project", "is missing", "the Log Service project that owns the Logstore")
	case !projectName.MatchString(c.Project):
		bad("project", fmt.Sprintf("%q is not a project name", c.Project),
			"3 to 63 lower-case letters, digits and hyphens; it begins and ends with a letter or digit")
	}
	switch {
	case c.Logstore == "":
		bad("logstore", "is missing", "the Logstore that the lines go to")
	case !logstoreName.MatchString(c.Logstore):
		bad("logstore", fmt.Sprintf("%q is not a Logstore name", c.Logstore),
			"2 to 63 lower-case letters, digits, hyphens and underscores; it begins and ends with a letter or digit")
	}
	switch c.Network {
	case "public", "intranet", "accelerate":
	default:
		bad("network", fmt.Sprintf("%q is not a network", c.Network), "public, intranet or accelerate")
	}
	errs = append(errs, c.validateEndpoint()...)
	if k, err := codec.Parse(c.Compression); err != nil || k == codec.Deflate || c.Compression == "" {
		bad("compression", fmt.Sprintf("%q is not a compression", c.Compression), "lz4, zstd or none")
	}
	switch c.Signature {
	case "v1", "v4":
	default:
		bad("signature", fmt.Sprintf("%q is not a signature version", c.Signature), "v1 or v4")
	}
	errs = append(errs, invalid.Under("retry", c.Retry.validate()))
	return errors.Join(errs...)
}

func (c Config) validateEndpoint() []error {
	var errs []error
	if c.Region != "" && !regionName.MatchString(c.Region) {
		errs = append(errs, invalid.Key("region", fmt.Sprintf("%q does not look like a region", c.Region), "such as cn-hangzhou"))
	}
	if c.Endpoint == "" && c.Region == "" {
		return append(errs, invalid.Key("region", "is missing", "such as cn-hangzhou; or write the endpoint out"))
	}
	e, err := c.Resolve()
	if err != nil {
		return append(errs, invalid.Key("endpoint", err.Error(), "such as cn-hangzhou.log.aliyuncs.com or http://127.0.0.1:9000"))
	}
	if c.Signature == "v4" && e.Region == "" {
		errs = append(errs, invalid.Key("region", "is missing", `signature "v4" signs the region`))
	}
	return errs
}

func (r RetryConfig) validate() error {
	var errs []error
	if r.Min < units.Duration(time.Millisecond) {
		errs = append(errs, invalid.Key("min", fmt.Sprintf("%v is too short", r.Min), "at least 1ms; the default is 200ms"))
	}
	if r.Max < r.Min {
		errs = append(errs, invalid.Key("max", fmt.Sprintf("%v is shorter than min (%v)", r.Max, r.Min), "the default is 30s"))
	}
	if r.RateLimit < 0 || r.RateLimit > 0 && r.RateLimit < units.KiB {
		errs = append(errs, invalid.Key("rate_limit", fmt.Sprintf("%v a second is too little", r.RateLimit), `at least 1KiB, or "0" for no limit`))
	}
	return errors.Join(errs...)
}
