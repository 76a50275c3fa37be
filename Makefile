# Everything a developer needs; each target installs what it uses. `make test` is the one to know.
GO       ?= go
BIN      := bin
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
GOFLAGS  += -trimpath
export CGO_ENABLED ?= 0

.PHONY: build test short model soak fuzz lint fmt generate e2e packages image host container bench flame stages clean

build: ## one static binary in bin/
	$(GO) build $(GOFLAGS) -ldflags '$(LDFLAGS)' -o $(BIN)/shipper ./cmd/shipper

test: ## the whole suite under the race detector, in random order
	CGO_ENABLED=1 $(GO) test -race -shuffle=on -parallel $(WAITING) -timeout 20m ./...

# Tests that run at the same time do little but wait, for a program, for a second to pass: more of them than there are cores.
WAITING := 4

short: ## the quick part of the suite
	$(GO) test -short ./...

MODEL ?= 500
model: ## MODEL random lives of a host against a model that knows every line; MODEL_SEED=n plays those of that seed, MODEL_SEED=random others
	SHIPPER_MODEL=$(MODEL) SHIPPER_MODEL_SEED=$(MODEL_SEED) $(GO) test -count=1 -timeout 10m -parallel $(WAITING) -v -run '^TestModel$$' ./pkg/daemon

SOAK ?= 1h
soak: ## a host in bad weather for SOAK: rotation, kills, reloads, and everything that the service can do; SOAK_SEED=n makes another one
	SHIPPER_SOAK=$(SOAK) SHIPPER_SOAK_SEED=$(SOAK_SEED) $(GO) test -count=1 -timeout 0 -v -run '^TestSoak$$' ./internal/e2e

FUZZTIME ?= 10s
fuzz: ## every fuzz target for FUZZTIME each
	@for pkg in $$($(GO) list ./...); do \
		for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
			echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
		done; done

lint: $(BIN)/golangci-lint ## format, vet and lint
	@test -z "$$(gofmt -l cmd pkg internal)" || { gofmt -l cmd pkg internal; echo 'run: make fmt'; exit 1; }
	$(GO) vet ./...
	$(BIN)/golangci-lint run ./...

$(BIN)/golangci-lint: tools/go.mod
	cd tools && $(GO) build -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

fmt:
	gofmt -w cmd pkg internal

generate: ## what is made from the code: the references of keys, commands, codes and metrics, the example configuration
	$(GO) generate ./...

e2e: build ## real nginx and logrotate (Debian packages, installed if root) through the emulator
	internal/e2e/setup
	SHIPPER_E2E=require $(GO) test -count=1 -timeout 20m -parallel $(WAITING) -run '^Test(Nginx|Logrotate|Idle)' ./internal/e2e

packages: ## deb, rpm and tarballs for amd64 and arm64 in dist/
	VERSION=$(VERSION) deploy/package/build dist

image: build ## the container image, with whichever of docker, podman and buildah is here
	@tool=$$(command -v docker podman buildah | head -1); test -n "$$tool" || { echo 'image: needs docker, podman or buildah' >&2; exit 1; }; \
	set -x; $$tool build -f deploy/Dockerfile -t shipper:$(VERSION) -t shipper:latest .

host: ## as root: the service on a Debian host with systemd, logrotate and journal; install, upgrade and purge of the packages
	internal/e2e/hostsetup host
	SHIPPER_E2E=require $(GO) test -count=1 -timeout 15m -run '^TestHost' ./internal/e2e

container: ## as root: the image as a hardened container, on a node and as a sidecar; the manifests
	cd deploy/kubernetes && $(GO) test ./...
	internal/e2e/hostsetup container
	SHIPPER_E2E=require $(GO) test -count=1 -timeout 15m -run '^TestContainer' ./internal/e2e

bench: ## shipper against a loop around the SDK's producer and the bare pipeline; BENCH='-only nginx' for a part
	$(GO) run ./internal/bench $(BENCH)

flame: ## docs/flame.svg, where the time goes, from a run of the nginx corpus under the profiler
	$(GO) run ./internal/bench -flame docs/flame.svg

stages: ## the stages, each by itself
	$(GO) test -run '^$$' -bench . -benchmem ./pkg/... ./internal/...

clean:
	rm -rf $(BIN) dist
