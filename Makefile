# make demo    everything from a folder of photos to a registered model, on this machine
# make demo-tabular   the same for a table: another kind of model on the same machinery
# make test    the tests
# make check   format, lint, types, tests: what continuous integration runs

PYTHON ?= $(shell for v in 3.11 3.12 3.13 3.10 3; do \
	python$$v -c 'import ensurepip' 2>/dev/null && echo python$$v && break; done)
BIN := .venv/bin
SOURCES := definitions.py errors.py sample_creatures.py sample_data.py workloads.py examples \
	commands infrastructure local pipeline provision settings statemachine steps benchmarks tests
ASL_VALIDATOR := .cache/asl-validator/node_modules/.bin/asl-validator

TABULAR := examples/tabular

.PHONY: install demo demo-tabular test check lint foundation linters asl toolkit serving-toolkit lock clean

install: .venv/.installed

.venv/.installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' || \
		{ echo "Breedline needs Python 3.10 to 3.13; name one with make PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	@# uv installs in a fifth of pip's time; pip alone works as well.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv || true
	$(BIN)/python -m uv pip install --quiet --python $(BIN)/python -r requirements.lock || \
		$(BIN)/python -m pip install --quiet -r requirements.lock
	@touch $@

demo: install
	$(BIN)/python definitions.py demo $(if $(DATA),--data "$(DATA)")

demo-tabular: install
	$(BIN)/python definitions.py demo --settings $(TABULAR)/environments.toml $(if $(DATA),--data "$(DATA)")

test: install
	$(BIN)/python -m pytest

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy $(SOURCES)
	$(BIN)/mypy statemachine/functions/smoke_test/*.py
	MYPYPATH=$(TABULAR)/steps $(BIN)/mypy $(TABULAR)/steps/*.py
	MYPYPATH=$(TABULAR)/functions/predict:statemachine/functions/predict $(BIN)/mypy $(TABULAR)/functions/predict/*.py
	MYPYPATH=$(TABULAR)/functions/smoke_test $(BIN)/mypy $(TABULAR)/functions/smoke_test/*.py

check: lint test linters

# Writes the template that `bootstrap` deploys anew.
foundation: install
	$(BIN)/python -m infrastructure > infrastructure/foundation.new
	mv infrastructure/foundation.new infrastructure/foundation.yaml

# Looks at that template with cfn-lint and checkov, which want an environment of their own.
linters: install
	test -x .cache/linters/bin/python || $(PYTHON) -m venv .cache/linters
	test -x .cache/linters/bin/checkov || .cache/linters/bin/python -m pip install --quiet \
		--disable-pip-version-check "cfn-lint>=1.58,<2" "checkov>=3.3.30,<4"
	BREEDLINE_LINTERS=$(CURDIR)/.cache/linters/bin \
		$(BIN)/python -m pytest tests/infrastructure/test_linters.py

# Compares a job's environment with what AWS's own training toolkit makes (its build needs gcc).
toolkit: install
	test -x .cache/toolkit/bin/python || $(PYTHON) -m venv .cache/toolkit
	.cache/toolkit/bin/python -m pip install --quiet --disable-pip-version-check \
		"sagemaker-training>=5.1,<6" "setuptools<82"
	BREEDLINE_TRAINING_TOOLKIT=$(CURDIR)/.cache/toolkit/bin/python \
		$(BIN)/python -m pytest tests/local/jobs/test_toolkit_conformance.py

# Compares a model server's answers with those of AWS's own inference toolkit in TorchServe.
serving-toolkit: install
	test -x .cache/serving-toolkit/bin/python || $(PYTHON) -m venv .cache/serving-toolkit
	.cache/serving-toolkit/bin/python -m pip install --quiet --disable-pip-version-check \
		"sagemaker-inference>=1.10,<2" "sagemaker-pytorch-inference>=2.0.25,<2.1" "psutil<8"
	.cache/serving-toolkit/bin/python -m pip install --quiet --disable-pip-version-check \
		--no-deps "torchserve>=0.12,<0.13"
	BREEDLINE_SERVING_TOOLKIT=$(CURDIR)/.cache/serving-toolkit/bin/python \
		$(BIN)/python -m pytest tests/local/endpoints/test_serving_conformance.py

# Checks the compiled state machines with the open asl-validator (its installation needs npm).
asl: install
	@command -v npm >/dev/null || \
		{ echo "make asl needs Node.js with npm, of version 18 or later; install it first"; exit 1; }
	test -x $(ASL_VALIDATOR) || npm install --silent --no-audit --no-fund \
		--prefix .cache/asl-validator asl-validator@4.0.0
	BREEDLINE_ASL_VALIDATOR=$(CURDIR)/$(ASL_VALIDATOR) \
		$(BIN)/python -m pytest tests/statemachine/test_asl_validator.py

lock:
	$(BIN)/python -m uv pip compile --universal --python-version 3.10 --no-header --quiet \
		requirements-dev.txt -o requirements.lock

clean:
	-$(BIN)/python definitions.py local reset
	rm -rf .venv .local
