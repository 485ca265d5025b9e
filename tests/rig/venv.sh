#!/usr/bin/env bash
# Makes .venv from the locked requirements: hashes checked, nothing built from what no hash covers.
# Does nothing when requirements, project file, this script and Python are those of last time.
#
#   venv.sh FOLDER
#
# OTPVOICE_PYTHON names the Python to use; else the first of python3, python3.13, 3.12, 3.11 that is 3.11 to 3.13.
# Debian's Python comes without ensurepip: then pip is taken from Debian's python3-pip-whl, without root.
set -euo pipefail
venv=$(realpath -m "${1:?folder}")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
# shellcheck source=tests/rig/progress.sh
. tests/rig/progress.sh
# shellcheck source=tests/rig/debian.sh
. tests/rig/debian.sh

work=$(mktemp -d "${TMPDIR:-/tmp}/otpvoice-venv.XXXXXX")
trap 'rm -rf "$work" "$rig_log"' EXIT
trap 'exit 130' INT TERM HUP
# What a user's or a machine's settings could turn into an installation elsewhere.
export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
unset PIP_TARGET PIP_PREFIX PYTHONHOME PYTHONPATH

choose_python() {
    local candidate
    for candidate in ${OTPVOICE_PYTHON:-python3 python3.13 python3.12 python3.11}; do
        "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null || continue
        printf '%s' "$candidate"
        return 0
    done
    return 1
}

make_venv() {
    rm -rf "$venv"
    # --without-pip works where ensurepip is missing.
    "$python" -m venv --without-pip "$venv"
    "$venv/bin/python" -m ensurepip --default-pip && return 0
    local wheel=
    if open_apt "$work/apt" && use_own_release && unpack_packages "$work/root" python3-pip-whl; then
        wheel=$(compgen -G "$work/root/usr/share/python-wheels/pip-*.whl" | head -n 1)
    fi
    if [[ -n $wheel ]]; then
        "$venv/bin/python" "$wheel/pip" install --no-index --no-deps "$wheel"
    elif "$python" -m pip --version; then
        "$python" -m pip --python "$venv/bin/python" install pip
    else
        echo "Python has no ensurepip and no pip. Install it, as root: apt-get install python3-venv"
        return 1
    fi
}

install_locked() {
    "$venv/bin/python" -m pip install --require-hashes -r requirements/dev.txt
}

install_project() {
    # The build backend is in the locked requirements: no isolation, no download.
    "$venv/bin/python" -m pip install --no-deps --no-build-isolation -e .
}

python=$(choose_python) ||
    fail "No Python from 3.11 to 3.13 found. Install it, as root: apt-get install python3" \
        "(or name one: OTPVOICE_PYTHON=/path/to/python3)."
key=$({
    "$python" -c 'import sys; print(sys.version, sys.executable)'
    cat requirements/dev.txt pyproject.toml tests/rig/venv.sh
    printf '%s' "$PWD"
} | sha256sum)
stamp=$venv/.otpvoice
if [[ -x $venv/bin/python && $(cat "$stamp" 2>/dev/null) == "$key" ]]; then
    exit 0
fi
rm -f "$stamp"
# One that works and is of the same Python is brought up to date in place: somebody may be using it.
version='import sys; print(sys.version)'
if [[ $("$venv/bin/python" -c "import pip; $version" 2>/dev/null) != "$("$python" -c "$version")" ]]; then
    step "venv: $("$python" --version) in ${venv#"$PWD"/}" make_venv
fi
step "venv: installing the locked packages" install_locked
step "venv: installing otpvoice" install_project
printf '%s\n' "$key" >"$stamp"
