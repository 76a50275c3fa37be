// Package kubernetes holds no code, only manifests; its test decodes them strictly and checks what shipper rests on.
package kubernetes

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

// manifest is one file, decoded: an unknown or misplaced field is an error.
type manifest struct {
	namespaces []corev1.Namespace
	accounts   []corev1.ServiceAccount
	configs    []corev1.ConfigMap
	pods       []corev1.PodSpec
}

func read(t *testing.T, name string) manifest {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	for _, doc := range bytes.Split(text, []byte("\n---\n")) {
		var kind metav1.TypeMeta
		if err := yaml.Unmarshal(doc, &kind); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch kind.APIVersion + " " + kind.Kind {
		case "v1 Namespace":
			m.namespaces = append(m.namespaces, strict[corev1.Namespace](t, doc))
		case "v1 ServiceAccount":
			m.accounts = append(m.accounts, strict[corev1.ServiceAccount](t, doc))
		case "v1 ConfigMap":
			m.configs = append(m.configs, strict[corev1.ConfigMap](t, doc))
		case "apps/v1 Deployment":
			d := strict[appsv1.Deployment](t, doc)
			selects(t, d.Spec.Selector, d.Spec.Template)
			m.pods = append(m.pods, d.Spec.Template.Spec)
		case "apps/v1 DaemonSet":
			d := strict[appsv1.DaemonSet](t, doc)
			selects(t, d.Spec.Selector, d.Spec.Template)
			m.pods = append(m.pods, d.Spec.Template.Spec)
		default:
			t.Fatalf("%s: a %s of %s", name, kind.Kind, kind.APIVersion)
		}
	}
	return m
}

func strict[T any](t *testing.T, doc []byte) T {
	t.Helper()
	var v T
	if err := yaml.UnmarshalStrict(doc, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// selects: a workload that does not select its own pods is refused by the API.
func selects(t *testing.T, s *metav1.LabelSelector, p corev1.PodTemplateSpec) {
	t.Helper()
	for k, v := range s.MatchLabels {
		if p.Labels[k] != v {
			t.Errorf("the selector asks for %s=%s, the pod has %q", k, v, p.Labels[k])
		}
	}
}

// shipper finds the container, and checks what holds wherever it runs.
func shipper(t *testing.T, pod corev1.PodSpec) corev1.Container {
	t.Helper()
	all := slices.Concat(pod.InitContainers, pod.Containers)
	i := slices.IndexFunc(all, func(c corev1.Container) bool { return c.Name == "shipper" })
	if i < 0 {
		t.Fatal("no container is called shipper")
	}
	c := all[i]
	sc := c.SecurityContext
	if sc == nil || !*sc.ReadOnlyRootFilesystem || *sc.AllowPrivilegeEscalation || !slices.Equal(sc.Capabilities.Drop, []corev1.Capability{"ALL"}) ||
		sc.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault || sc.Privileged != nil {
		t.Errorf("security context %+v", sc)
	}
	if c.LivenessProbe == nil || c.LivenessProbe.HTTPGet.Path != "/healthz" || c.Resources.Limits.Memory().IsZero() {
		t.Error("no liveness probe of /healthz, or no memory limit")
	}
	if *pod.TerminationGracePeriodSeconds <= 25+5+15 {
		t.Errorf("%d s of grace are not more than drain_limit, requests in flight and saving deleted files", *pod.TerminationGracePeriodSeconds)
	}
	for _, m := range c.VolumeMounts {
		if writable := m.MountPath == "/var/lib/shipper"; m.ReadOnly == writable || m.SubPath != "" {
			t.Errorf("mount %s: read-only %v, subPath %q", m.MountPath, m.ReadOnly, m.SubPath)
		}
		volume(t, pod, m.Name)
	}
	return c
}

func volume(t *testing.T, pod corev1.PodSpec, name string) corev1.Volume {
	t.Helper()
	i := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == name })
	if i < 0 {
		t.Fatalf("no volume %q", name)
	}
	return pod.Volumes[i]
}

