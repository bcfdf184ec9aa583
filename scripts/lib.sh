# shellcheck shell=bash
# shellcheck disable=SC2034 # the lists are read by the scripts that source this
# What quickstart and test share. Source it from a script in this folder: it moves to the repository's root.

cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

build_packages=(
  g++ cmake ninja-build libboost-dev libboost-graph-dev libboost-program-options-dev libeigen3-dev libhdf5-dev
  libexpat1-dev libyaml-cpp-dev nlohmann-json3-dev libfmt-dev libtbb-dev zlib1g-dev
)
test_packages=(
  libgtest-dev libgmock-dev libbenchmark-dev python3 python3-h5py python3-xarray python3-netcdf4 netcdf-bin
  hdf5-tools shellcheck
)
clang_packages=(clang-19)

say() { printf '==> %s\n' "$*"; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

as_root() {
  if [[ $EUID -eq 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "installing packages needs root: run this as root, or install sudo"
  fi
}

# Prints those of the packages that are not installed, one a line.
missing_packages() {
  local package
  for package in "$@"; do
    [[ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" == installed ]] || printf '%s\n' "$package"
  done
}

# Installs what is missing of the packages; without anything missing it touches nothing.
install_packages() {
  command -v dpkg-query >/dev/null || die "this needs Debian's package manager (Debian 12)"
  local missing
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  say "Installing from Debian: ${missing[*]}"
  as_root apt-get -qq update
  as_root env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null
}

# configure PRESET [OPTION...]: once per build folder; later changes of CMake files are ninja's to notice.
configure() {
  local preset=$1 launcher=()
  shift
  [[ -f build/$preset/build.ninja ]] && return 0
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
  fi
  say "Configuring build/$preset"
  cmake --preset "$preset" "${launcher[@]}" "$@" >/dev/null
}

# build PRESET [TARGET...]: everything, or the targets alone.
build() {
  local preset=$1 quiet=(--quiet)
  shift
  [[ -t 1 ]] && quiet=() # ninja draws its progress on a terminal
  say "Building build/$preset (the first time takes some minutes)"
  ninja "${quiet[@]}" -C "build/$preset" -j "$(nproc)" "$@"
}
