# make reproduce         create the environment and run the main job
# make reproduce-all     the same with every stored posterior sampled anew (about 20 minutes) and the specification curves with
#                        their joint tests computed anew (about an hour more; goes on where it was ended)
# make test              create the environment and pass the tests
# make test-thorough     the tests with ten times as many examples of each property
# make test-all          the tests on every supported Python that is installed
# make calibration       simulate the cells of the record that are missing or out of date; goes on where it was ended (hours for all;
#                        ARGS="--only segmented --minutes 30" for a part)
# make calibration-nuts  sample the exact model beside the default estimator (about 5 minutes)
# make calibration-sampling  rank what the sampled model draws, and twenty seeds of its contract (about half an hour; goes on
#                        where it was ended)
# make calibration-panels  simulate the panels with donors in the same way as the series (about half an hour)
# make calibration-inferences  simulate conformal tests, prediction intervals, jackknives and the Bayesian synthetic control
#                        (about half an hour; goes on where it was ended)
# make calibration-threats  plant every threat in a reference design and count how often it is flagged (about 10 minutes)
# make peers-its         put CausalPy, in an environment of its own, on the data sets of the record (about half an hour)
# make peers             time this package and pysyncon, mlsynth, diff-diff and CausalPy, each in an environment of its own, on the
#                        same files (half an hour; ARGS="--only prop99 --cap 60" for a part); writes reports/benchmarks
# make planted-edits     change 1,000 single digits at random in a copy of a report and all it rests on, and count how many
#                        verify names (about a quarter of an hour; ARGS="--edits 100 --study malmo")
# make benchmarks        time the default estimator beside a Poisson regression
# make lock              resolve requirements.lock anew from pyproject.toml (needs uv)

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
OUT ?= reports
JOBS ?= 2
CURVES := malmo copenhagen
PEERS := .venv-peers
TIMED := pysyncon mlsynth diff-diff
INTERPRETERS := python3.11 python3.12 python3.13

export OPENBLAS_NUM_THREADS = 1
export OMP_NUM_THREADS = 1

.PHONY: reproduce reproduce-all test test-thorough test-all calibration calibration-nuts calibration-sampling calibration-panels \
	calibration-inferences calibration-threats peers-its peers benchmarks lock prerequisites clean
.PHONY: reproduce reproduce-all test test-all calibration calibration-nuts calibration-sampling calibration-panels calibration-inferences \
	peers-its peers planted-edits benchmarks lock prerequisites clean

reproduce: $(READY)
	$(BIN)/gvi-eval reproduce --out $(OUT)

reproduce-all: $(READY)
	for study in $(CURVES); do $(BIN)/gvi-eval curve $$study || exit 1; done
	$(BIN)/gvi-eval reproduce --out $(OUT) --resample

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-thorough: $(READY)
	HYPOTHESIS_PROFILE=thorough $(BIN)/python -m pytest -n $(JOBS) $(ARGS)

test-all:
	@for python in $(INTERPRETERS); do \
		if $$python -c 'import ensurepip, venv' >/dev/null 2>&1; then \
			echo "== $$python"; $(MAKE) --no-print-directory test PYTHON=$$python VENV=.venv-$$python || exit 1; \
		else \
			echo "== $$python skipped: not installed, or without its venv module"; \
		fi; \
	done

calibration: $(READY)
	$(BIN)/python -m tests.calibration.run --jobs $(JOBS) $(ARGS)

calibration-nuts: $(READY)
	$(BIN)/python -m tests.calibration.nuts $(ARGS)

calibration-sampling: $(READY)
	$(BIN)/python -m tests.calibration.sampling $(ARGS)

calibration-panels: $(READY)
	$(BIN)/python -m tests.calibration.panels_run $(ARGS)

calibration-inferences: $(READY)
	$(BIN)/python -m tests.calibration.inferences $(ARGS)

calibration-threats: $(READY)
	$(BIN)/python -m tests.calibration.threats --jobs $(JOBS) $(ARGS)

peers-its: $(READY) $(PEERS)/.ready-its
	$(BIN)/python -m tests.calibration.peers.its --python $(PEERS)/bin/python $(ARGS)

peers: $(READY) $(PEERS)/.ready-its $(TIMED:%=$(PEERS)-%/.ready)
	$(BIN)/python -m tests.benchmarks.peers.run --environments $(PEERS) $(ARGS)

planted-edits: $(READY)
	$(BIN)/python -m tests.support.planted_edits $(ARGS)

benchmarks: $(READY)
	$(BIN)/python -m tests.benchmarks.latent_counts

prerequisites:
	@command -v git >/dev/null || { echo "git is missing: install it, on Debian with 'apt install git'"; exit 2; }
	@command -v $(PYTHON) >/dev/null || { echo "$(PYTHON) is missing: install Python 3.11 to 3.13, on Debian with 'apt install python3'"; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { echo "$(PYTHON) is $$($(PYTHON) -V): gvi_eval needs Python 3.11 to 3.13; name one with 'make PYTHON=python3.11 ...'"; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "the venv module of $(PYTHON) is missing: install it, on Debian with 'apt install python3-venv'"; exit 2; }

$(READY): requirements.lock pyproject.toml | prerequisites
	@echo "creating $(VENV); about two minutes the first time"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r requirements.lock \
		|| { echo "the packages of requirements.lock could not be installed: check the network, then run make again"; exit 1; }
	@$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation -e .
	@echo "compiling the kernels; about a minute, once"
	@$(BIN)/python -m gvi_eval.kernels
	@touch $(READY)

$(PEERS)/.ready-its: tests/calibration/peers/requirements.txt | prerequisites
	@echo "creating $(PEERS) for the peers, apart from our own environment"
	@test -x $(PEERS)/bin/python || $(PYTHON) -m venv $(PEERS)
	@$(PEERS)/bin/python -m pip install --disable-pip-version-check --quiet -r tests/calibration/peers/requirements.txt
	@touch $@

$(PEERS)-%/.ready: tests/benchmarks/peers/%.txt | prerequisites
	@echo "creating $(PEERS)-$* for $*"
	@test -x $(PEERS)-$*/bin/python || $(PYTHON) -m venv $(PEERS)-$*
	@$(PEERS)-$*/bin/python -m pip install --disable-pip-version-check --quiet -r $<
	@touch $@

lock:
	uv pip compile pyproject.toml --extra test --extra cluster --universal --python-version 3.11 --generate-hashes \
		--no-emit-index-url --no-header --no-annotate --quiet -o requirements.lock

clean:
	rm -rf $(VENV) $(PEERS) $(TIMED:%=$(PEERS)-%) $(addprefix .venv-,$(INTERPRETERS)) build *.egg-info
