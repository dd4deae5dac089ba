# Everything a developer or a user runs. Each target sets up what it needs first; nothing to do is quick.
NODE    := node_modules/.bin/node
SOURCES := $(shell find src -name '*.ts')
.DEFAULT_GOAL := help
.PHONY: help setup programs demo test bench check ci generate chart image cluster cluster-down clean

help: ## print this
	@echo "Fairlead connects Kubernetes nodes to the private networks outside the cluster."
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

setup: ## install what is missing (Debian packages, npm packages) and build
	@sh tools/setup.sh
	@$(MAKE) --no-print-directory dist/netlink.node dist/fairlead.js

dist/netlink.node: native/netlink.c tools/build-addon.ts
	@echo "==> building the netlink addon"
	@$(NODE) tools/build-addon.ts

dist/fairlead.js: $(SOURCES) tools/build.ts package-lock.json
	@echo "==> building dist/fairlead.js"
	@$(NODE) tools/build.ts

dist/fairlead-image.tar: dist/fairlead.js native/netlink.c package.json $(wildcard bin/* tools/image/*)
	@echo "==> building the container image"
	@$(NODE) tools/image/main.ts >/dev/null

demo: setup ## show the main job with real packets in network namespaces (root)
	@$(NODE) demo/demo.ts

programs: setup ## build Kubernetes, helm and kubeconform for the tests: once, about 13 minutes; needs Go
	@$(NODE) tools/programs/main.ts >/dev/null

test: programs dist/fairlead-image.tar ## run every test (root: they make network namespaces)
	@echo "==> running the tests"
	@$(NODE) tools/test.ts

bench: setup ## measure against a C program, with the budgets beside it (root)
	@$(NODE) bench/bench.ts

check: setup ## types, layers, style, and whether generated files are fresh
	@echo "==> checking types"
	@node_modules/.bin/tsc -b
	@echo "==> checking style and imports"
	@sh tools/biome.sh check --error-on-warnings
	@echo "==> checking generated files"
	@$(NODE) tools/generate.ts --check

ci: check test ## what CI runs

generate: setup ## write the CRDs, the reference pages and deploy/install.yaml
	@$(NODE) tools/generate.ts

chart: setup ## package the Helm chart into dist/
	@$(NODE) tools/chart.ts

image: setup ## build the container image (amd64, arm64) and its SBOM into dist/
	@$(NODE) tools/image/main.ts

cluster: programs dist/fairlead-image.tar ## three nodes of real Kubernetes with Fairlead on this machine (root)
	@$(NODE) tools/cluster/main.ts up

cluster-down: ## remove the cluster
	@$(NODE) tools/cluster/main.ts down

clean: ## delete what was built
	@rm -rf dist .build
