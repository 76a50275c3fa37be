package creds

import (
	"errors"
	"net/url"
	"strings"
)

// STSEndpoint returns the host of STS for a region and a network ("public", "intranet", "accelerate"): sts.REGION.aliyuncs.com,
// or sts-vpc.REGION.aliyuncs.com inside a VPC; the global sts.aliyuncs.com without a region.
func STSEndpoint(region, network string) string {
	switch {
	case region == "":
		return "sts.aliyuncs.com"
	case network == "intranet":
		return "sts-vpc." + region + ".aliyuncs.com"
	}
	return "sts." + region + ".aliyuncs.com"
}

// endpoint is where STS is for a role that a source assumes itself: where the environment says, with the names that Alibaba's
// own SDKs use, or else beside the target, so that a host without a way to the internet needs no second way out.
func (o Options) endpoint() string {
	network := o.Network
	if strings.EqualFold(o.Env("ALIBABA_CLOUD_VPC_ENDPOINT_ENABLED"), "true") {
		network = "intranet"
	}
	return STSEndpoint(firstOf(o.Env("ALIBABA_CLOUD_STS_REGION"), o.Region), network)
}

// splitEndpoint returns scheme and host[:port] of an endpoint. Without a scheme it is https.
func splitEndpoint(endpoint string) (scheme, host string, err error) {
	if !strings.Contains(endpoint, "://") {
		endpoint = "https://" + endpoint
	}
	u, err := url.Parse(endpoint)
	switch {
	case err != nil:
		return "", "", errors.New("it is not a host or a URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return "", "", errors.New("its scheme is neither https nor http")
	case u.Hostname() == "":
		return "", "", errors.New("it names no host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return "", "", errors.New("it holds more than scheme, host and port")
	}
	return u.Scheme, u.Host, nil
}
