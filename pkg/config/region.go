package config

import (
	"fmt"
	"slices"
)

// Regions are those in which Log Service has an endpoint, as the help page "Endpoints" of Log Service lists them.
func Regions() []string {
	return []string{
		"cn-hangzhou", "cn-shanghai", "cn-qingdao", "cn-beijing", "cn-zhangjiakou", "cn-huhehaote", "cn-wulanchabu",
		"cn-shenzhen", "cn-heyuan", "cn-guangzhou", "cn-chengdu", "cn-hongkong", "cn-nanjing", "cn-fuzhou", "cn-wuhan-lr",
		"cn-zhengzhou-jva", "cn-zhongwei",
		"cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1", "cn-shenzhen-finance", "cn-beijing-finance-1", "cn-north-2-gov-1",
		"ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5",
		"ap-southeast-6", "ap-southeast-7", "eu-central-1", "eu-west-1", "us-east-1", "us-west-1", "us-southeast-1",
		"na-south-1", "me-east-1", "me-central-1",
	}
}

// region checks a target's region. Where endpoint is given the region only signs requests (V4), and one that is not in
// the list may be a private cloud's.
func (l *loader) region(name, region, endpoint string) {
	if region == "" || endpoint != "" || slices.Contains(Regions(), region) {
		return
	}
	path := []string{"target", name, "region"}
	if l.broken[join(path)] {
		return
	}
	hint := didYouMean(region, Regions())
	if hint == "" {
		hint = "regions are written like cn-hangzhou or eu-central-1; for one that is not known here set endpoint"
	}
	l.add(l.problem(l.root.find(path), true, codeRegion, fmt.Sprintf("%s %q is not a region", l.name(path), region), hint))
	l.broken[join(path)] = true
	l.broken[join([]string{"target", name, "endpoint"})] = true // it would be derived from the region
}
