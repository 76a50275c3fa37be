package kubernetes

import (
	"os"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// compose is the part of the Compose file format that deploy/compose.yaml uses.
type compose struct {
	Services map[string]struct {
		Build struct {
			Context    string `json:"context"`
			Dockerfile string `json:"dockerfile"`
		} `json:"build"`
		Image       string            `json:"image"`
		Command     []string          `json:"command"`
		Environment map[string]string `json:"environment"`
		HealthCheck struct {
			Disable bool `json:"disable"`
		} `json:"healthcheck"`
		DependsOn       []string `json:"depends_on"`
		ReadOnly        bool     `json:"read_only"`
		CapDrop         []string `json:"cap_drop"`
		SecurityOpt     []string `json:"security_opt"`
		Volumes         []string `json:"volumes"`
		StopGracePeriod string   `json:"stop_grace_period"`
	} `json:"services"`
	Volumes map[string]struct{} `json:"volumes"`
}

func TestCompose(t *testing.T) {
	text, err := os.ReadFile("../compose.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c := strict[compose](t, text)
	s := c.Services["shipper"]
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.StopGracePeriod != "60s" ||
		!slices.Equal(s.Volumes, []string{"./compose:/etc/shipper:ro", "logs:/var/log/app:ro", "state:/var/lib/shipper"}) {
		t.Errorf("shipper: %+v", s)
	}
	if _, err := os.Stat("../" + s.Build.Context + "/" + s.Build.Dockerfile); err != nil {
		t.Error(err)
	}
	if e := c.Services["emulator"]; !slices.Equal(e.Command, []string{"emulator", "--listen", ":9621"}) || e.Build != s.Build {
		t.Errorf("emulator: %+v", e)
	}
	toml, err := os.ReadFile("../compose/shipper.toml")
	if err != nil {
		t.Fatal(err)
	}
	has(t, config(t, manifest{configs: []corev1.ConfigMap{{Data: map[string]string{"shipper.toml": string(toml)}}}}), "http://emulator:9621", "/var/log/app/*.log")
}