// config lets the program itself judge the configuration in the ConfigMap, and returns what it would use.
func config(t *testing.T, m manifest) string {
	t.Helper()
	if len(m.configs) != 1 || m.configs[0].Data["shipper.toml"] == "" {
		t.Fatal("no ConfigMap with a shipper.toml")
	}
	file := filepath.Join(t.TempDir(), "shipper.toml")
	if err := os.WriteFile(file, []byte(m.configs[0].Data["shipper.toml"]), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", "./cmd/shipper", "--config", file, "validate", "--print")
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "NODE_NAME=node-1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("validate: %v\n%s", err, out)
	}
	return string(out)
}

func has(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("the configuration does not say %s:\n%s", w, text)
		}
	}
}

// sidecar checks what both kinds of sidecar rest on.
func sidecar(t *testing.T, m manifest) (corev1.PodSpec, corev1.Container) {
	t.Helper()
	pod := m.pods[0]
	c := shipper(t, pod)
	if !*c.SecurityContext.RunAsNonRoot || *c.SecurityContext.RunAsUser != 65532 || *pod.SecurityContext.FSGroup != 65532 {
		t.Error("not the image's user, or the application's files are not its group's")
	}
	if c.ReadinessProbe != nil {
		t.Error("a readiness probe: trouble with logs would take the application out of its Service")
	}
	for _, name := range []string{"logs", "state"} {
		if v := volume(t, pod, name); v.EmptyDir == nil || v.EmptyDir.SizeLimit.IsZero() {
			t.Errorf("volume %s is no emptyDir with a limit", name)
		}
	}
	return pod, c
}

func TestSidecar(t *testing.T) {
	m := read(t, "sidecar.yaml")
	pod, c := sidecar(t, m)
	if len(pod.InitContainers) != 1 || c.RestartPolicy == nil || *c.RestartPolicy != corev1.ContainerRestartPolicyAlways {
		t.Error("no init container with restartPolicy Always: that is what makes a native sidecar")
	}
	has(t, config(t, m), "/var/log/app/*.log")
}

func TestClassicSidecar(t *testing.T) {
	m := read(t, "sidecar-classic.yaml")
	pod, c := sidecar(t, m)
	if len(pod.InitContainers) != 0 || c.RestartPolicy != nil {
		t.Error("older clusters refuse restartPolicy on a container")
	}
	has(t, config(t, m), `drain = "sidecar"`, `drain_limit = "25s"`)
}

func TestDaemonSet(t *testing.T) {
	m := read(t, "daemonset.yaml")
	pod := m.pods[0]
	c := shipper(t, pod)
	if *c.SecurityContext.RunAsUser != 0 || !slices.Equal(c.SecurityContext.Capabilities.Add, []corev1.Capability{"DAC_READ_SEARCH"}) {
		t.Error("not root with DAC_READ_SEARCH alone")
	}
	if state := volume(t, pod, "state"); state.HostPath == nil || state.HostPath.Path != "/var/lib/shipper" {
		t.Error("positions do not outlive the pod")
	}
	if pod.HostNetwork || pod.HostPID || *m.accounts[0].AutomountServiceAccountToken || pod.ServiceAccountName != m.accounts[0].Name {
		t.Error("more of the node or of the API than needed")
	}
	if key := volume(t, pod, "key"); !*key.Secret.Optional {
		t.Error("rrsa.yaml needs the key to be optional")
	}
	has(t, config(t, m), `format = "cri"`, "/var/log/pods/**/*.log", "logging_shipper-*", `name = "node-1"`, `drain = "host"`)
}

// TestRRSA: applied over the DaemonSet it must meet the same names.
func TestRRSA(t *testing.T) {
	over, under := read(t, "rrsa.yaml"), read(t, "daemonset.yaml")
	if over.namespaces[0].Labels["pod-identity.alibabacloud.com/injection"] != "on" ||
		over.accounts[0].Annotations["pod-identity.alibabacloud.com/role-name"] == "" {
		t.Error("the webhook would not act")
	}
	if over.namespaces[0].Name != under.namespaces[0].Name || over.accounts[0].Name != under.accounts[0].Name || over.configs[0].Name != under.configs[0].Name {
		t.Error("it does not replace what daemonset.yaml has")
	}
	has(t, config(t, over), `source = "oidc"`, `format = "cri"`)
}
